"""The laws of arena.testing on everything that is registered; test_laws_catch.py proves each of them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os

import pytest
from agent_cases import AGENTS, CASES, MODULES

from arena import testing
from arena.plugins import get_plugins
from arena.testing import DoesNotApply

pytestmark = pytest.mark.laws

OURS = testing.every_environment()
THEIRS = ["FrozenLake-v1", "Taxi-v4", "CliffWalking-v1", "Blackjack-v1", "CartPole-v1", "Pendulum-v1"]
SLOW = {testing.resumes_exactly, testing.bootstraps_through_truncation}  # have tests of their own

PER_AGENT = {testing.agent_options_have_help, testing.agent_options_round_trip}
LAWS = [law for law in testing.AGENT_LAWS if law not in SLOW]


def test_everything_registered_has_an_environment_to_be_tried_in():
    assert {case.agent for case in CASES} == set(get_plugins().agents)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_an_agent_keeps_the_law(law, case):
    if law in PER_AGENT and case not in AGENTS:
        return
    with contextlib.suppress(DoesNotApply):
        law(*case)


@pytest.mark.parametrize("case", AGENTS, ids=lambda case: case.agent)
@pytest.mark.parametrize("num_envs", [1, 3])
def test_truncation_bootstraps_and_termination_does_not(case, num_envs):
    with contextlib.suppress(DoesNotApply):
        testing.bootstraps_through_truncation(case.agent, num_envs=num_envs)


@pytest.mark.parametrize("case", MODULES, ids=lambda case: case.agent)
def test_another_process_ends_in_the_same_bytes(case):
    testing.same_bytes_in_another_process(*case)


@pytest.mark.parametrize("env", OURS)
@pytest.mark.parametrize("law", testing.ENVIRONMENT_LAWS, ids=lambda law: law.__name__)
def test_an_environment_keeps_the_law(law, env):
    with contextlib.suppress(DoesNotApply):
        law(env)


@pytest.mark.parametrize("env", OURS)
def test_lanes_stay_equal_to_singles_at_another_seed_and_without_a_limit_that_bites(env):
    testing.lane_equals_single(env, num_envs=5, seed=2**31 - 10, limit=50, steps=500)


@pytest.mark.parametrize("env", THEIRS)
def test_anyone_s_environment_is_the_same_in_every_lane(env):
    testing.lane_equals_single(env)
    with contextlib.suppress(DoesNotApply):
        testing.model_tells_the_truth(env)


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
    testing.leaves_globals_alone(*AGENTS[0])
    assert os.listdir(tmp_path) == []
