"""All laws of encoders, in the order of `arena check`."""

from __future__ import annotations

from collections.abc import Callable

from arena.testing.densities import densities_sum_to_one, inverts_exactly, scores_are_independent
from arena.testing.encoders import (
    encoder_options_have_help,
    encoder_options_round_trip,
    registers_its_tensors,
    same_seed_same_weights,
    encoding_changes_nothing,
    loss_is_a_scalar,
    loss_decreases,
    rejects_unsupported_spaces,
    rejects_invalid_options,
    training_continues_exactly,
)
from arena.testing.protocols import (
    decodes_into_the_space,
    codes_are_independent,
    partial_fit_takes_one_epoch,
    predictions_are_independent,
    samples_from_its_generator,
    loading_preserves_codes,
    steps_equal_unroll,
)

__all__ = ["ENCODER_LAWS"]

#: Each is called as ``law(encoder, frames)``, frames a key of `FRAMES`.
ENCODER_LAWS: tuple[Callable[..., None], ...] = (
    encoder_options_have_help,
    encoder_options_round_trip,
    rejects_invalid_options,
    rejects_unsupported_spaces,
    loss_is_a_scalar,
    loss_decreases,
    training_continues_exactly,
    same_seed_same_weights,
    loading_preserves_codes,
    encoding_changes_nothing,
    registers_its_tensors,
    codes_are_independent,
    decodes_into_the_space,
    predictions_are_independent,
    samples_from_its_generator,
    scores_are_independent,
    densities_sum_to_one,
    inverts_exactly,
    steps_equal_unroll,
    partial_fit_takes_one_epoch,
)
