"""All laws of encoders, in the order of `arena check`."""

from __future__ import annotations

from collections.abc import Callable

from arena.testing import densities, encoders, protocols

__all__ = ["ENCODER_LAWS"]

#: Each is called as ``law(encoder, frames)``, where frames is a key of `FRAMES`.
ENCODER_LAWS: tuple[Callable[..., None], ...] = (
    encoders.encoder_options_have_help,
    encoders.encoder_options_round_trip,
    encoders.rejects_invalid_options,
    encoders.rejects_unsupported_spaces,
    encoders.loss_is_a_scalar,
    encoders.loss_decreases,
    encoders.training_continues_exactly,
    encoders.same_seed_same_weights,
    protocols.loading_preserves_codes,
    encoders.encoding_changes_nothing,
    encoders.registers_its_tensors,
    protocols.codes_are_independent,
    protocols.decodes_into_the_space,
    protocols.predictions_are_independent,
    protocols.samples_from_its_generator,
    densities.scores_are_independent,
    densities.densities_sum_to_one,
    densities.inverts_exactly,
    protocols.steps_equal_unroll,
    protocols.partial_fit_takes_one_epoch,
)
