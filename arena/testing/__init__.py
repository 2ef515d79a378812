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

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports
from arena.testing.agents import (
    acts_by_its_generator,
    acts_in_its_space,
    batch_equals_singles,
    boundaries_change_nothing,
    paths_agree,
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
from arena.testing.environments import lane_equals_single, model_tells_the_truth, passes_gymnasium
from arena.testing.errors import DoesNotApply, LawError
from arena.testing.globals import globals_untouched, leaves_globals_alone
from arena.testing.imports import HEAVY, imports_lightly, plugin_imports_lightly
from arena.testing.numbers import numbers_are_true
from arena.testing.pictures import controls_steer, painter_paints_scenes
from arena.testing.processes import same_bytes_in_another_process, same_bytes_in_other_processes
from arena.testing.resume import Uninterrupted, contents, resumes_exactly, survives_kills
from arena.testing.trial import Trial, difference
from arena.testing.values import bootstraps_through_truncation

if TYPE_CHECKING:
    from arena.testing.densities import densities_sum_to_one, inverts_exactly, scores_each_by_itself
    from arena.testing.encoder_cases import FRAMES, EncoderCase, Specimen, every_encoder
    from arena.testing.encoder_laws import ENCODER_LAWS
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
    "acts_by_its_generator",
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
    "controls_steer",
    "decodes_into_the_space",
    "densities_sum_to_one",
    "difference",
    "encoder_options_have_help",
    "encoder_options_round_trip",
    "encodes_each_by_itself",
    "environment_options_have_help",
    "environment_options_round_trip",
    "every_agent",
    "every_encoder",
    "every_environment",
    "globals_untouched",
    "imports_lightly",
    "inverts_exactly",
    "keeps_its_tensors",
    "lane_equals_single",
    "learns_by_its_seed",
    "leaves_globals_alone",
    "looking_changes_nothing",
    "loss_is_a_scalar",
    "loss_lowers",
    "model_tells_the_truth",
    "numbers_are_true",
    "painter_paints_scenes",
    "partial_fit_takes_one_epoch",
    "passes_gymnasium",
    "paths_agree",
    "perceives_each_by_itself",
    "plugin_imports_lightly",
    "refuses_in_words",
    "refuses_wrong_options",
    "registered",
    "resumes_exactly",
    "same_bytes_in_another_process",
    "same_bytes_in_other_processes",
    "same_seed_same_bytes",
    "samples_by_its_generator",
    "saved_codes_are_loaded",
    "scores_each_by_itself",
    "state_round_trips",
    "steps_equal_the_pass",
    "survives_kills",
    "training_goes_on",
    "transfers",
    "two_states",
]

# Modules of the laws of encoders, which are imported on demand since they import torch.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".densities": ["densities_sum_to_one", "inverts_exactly", "scores_each_by_itself"],
        ".encoder_cases": ["EncoderCase", "FRAMES", "Specimen", "every_encoder"],
        ".encoder_laws": ["ENCODER_LAWS"],
        ".encoders": [
            "encoder_options_have_help",
            "encoder_options_round_trip",
            "keeps_its_tensors",
            "learns_by_its_seed",
            "looking_changes_nothing",
            "loss_is_a_scalar",
            "loss_lowers",
            "refuses_in_words",
            "refuses_wrong_options",
            "training_goes_on",
        ],
        ".protocols": [
            "decodes_into_the_space",
            "encodes_each_by_itself",
            "partial_fit_takes_one_epoch",
            "perceives_each_by_itself",
            "samples_by_its_generator",
            "saved_codes_are_loaded",
            "steps_equal_the_pass",
        ],
    },
)
