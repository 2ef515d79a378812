"""The laws of arena.testing on everything that is registered; test_laws_catch.py proves each of them."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import os

import pytest
from agent_cases import AGENTS, CASES, FITTING, SHARING, covering, left_out, rotated, small

from arena import testing
from arena.plugins.discovery import get_plugins
from arena.testing import Case

pytestmark = pytest.mark.laws

OURS = testing.every_environment()
THEIRS = ["FrozenLake-v1", "Taxi-v4", "CliffWalking-v1", "Blackjack-v1", "CartPole-v1", "Pendulum-v1"]

#: Laws that have tests of their own, here and in test_resume.py.
ELSEWHERE = {testing.resumes_exactly, testing.bootstraps_through_truncation}
#: Laws to which the environment does not matter.
PER_AGENT = [testing.agent_options_have_help, testing.agent_options_round_trip]
LAWS = [law for law in testing.AGENT_LAWS if law not in ELSEWHERE and law not in PER_AGENT]
#: Laws that depend on more of an agent than what it shares with others.
OF_EACH = [testing.state_round_trips, testing.same_seed_same_bytes]


def name(law):
    return law.__name__ if callable(law) else str(law)


def test_everything_registered_has_an_environment_to_be_tried_in():
    assert {case.agent for case in CASES} == set(get_plugins().agents)


def test_the_covering_choice_has_every_pair():
    """Pairs with an agent, or where agents share an adapter, with one of these."""

    def pairs(law, case):
        return set(itertools.combinations((law, SHARING[case.agent][0], case.env), 2))

    chosen = covering(LAWS, OF_EACH)
    found = set().union(*(pairs(law, case) for law, case in chosen))
    assert found == set().union(*(pairs(law, case) for law in LAWS for case in CASES))
    assert {(law, case.agent) for law, case in chosen} >= set(itertools.product(OF_EACH, FITTING))
    assert {case.agent for law, case in chosen if law not in OF_EACH} == set(FITTING)
    assert len(chosen) + len(left_out(LAWS, OF_EACH)) == len(LAWS) * len(CASES)


@pytest.mark.parametrize("case", AGENTS, ids=lambda case: case.agent)
@pytest.mark.parametrize("law", PER_AGENT, ids=name)
def test_the_options_of_an_agent_keep_the_law(law, case):
    law(*case)


@pytest.mark.parametrize(("law", "case"), covering(LAWS, OF_EACH), ids=name)
def test_an_agent_keeps_the_law(law, case, keeps):
    """A law that does not apply in the chosen environment is tried in the agent's others."""

    def on_a_small_agent(*case):
        with small(Case(*case)) as (agent, env, settings):
            law(agent, env, **settings)

    cases = rotated(case.agent, FITTING[case.agent].index(case.env))
    keeps(functools.wraps(law)(on_a_small_agent), *cases)


@pytest.mark.slow
@pytest.mark.parametrize(("law", "case"), left_out(LAWS, OF_EACH), ids=name)
def test_an_agent_keeps_the_law_in_every_other_environment(law, case, keeps):
    keeps(law, case)


@pytest.mark.parametrize("case", AGENTS, ids=lambda case: case.agent)
@pytest.mark.parametrize("num_envs", [1, 3])
def test_truncation_bootstraps_and_termination_does_not(case, num_envs, keeps):
    keeps(testing.bootstraps_through_truncation, (case.agent,), num_envs=num_envs)


def test_other_processes_end_in_the_same_bytes():
    """Of agents that share an adapter, the first."""
    cases = [case for case in AGENTS if case.agent == SHARING[case.agent][0]]
    testing.same_bytes_in_other_processes(cases, steps=40)


@pytest.mark.slow
def test_other_processes_end_in_the_same_bytes_with_every_agent():
    testing.same_bytes_in_other_processes(AGENTS, steps=100)


@pytest.mark.parametrize("env", OURS)
@pytest.mark.parametrize("law", testing.ENVIRONMENT_LAWS, ids=name)
def test_an_environment_keeps_the_law(law, env, keeps):
    keeps(law, (env,))


@pytest.mark.parametrize("env", OURS)
def test_lanes_stay_equal_to_singles_at_another_seed_and_without_a_limit_that_bites(env):
    testing.lane_equals_single(env, num_envs=5, seed=2**31 - 10, limit=50, steps=150)


@pytest.mark.parametrize("env", THEIRS)
@pytest.mark.parametrize("law", [testing.lane_equals_single, testing.model_matches_environment], ids=name)
def test_an_environment_of_gymnasium_keeps_the_law(law, env, keeps):
    keeps(law, (env,))


@pytest.mark.parametrize(
    "plugin", sorted(point.name for point in importlib.metadata.entry_points(group="arena"))
)
def test_a_plugin_contributes_without_heavy_imports(plugin):
    testing.plugin_imports_lightly(plugin)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import arena", ()),
        ("import arena.cli", ()),
        ("from arena.cli import main; raise SystemExit(main(['--help']))", ()),
        ("from arena.cli import main; raise SystemExit(main(['list']))", ("gymnasium", "numpy")),
        ("from arena.cli import main; raise SystemExit(main(['list', 'agents']))", ("gymnasium", "numpy")),
        ("import arena; arena.Agent, arena.Experiment, arena.AgentSpec", ("gymnasium", "numpy")),
    ],
)
def test_looking_imports_nothing_heavy(code, allowed):
    testing.imports_lightly(code, [name for name in testing.HEAVY if name not in allowed])


def test_the_laws_leave_no_folders_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    testing.resumes_exactly(*AGENTS[0])
    testing.changes_no_global_generator(*AGENTS[0])
    left = [
        name for name in os.listdir(tmp_path) if name.startswith("arena")
    ]  # torch leaves a folder of its own
    assert left == []
