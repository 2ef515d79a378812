"""All laws of encoders, in the order of `arena check`."""

from __future__ import annotations

from collections.abc import Callable

from arena.testing.densities import densities_sum_to_one, inverts_exactly, scores_each_by_itself
from arena.testing.encoders import (
    encoder_options_have_help,
    encoder_options_round_trip,
    keeps_its_tensors,
    learns_by_its_seed,
    looking_changes_nothing,
    loss_is_a_scalar,
    loss_lowers,
    refuses_in_words,
    refuses_wrong_options,
    training_goes_on,
)
from arena.testing.protocols import (
    decodes_into_the_space,
    encodes_each_by_itself,
    partial_fit_takes_one_epoch,
    perceives_each_by_itself,
    samples_by_its_generator,
    saved_codes_are_loaded,
    steps_equal_the_pass,
)

__all__ = ["ENCODER_LAWS"]

#: Each is called as ``law(encoder, frames)``, frames a key of `FRAMES`.
ENCODER_LAWS: tuple[Callable[..., None], ...] = (
    encoder_options_have_help,
    encoder_options_round_trip,
    refuses_wrong_options,
    refuses_in_words,
    loss_is_a_scalar,
    loss_lowers,
    training_goes_on,
    learns_by_its_seed,
    saved_codes_are_loaded,
    looking_changes_nothing,
    keeps_its_tensors,
    encodes_each_by_itself,
    decodes_into_the_space,
    perceives_each_by_itself,
    samples_by_its_generator,
    scores_each_by_itself,
    densities_sum_to_one,
    inverts_exactly,
    steps_equal_the_pass,
    partial_fit_takes_one_epoch,
)
