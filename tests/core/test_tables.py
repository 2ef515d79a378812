"""Tabular environments: a single one is a lane of the vector, and samples what its model says."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from arena.environments.mdp import TransitionModel
from arena.environments.tabular import TableEnv, TableVectorEnv, first_state, tables_of
from arena.errors import ArenaError


def lake():
    env = gym.make("FrozenLake-v1").unwrapped
    return TransitionModel.from_gymnasium(env.P, env.initial_state_distrib)


def chain(rows, initial=(1.0,)):
    return TransitionModel.from_rows(len(initial), len(rows) // len(initial), rows, initial)


SPREAD = chain([[(0.25, 0, 0.0, True), (0.75, 1, 1.0, True)]] * 4, (0.1, 0.2, 0.3, 0.4))


@pytest.mark.parametrize("model", [lake(), SPREAD], ids=["lake", "spread"])
def test_single_equals_its_lane(model):
    vector, singles = TableVectorEnv(model, 5), [TableEnv(model) for _ in range(5)]
    generator = np.random.default_rng(0)
    observation, _ = vector.reset(seed=[3, 1, 4, 1, 2**31 - 1])
    firsts = [env.reset(seed=seed)[0] for env, seed in zip(singles, [3, 1, 4, 1, 2**31 - 1], strict=True)]
    np.testing.assert_array_equal(observation, firsts)
    for _ in range(300):
        actions = generator.integers(model.num_actions, size=5)
        observation, reward, terminated, truncated, info = vector.step(actions)
        for i, env in enumerate(singles):
            seen, earned, ended, cut, _ = env.step(actions[i])
            assert (earned, ended, cut) == (reward[i], terminated[i], truncated[i])
            if ended:
                assert info["final_obs"][i] == seen
                seen, _ = env.reset()
            assert seen == observation[i]
    # Equal seeds, equal lanes; and another lane is another episode.
    assert vector.lanes["episode_key"][1] != vector.lanes["episode_key"][0]


@pytest.mark.parametrize("bad", [-1, 4, 2**40])
def test_an_action_out_of_range_steps_nobody(bad):
    vector = TableVectorEnv(lake(), 3)
    vector.begin([0, 1, 2])
    before = vector.lanes.copy()
    with pytest.raises(ArenaError, match=f"action {bad} in environment 2 is out of range"):
        vector.advance(np.array([0, 1, bad]))
    np.testing.assert_array_equal(vector.lanes, before)
    with pytest.raises(ArenaError, match="3 environments"):
        vector.advance(np.array([0, 1]))


def test_samples_follow_the_probabilities():
    probabilities = np.array([0.1, 0.0, 0.2, 0.3, 0.4])
    row = [(p, s, 0.0, True) for s, p in enumerate(probabilities)]
    model = chain([row] * 5, tuple(probabilities[::-1]))
    vector = TableVectorEnv(model, 200)
    vector.begin(range(200))
    starts, ends = np.zeros(5), np.zeros(5)
    for _ in range(500):
        starts += np.bincount(vector.observation, minlength=5)
        vector.advance(np.zeros(200, np.int64))
        ends += np.bincount(vector.successors(), minlength=5)
    for counts, expected in ((starts, probabilities[::-1]), (ends, probabilities)):
        assert not counts[expected == 0].any()
        possible = expected > 0
        assert stats.chisquare(counts[possible], expected[possible] * counts.sum()).pvalue > 1e-4


def test_a_cumulative_sum_that_rounds_below_one_still_ends_in_the_row():
    rows = [[(0.1, s % 2, float(s), True) for s in range(10)]] * 2
    tables = tables_of(chain(rows, (0.5, 0.5)))
    assert np.cumsum([0.1] * 10)[-1] < 1  # ten tenths
    assert tables.outcomes["cumulative"][9] == 1
    assert tables.outcomes["cumulative"][10] == 0.1  # and the next row starts afresh
    starts = tables.starts.copy()
    starts["cumulative"] = [0.5, 1 - 2**-53]
    assert first_state(starts, 1 - 2**-53) == 1
    assert first_state(starts, 0.5) == 1
    assert first_state(starts, 0.5 - 2**-54) == 0


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_truncation_equals_time_limit(limit):
    """Also where an episode terminates at the very step of its limit."""
    model = lake()
    vector = TableVectorEnv(model, 1, max_episode_steps=limit)
    env = gym.wrappers.TimeLimit(TableEnv(model), limit)
    vector.reset(seed=5)
    env.reset(seed=5)
    actions = np.random.default_rng(1).integers(4, size=500)
    both = 0
    for action in actions:
        _, _, terminated, truncated, _ = vector.step(np.array([action]))
        _, _, ended, cut, _ = env.step(action)
        assert (terminated[0], truncated[0]) == (ended, cut)
        both += ended and cut
        if ended or cut:
            env.reset()
    assert both or limit == 1


def test_state_restores_the_future():
    model = lake()
    vector, other = TableVectorEnv(model, 4, 20), TableVectorEnv(model, 4, 20)
    vector.begin([1, 2, 3, 4])
    actions = np.random.default_rng(2).integers(4, size=(100, 4))
    for action in actions[:37]:
        vector.advance(action)
    other.restore(vector.state())
    for action in actions[37:]:
        vector.advance(action)
        other.advance(action)
        np.testing.assert_array_equal(vector.lanes, other.lanes)


def test_an_impossible_outcome_is_never_drawn():
    """Also where the possible ones sum to a hair less than one and it stands last."""
    rows = [[(0.5, 0, 0.0, False), (0.5 - 5e-10, 1, 0.0, False), (0.0, 2, 0.0, False)]] + [
        [(1.0, 0, 0.0, False)]
    ] * 2
    tables = tables_of(TransitionModel.from_rows(3, 1, rows, [1, 0, 0]))
    assert tables.outcomes["cumulative"][1] == 1.0
