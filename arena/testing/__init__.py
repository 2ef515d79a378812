"""Laws that every agent, encoder and environment keeps, for the tests of plugin authors.

A law is a function that takes a name (or, for an agent or an encoder, a class) and raises `LawError` if it is broken:
the message names the case that broke it and a remedy. It raises `DoesNotApply` if it does not apply to the thing, such
as a law about transition models to an environment without one.

Example:
    >>> from arena.testing import AGENT_LAWS, DoesNotApply
    >>> @pytest.mark.parametrize("law", AGENT_LAWS)  # doctest: +SKIP
    ... def test_my_agent_keeps_the_laws(law):
    ...     with contextlib.suppress(DoesNotApply):
    ...         law(MyAgent)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from arena.testing.agents import (
    acts_from_its_generator,
    acts_in_its_space,
    batch_equals_singles,
    boundaries_change_nothing,
    compiled_equals_generic,
    same_seed_same_bytes,
    state_round_trips,
    transfers,
)
from arena.testing.cases import SAMPLES, Case, every_agent, every_environment, registered
from arena.testing.chain import chain_values, two_states
from arena.testing.check import (
    AGENT_LAWS,
    ENVIRONMENT_LAWS,
    Verdict,
    check_agent,
    check_encoder,
    check_environment,
)
from arena.testing.configs import (
    agent_options_have_help,
    agent_options_round_trip,
    environment_options_have_help,
    environment_options_round_trip,
)
from arena.testing.environments import lane_equals_single, model_matches_environment, passes_gymnasium
from arena.testing.errors import DoesNotApply, LawError
from arena.testing.globals import globals_untouched, changes_no_global_generator
from arena.testing.imports import HEAVY, imports_lightly, plugin_imports_lightly
from arena.testing.numbers import reported_values_match_actions
from arena.testing.pictures import controls_give_valid_actions, painter_paints_scenes
from arena.testing.processes import same_bytes_in_another_process, same_bytes_in_other_processes
from arena.testing.resume import Uninterrupted, contents, resumes_exactly, survives_kills
from arena.testing.trial import Trial, difference
from arena.testing.values import bootstraps_through_truncation

if TYPE_CHECKING:
    from arena.testing.densities import densities_sum_to_one, inverts_exactly, scores_are_independent
    from arena.testing.encoder_cases import FRAMES, EncoderCase, Specimen, every_encoder
    from arena.testing.encoder_laws import ENCODER_LAWS
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

#: Modules of the laws of encoders, which are imported on demand since they import torch.
_HOMES = {
    "ENCODER_LAWS": "encoder_laws",
    "EncoderCase": "encoder_cases",
    "FRAMES": "encoder_cases",
    "Specimen": "encoder_cases",
    "partial_fit_takes_one_epoch": "protocols",
    "decodes_into_the_space": "protocols",
    "densities_sum_to_one": "densities",
    "encoder_options_have_help": "encoders",
    "encoder_options_round_trip": "encoders",
    "codes_are_independent": "protocols",
    "every_encoder": "encoder_cases",
    "inverts_exactly": "densities",
    "registers_its_tensors": "encoders",
    "same_seed_same_weights": "encoders",
    "encoding_changes_nothing": "encoders",
    "loss_is_a_scalar": "encoders",
    "loss_decreases": "encoders",
    "predictions_are_independent": "protocols",
    "rejects_unsupported_spaces": "encoders",
    "rejects_invalid_options": "encoders",
    "samples_from_its_generator": "protocols",
    "loading_preserves_codes": "protocols",
    "scores_are_independent": "densities",
    "steps_equal_unroll": "protocols",
    "training_continues_exactly": "encoders",
}

__all__ = [
    "AGENT_LAWS",
    "ENCODER_LAWS",
    "ENVIRONMENT_LAWS",
    "FRAMES",
    "HEAVY",
    "SAMPLES",
    "Case",
    "DoesNotApply",
    "EncoderCase",
    "LawError",
    "Specimen",
    "Trial",
    "Uninterrupted",
    "Verdict",
    "acts_from_its_generator",
    "acts_in_its_space",
    "agent_options_have_help",
    "agent_options_round_trip",
    "batch_equals_singles",
    "bootstraps_through_truncation",
    "boundaries_change_nothing",
    "chain_values",
    "check_agent",
    "check_encoder",
    "check_environment",
    "contents",
    "controls_give_valid_actions",
    "decodes_into_the_space",
    "densities_sum_to_one",
    "difference",
    "encoder_options_have_help",
    "encoder_options_round_trip",
    "codes_are_independent",
    "environment_options_have_help",
    "environment_options_round_trip",
    "every_agent",
    "every_encoder",
    "every_environment",
    "globals_untouched",
    "imports_lightly",
    "inverts_exactly",
    "registers_its_tensors",
    "lane_equals_single",
    "same_seed_same_weights",
    "changes_no_global_generator",
    "encoding_changes_nothing",
    "loss_is_a_scalar",
    "loss_decreases",
    "model_matches_environment",
    "reported_values_match_actions",
    "painter_paints_scenes",
    "partial_fit_takes_one_epoch",
    "passes_gymnasium",
    "compiled_equals_generic",
    "predictions_are_independent",
    "plugin_imports_lightly",
    "rejects_unsupported_spaces",
    "rejects_invalid_options",
    "registered",
    "resumes_exactly",
    "same_bytes_in_another_process",
    "same_bytes_in_other_processes",
    "same_seed_same_bytes",
    "samples_from_its_generator",
    "loading_preserves_codes",
    "scores_are_independent",
    "state_round_trips",
    "steps_equal_unroll",
    "survives_kills",
    "training_continues_exactly",
    "transfers",
    "two_states",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
