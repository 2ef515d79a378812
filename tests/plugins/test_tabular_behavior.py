"""Behavior policies: how often they take each action, and what they expect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tabular_problems import BEHAVIORS, EPSILONS, make_agent, make_stream, random_model, train

from arena.agents.base import ActionValues
from arena.environments.mdp import TransitionModel
from arena_tabular import ExpectedSARSA, MCControl, MCPrediction, QLearning, TDPrediction

TABLE = np.array([[0, 1, 0, 0], [2, 1, 2, 2], [0, 0, 0, 0], [0, 0.1, -3, 3], [5, 800, -800, 799.0]])
VISITS = np.array([[5, 9, 2, 1], [4, 1, 4, 4], [0, 0, 0, 0], [3, 0, 2, 0], [1, 1, 1, 1]])
OPTIONS = {
    **BEHAVIORS,
    "epsilon-none": {"epsilon": 0.0},
    "epsilon-all": {"epsilon": 1.0},
    "epsilon-visits": EPSILONS["visits"],
    "softmax-cold": {"behavior": "softmax", "temperature": 1e-3},
    "softmax-hot": {"behavior": "softmax", "temperature": 1e4},
    "ucb-none": {"behavior": "ucb", "confidence": 0.0},
}


def exact(options: dict, q: np.ndarray, n: np.ndarray) -> np.ndarray:
    """π(a | s) by the formulas, with numpy."""
    if options.get("behavior") == "softmax":
        weights = np.exp((q - q.max()) / options["temperature"])
        return weights / weights.sum()
    score, epsilon = q, options.get("epsilon", 0.0)
    if options.get("behavior") == "ucb":
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.where(n > 0, q + options["confidence"] * np.sqrt(np.log(n.sum()) / n), np.inf)
    if options.get("epsilon_schedule") == "visits":
        epsilon = epsilon / (1 + n.sum()) ** options["epsilon_power"]
    best = score == score.max()
    return epsilon / len(q) + (1 - epsilon) * best / best.sum()


def agent_with(cls, options):
    agent = make_agent(cls, make_stream(random_model(1, states=5, actions=4)), **options)
    state = {"q": TABLE, "steps": 0}
    agent.load_snapshot({**state, "visits": VISITS} if agent.visits is not None else state)
    return agent


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_actions_are_as_frequent_as_they_are_probable(options):
    agent, generator = agent_with(QLearning, options), np.random.default_rng(0)
    states = np.arange(5)
    probability = np.array([exact(options, TABLE[s], VISITS[s]) for s in states])
    assert agent.behavior_probabilities(states) == pytest.approx(probability, abs=1e-12)
    n = 100_000
    for state in states:
        action, _ = agent.act(np.full(n, state), None, explore=True, generator=generator)
        counted = np.bincount(action, minlength=4)
        possible = probability[state] * n >= 1
        assert counted[probability[state] == 0].sum() == 0
        assert counted[~possible].sum() < 10
        if possible.sum() > 1:
            expected = probability[state][possible]
            expected *= counted[possible].sum() / expected.sum()
            assert stats.chisquare(counted[possible], expected).pvalue > 1e-3


def test_numbers_by_hand():
    agent, states = agent_with(QLearning, {"epsilon": 0.2}), np.array([3, 1, 2, 1])
    told = agent.action_values(states)
    assert told.tolist() == [[0, 0.1, -3, 3], [2, 1, 2, 2], [0, 0, 0, 0], [2, 1, 2, 2]]
    told[...] = np.nan  # a copy
    assert (agent.q == TABLE).all()
    tied = pytest.approx([0.05 + 0.8 / 3, 0.05, 0.05 + 0.8 / 3, 0.05 + 0.8 / 3])
    for row, expected in zip(
        agent.behavior_probabilities(states),
        (pytest.approx([0.05, 0.05, 0.05, 0.85]), tied, pytest.approx([0.25] * 4), tied),
        strict=True,
    ):
        assert row == expected


def test_who_learns_v_alone_tells_no_values_of_actions():
    stream = make_stream(random_model(1))
    for cls, has in ((QLearning, True), (MCControl, True), (TDPrediction, False), (MCPrediction, False)):
        assert isinstance(make_agent(cls, stream), ActionValues) == has


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_expected_sarsa_s_target_is_the_expectation(options):
    """One step with α = 1: Q(s, a) becomes r + γ Σ π(a' | s') Q(s', a'), by the table as it was."""
    model = random_model(1, states=5, actions=4, ends=0.0)
    options = {**options, "learning_rate": 1.0, "discount": 0.9}
    for seed in range(20):
        stream = make_stream(model, seed=seed)
        agent = make_agent(ExpectedSARSA, stream, seed, **options)
        counts = {} if agent.visits is None else {"visits": VISITS}
        agent.load_snapshot({"q": TABLE, "steps": 0, **counts})
        state = int(stream.observation[0])
        train(agent, stream, 1)
        successor, reward = int(stream.observation[0]), float(stream.vector.reward[0])
        target = reward + 0.9 * exact(options, TABLE[successor], VISITS[successor]) @ TABLE[successor]
        assert np.abs(agent.q[state] - target).min() == pytest.approx(0, abs=1e-9)
        assert np.count_nonzero(agent.q != TABLE) <= 1


def bandit(means: list[float]) -> TransitionModel:
    """One state, an episode a step, rewards of 0 or 1."""
    rows = [[(mean, 0, 1.0, True), (1 - mean, 0, 0.0, True)] for mean in means]
    return TransitionModel.from_rows(1, len(means), rows, [1.0])


def test_upper_confidence_bounds_try_everything_and_then_what_is_good():
    stream = make_stream(bandit([0.2, 0.5, 0.8]))
    averages = {"learning_rate": 1.0, "learning_rate_schedule": "visits"}
    agent = make_agent(QLearning, stream, behavior="ucb", confidence=1.0, **averages)
    train(agent, stream, 3)
    assert agent.visits.tolist() == [[1, 1, 1]]
    train(agent, stream, 20_000)
    counts = agent.visits[0]
    assert counts.sum() == 20_000
    assert counts[2] > 19_000
    # An arm is left when its bound has sunk to the best one's: n ≈ c² ln t / gap².
    assert counts[0] == pytest.approx(np.log(20_000) / 0.6**2, rel=0.6)
    assert counts[1] == pytest.approx(np.log(20_000) / 0.3**2, rel=0.6)


def test_an_optimistic_start_tries_everything():
    stream = make_stream(bandit([0.2, 0.5, 0.8]))
    agent = make_agent(QLearning, stream, epsilon=0.0, initial_value=5.0, learning_rate=0.1)
    train(agent, stream, 400)
    assert (agent.q < 2).all()
    assert agent.greedy(np.array([0])).tolist() == [2]


def test_visits_are_counted_only_where_they_matter():
    for options, counted in (
        ({}, False),
        (BEHAVIORS["ucb"], True),
        (EPSILONS["visits"], True),
        ({"learning_rate_schedule": "visits"}, True),
        ({**EPSILONS["visits"], "behavior": "softmax"}, False),
    ):
        agent = make_agent(QLearning, make_stream(random_model(1)), **options)
        assert (agent.visits is not None) == ("visits" in agent.state_dict()) == counted
