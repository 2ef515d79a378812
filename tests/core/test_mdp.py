"""The written-out MDP: read from Gymnasium, made dense, and refused where it is none."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError

TOY = ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"]


def model_of(name):
    env = gym.make(name).unwrapped
    return TransitionModel.from_gymnasium(env.P, env.initial_state_distrib), env.P


@pytest.mark.parametrize("name", TOY)
def test_from_gymnasium_keeps_order_and_duplicates(name):
    model, table = model_of(name)
    assert (model.num_states, model.num_actions) == (len(table), len(table[0]))
    for state, actions in table.items():
        for action, outcomes in actions.items():
            row = model.row(state, action)
            read = zip(
                model.probability[row],
                model.successor[row],
                model.reward[row],
                model.terminated[row],
                strict=True,
            )
            assert list(read) == [tuple(outcome) for outcome in outcomes]


@pytest.mark.parametrize("name", TOY)
def test_dense_equals_a_loop(name):
    model, table = model_of(name)
    transition = np.zeros((model.num_states, model.num_actions, model.num_states))
    reward = np.zeros((model.num_states, model.num_actions))
    for s, actions in table.items():
        for a, outcomes in actions.items():
            for p, successor, r, done in outcomes:
                transition[s, a, successor] += 0 if done else p
                reward[s, a] += p * r
    dense, expected = model.dense()
    np.testing.assert_allclose(dense, transition, atol=1e-15)
    np.testing.assert_allclose(expected, reward, atol=1e-15)
    np.testing.assert_allclose(model.expected_reward(), reward, atol=1e-15)


GOOD = {
    "num_states": 2,
    "num_actions": 1,
    "indptr": [0, 2, 3],
    "successor": [0, 1, 1],
    "probability": [0.5, 0.5, 1.0],
    "reward": [0.0, 1.0, 0.0],
    "terminated": [False, True, True],
    "initial": [1.0, 0.0],
}

BAD = [
    ({"num_states": 0}, "at least one state"),
    ({"num_actions": 0}, "at least one state and one action"),
    ({"indptr": [0, 3]}, "indptr must hold 3 offsets"),
    ({"indptr": [1, 2, 3]}, "indptr must hold 3 offsets from 0 to 3"),
    ({"indptr": [0, 2, 4]}, "indptr must hold 3 offsets from 0 to 3"),
    ({"probability": [0.5, 0.5]}, "probability must have shape"),
    ({"reward": [0.0]}, "reward must have shape"),
    ({"terminated": [True]}, "terminated must have shape"),
    ({"initial": [1.0]}, "initial must have shape"),
    ({"indptr": [0, 3, 3]}, r"row \(state 1, action 0\) has no outcome"),
    ({"indptr": [0, 4, 3]}, r"row \(state 1, action 0\) has no outcome"),
    ({"reward": [0.0, 0.0, np.nan]}, r"row \(state 1, action 0\) has a reward that is not finite"),
    ({"reward": [np.inf, 0.0, 0.0]}, r"row \(state 0, action 0\) has a reward that is not finite"),
    ({"probability": [1.5, -0.5, 1.0]}, r"row \(state 0, action 0\) has a negative or missing"),
    ({"probability": [0.5, 0.5, np.nan]}, r"row \(state 1, action 0\) has a negative or missing"),
    ({"probability": [0.5, 0.4, 1.0]}, r"row \(state 0, action 0\) has probabilities that do not sum"),
    ({"initial": [0.5, 0.4]}, "initial distribution is not"),
    ({"initial": [1.5, -0.5]}, "initial distribution is not"),
    ({"initial": [np.nan, 1.0]}, "initial distribution is not"),
]


def test_the_good_one_is_good():
    assert TransitionModel(**GOOD).transitions == 3


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_models_name_the_row(change, message):
    with pytest.raises(ArenaError, match=message):
        TransitionModel(**(GOOD | change))


def test_from_rows_wants_every_pair():
    with pytest.raises(ArenaError, match="indptr must hold 3"):
        TransitionModel.from_rows(2, 1, [[(1.0, 0, 0.0, True)]], [1, 0])
    with pytest.raises(ArenaError, match="has no outcome"):
        TransitionModel.from_rows(2, 1, [[], []], [1, 0])


def test_types_are_those_of_the_kernels():
    model = TransitionModel(**GOOD)
    dtypes = {"indptr": np.int64, "successor": np.int32, "probability": float, "terminated": bool}
    assert all(getattr(model, name).dtype == dtype for name, dtype in dtypes.items())


@pytest.mark.parametrize("successor", [[0, 2**32 + 1, 1], [0, -1, 1], [0, 2, 1]])
def test_a_wild_successor_does_not_wrap(successor):
    with pytest.raises(ArenaError, match="leads to state"):
        TransitionModel(**(GOOD | {"successor": np.array(successor, dtype=np.int64)}))
