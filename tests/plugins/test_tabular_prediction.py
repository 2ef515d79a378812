"""TD(0) prediction: the random walk, a linear solve, and policies of one's own."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from tabular_problems import make_agent, make_stream, random_model, train, train_episodes, walk

from arena.errors import ArenaError
from arena_tabular import TDPrediction

TRUE = np.arange(1, 6) / 6
SETTLING = {
    "learning_rate": 0.2,
    "learning_rate_schedule": "exponential",
    "learning_rate_final": 0.0003,
    "learning_rate_steps": 2_000_000,
}


def errors(learning_rate: float, runs: int) -> np.ndarray:
    """RMS error over the five states after 100 episodes, a number a run."""
    model, found = walk(), np.empty(runs)
    for seed in range(runs):
        stream = make_stream(model, seed=seed)
        agent = make_agent(
            TDPrediction, stream, seed, discount=1.0, initial_value=0.5, learning_rate=learning_rate
        )
        train_episodes(agent, stream, 100, shortest=3)
        assert stream.episodes == 100
        found[seed] = np.sqrt(np.mean((agent.values(np.arange(5)) - TRUE) ** 2))
    return found


@pytest.mark.parametrize(("learning_rate", "expected"), [(0.05, 0.035), (0.1, 0.055), (0.15, 0.070)])
def test_the_random_walk_s_error_is_the_published_one(learning_rate, expected):
    found = errors(learning_rate, 500)
    standard_error = found.std() / np.sqrt(len(found))
    assert standard_error < 0.0016
    assert found.mean() == pytest.approx(expected, abs=0.0005 + 3 * standard_error)


def solved(model, policy, discount):
    P, R = model.dense()
    matrix, reward = np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)
    return np.linalg.solve(np.eye(model.num_states) - discount * matrix, reward)


@pytest.mark.parametrize("limit", [None, 7])
@pytest.mark.parametrize(("choice", "epsilon"), [(None, 0.0), ("last", 0.0), ("last", 0.3)])
def test_values_are_those_of_the_policy(limit, choice, epsilon):
    states = np.arange(12)
    model = dataclasses.replace(random_model(3), initial=np.full(12, 1 / 12))
    policy = None if choice is None else (2,) * 12
    stream = make_stream(model, 4, limit)
    agent = make_agent(TDPrediction, stream, discount=0.8, policy=policy, epsilon=epsilon, **SETTLING)
    probabilities = agent.probabilities(states)
    expected = (
        np.full((12, 3), 1 / 3) if choice is None else np.eye(3)[[2] * 12] * (1 - epsilon) + epsilon / 3
    )
    assert probabilities == pytest.approx(expected)
    train(agent, stream, 2_000_000)
    assert agent.values(states) == pytest.approx(solved(model, expected, 0.8), abs=0.05)


@pytest.mark.parametrize("explore", [False, True])
def test_it_acts_by_its_policy_whether_exploring_or_not(explore):
    policy = tuple(np.random.default_rng(0).integers(3, size=12).tolist())
    states, generator = np.arange(12).repeat(1000), np.random.default_rng(0)
    stream = make_stream(random_model(3))
    agent = make_agent(TDPrediction, stream, policy=policy)
    action, _ = agent.act(states, None, explore=explore, generator=generator)
    assert action.tolist() == np.array(policy)[states].tolist()
    agent = make_agent(TDPrediction, stream)
    action, _ = agent.act(states, None, explore=explore, generator=generator)
    assert np.bincount(action) / len(action) == pytest.approx([1 / 3] * 3, abs=0.02)


def test_it_has_values_and_no_table_of_actions():
    agent = make_agent(TDPrediction, make_stream(walk()), initial_value=0.5)
    assert agent.values(np.arange(5)).tolist() == [0.5] * 5
    assert not hasattr(agent, "q")
    assert set(agent.snapshot()) == {"v", "steps"}


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ((0, 1), "the policy has 2 actions for 5 states; list one action for every state"),
        ((0, 1, 2, 0, 1), "the policy takes action 2 in state 2; use actions in [0, 2)"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(policy, message):
    with pytest.raises(ArenaError, match=re.escape(message)):
        make_agent(TDPrediction, make_stream(walk()), policy=policy)
