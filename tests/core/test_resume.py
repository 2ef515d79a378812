"""Resumed equals uninterrupted, to the byte, for every agent in every kind of environment."""

from __future__ import annotations

import math
import zlib

import pytest
from agent_cases import CASES, covering, left_out, small
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from arena import testing

#: The real kills of the plain suite: for each kind of environment an agent, with the number of lanes and of kills, each
#: of which costs a process. The test with wrappers has the environment with a table of dictionaries.
KILLED = [
    ("sarsa", "arena/CliffWalk-v0", 1, 2),
    pytest.param("q-learning", "FrozenLake-v1", 3, 1, marks=pytest.mark.slow),
    ("sarsa", "Blackjack-v1", 3, 1),
    ("value-iteration", "FrozenLake-v1", 1, 1),
    ("random", "CartPole-v1", 3, 1),
]

NUM_ENVS = (1, 3)
plans = st.lists(st.integers(1, 12), min_size=1, max_size=3)


def check_interruptions(num_envs, case, tmp_path):
    with small(case) as (agent, env, settings_of_laws):
        whole = testing.Uninterrupted.of(agent, env, tmp_path, num_envs=num_envs, **settings_of_laws)

        @settings(max_examples=1)
        @seed(zlib.crc32(str(case).encode()) + num_envs)  # each case is interrupted at points of its own
        @given(plans)
        def after_the_first_yields_and_at_any_points(plan):
            whole.check_interrupted([1, 1, *plan])

        after_the_first_yields_and_at_any_points()


@pytest.mark.laws
@pytest.mark.parametrize(("num_envs", "case"), covering(NUM_ENVS, of_each=()), ids=str)
def test_wherever_a_run_is_interrupted_it_ends_in_the_same_bytes(num_envs, case, tmp_path):
    check_interruptions(num_envs, case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("num_envs", "case"), left_out(NUM_ENVS, of_each=()), ids=str)
def test_in_every_other_environment_an_interrupted_run_ends_in_the_same_bytes(num_envs, case, tmp_path):
    check_interruptions(num_envs, case, tmp_path)


@pytest.mark.parametrize(("agent", "env", "num_envs", "kills"), KILLED)
def test_killed_at_random_instants_it_ends_in_the_same_bytes(agent, env, num_envs, kills):
    testing.survives_kills(agent, env, num_envs=num_envs, kills=kills)


@pytest.mark.slow
@pytest.mark.parametrize("instants", range(3))
@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_many_times_it_ends_in_the_same_bytes(case, num_envs, instants):
    testing.survives_kills(*case, num_envs=num_envs, kills=8, steps=1000, seed=instants)


@pytest.mark.slow
@pytest.mark.parametrize("case", testing.every_agent(), ids=lambda case: case.agent)
def test_a_hundred_kills_over_every_agent_end_in_a_hundred_identical_results(case, tmp_path):
    share = math.ceil(100 / len(testing.every_agent()))
    whole = testing.Uninterrupted.of(*case, tmp_path, steps=1000)
    hits = instants = 0
    while hits < share:  # one that had converged before its kill does not count
        hits += whole.check_killed(1, seed=instants)
        instants += 1
        assert instants < 10 * share, "the run ends before a kill"


def test_a_kill_in_a_wrapped_environment_of_anyone_s(tmp_path):
    whole = testing.Uninterrupted.of(
        "sarsa",
        "FrozenLake-v1",
        tmp_path,
        num_envs=2,
        wrappers=["RecordEpisodeStatistics", "TimeLimit(max_episode_steps=9)"],
    )
    assert whole.check_killed(1) > 0
    whole.check_interrupted([1, 2, 3])
