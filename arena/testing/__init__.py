"""Laws that every agent and environment keeps, for the tests of whoever writes one.

A law is a function that takes a name (or, for an agent, a class) and raises `LawError` where it is broken,
saying what with and what to do; `DoesNotApply` says that it has nothing to say, such as about the model of an
environment that has none.

Example:
    >>> from arena.testing import AGENT_LAWS, DoesNotApply
    >>> @pytest.mark.parametrize("law", AGENT_LAWS)  # doctest: +SKIP
    ... def test_my_agent_keeps_the_laws(law):
    ...     with contextlib.suppress(DoesNotApply):
    ...         law(MyAgent)
"""

from __future__ import annotations

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
from arena.testing.check import AGENT_LAWS, ENVIRONMENT_LAWS, Verdict, check_agent, check_environment
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
from arena.testing.processes import same_bytes_in_another_process
from arena.testing.resume import Uninterrupted, contents, resumes_exactly, survives_kills
from arena.testing.trial import Trial, difference
from arena.testing.values import bootstraps_through_truncation

__all__ = [
    "AGENT_LAWS",
    "ENVIRONMENT_LAWS",
    "HEAVY",
    "SAMPLES",
    "Case",
    "DoesNotApply",
    "LawError",
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
    "check_environment",
    "contents",
    "difference",
    "environment_options_have_help",
    "environment_options_round_trip",
    "every_agent",
    "every_environment",
    "globals_untouched",
    "imports_lightly",
    "lane_equals_single",
    "leaves_globals_alone",
    "model_tells_the_truth",
    "passes_gymnasium",
    "paths_agree",
    "plugin_imports_lightly",
    "registered",
    "resumes_exactly",
    "same_bytes_in_another_process",
    "same_seed_same_bytes",
    "state_round_trips",
    "survives_kills",
    "transfers",
    "two_states",
]
