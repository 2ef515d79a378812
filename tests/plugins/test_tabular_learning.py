"""What is learned: the textbook's updates, exact fixed points, good policies."""

from __future__ import annotations

import numpy as np
import pytest
from tabular_problems import (
    ONE_STEP,
    make_agent,
    make_stream,
    random_model,
    stepwise,
    toy_text,
    train,
    train_episodes,
)

from arena.environments.exact_values import optimum, policy_value
from arena.environments.mdp import TransitionModel
from arena_tabular import SARSA, DoubleQLearning, ExpectedSARSA, QLearning
from arena_tabular.plugin import arena_agents

SPECS = {spec.name: spec for spec in arena_agents()}


def chain(ends: bool) -> TransitionModel:
    """0 → 1 for a reward of 1; from 1 a reward of 2, and the end or back to 0. Episodes begin in either."""
    rows = [[(1.0, 1, 1.0, False)], [(1.0, 0, 2.0, ends)]]
    return TransitionModel.from_rows(2, 1, rows, [0.5, 0.5])


@pytest.mark.parametrize("learner", ONE_STEP)
@pytest.mark.parametrize("cls", [lambda c: c, stepwise])
@pytest.mark.parametrize("limit", [1, 2, 3, None])
def test_truncation_bootstraps_and_termination_does_not(learner, cls, limit):
    discount = 0.5
    solved = {True: [1 + discount * 2, 2], False: [(1 + discount * 2) / (1 - discount**2), None]}
    solved[False][1] = 2 + discount * solved[False][0]
    for ends, expected in solved.items():
        stream = make_stream(chain(ends), 2, limit)
        agent = make_agent(cls(learner), stream, discount=discount, learning_rate=0.5, epsilon=0.1)
        train(agent, stream, 2000)
        assert agent.values(np.arange(2)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.4, 1.0])
def test_sarsa_learns_the_value_of_the_policy_that_it_follows(epsilon):
    """One state, two actions with rewards 0 and 1, no end: Q(a) = r(a) + γ (1 − ε/2) / (1 − γ)."""
    model = TransitionModel.from_rows(1, 2, [[(1.0, 0, 0.0, False)], [(1.0, 0, 1.0, False)]], [1.0])
    stream = make_stream(model)
    agent = make_agent(SARSA, stream, discount=0.5, learning_rate=0.001, epsilon=epsilon, initial_value=0.9)
    train(agent, stream, 300_000)
    future = 0.5 * (1 - epsilon / 2) / (1 - 0.5)
    if epsilon == 0:
        assert agent.q[0, 1] == pytest.approx(1 + future, abs=1e-9)
    else:
        assert agent.q[0] == pytest.approx([future, 1 + future], abs=0.05)


def test_a_table_starts_at_its_initial_value_and_is_greedy_by_the_first():
    agent = make_agent(QLearning, make_stream(random_model(1)), initial_value=-2.5)
    assert (agent.q == -2.5).all()
    states = np.arange(agent.num_states)
    assert (agent.greedy(states) == 0).all()
    assert (agent.values(states) == -2.5).all()


LEAST = {
    "CliffWalking-v1": {"q-learning": -13, "double-q-learning": -13, "sarsa": -15, "expected-sarsa": -15},
    "FrozenLake-v1": {"q-learning": 0.74, "double-q-learning": 0.73, "sarsa": 0.73, "expected-sarsa": 0.73},
    "FrozenLake8x8-v1": {
        "q-learning": 0.88,
        "double-q-learning": 0.87,
        "sarsa": 0.86,
        "expected-sarsa": 0.85,
    },
    "Taxi-v4": {"q-learning": 7.9, "double-q-learning": 7.9, "sarsa": 7.9, "expected-sarsa": 7.9},
}


@pytest.mark.parametrize(("env", "name"), [(env, name) for env, names in LEAST.items() for name in names])
def test_presets_learn_well(env, name):
    model, preset, least = toy_text(env), SPECS[name].preset(env), LEAST[env][name] - 1e-3
    horizon = 100 if env == "FrozenLake-v1" else 200
    stream = make_stream(model, preset.num_envs or 1, None if env == "CliffWalking-v1" else horizon)
    agent = make_agent(SPECS[name].load(), stream, **preset.options)
    train(agent, stream, preset.steps)
    value = policy_value(model, agent.probabilities(np.arange(model.num_states)), horizon)
    assert least <= value <= optimum(model, horizon) + 1e-9


@pytest.mark.parametrize(
    ("learner", "expected"), [(SARSA, -26.8), (QLearning, -50.1), (ExpectedSARSA, -20.8)]
)
def test_on_the_cliff_the_safe_path_is_worth_more_while_exploring(learner, expected):
    """The mean return of episodes 401 to 500, α = 0.5 and ε = 0.1; Sutton & Barto 2018, example 6.6."""
    model, returns = toy_text("CliffWalking-v1"), np.empty(300)
    for seed in range(len(returns)):
        stream = make_stream(model, seed=seed)
        agent = make_agent(learner, stream, seed, discount=1.0, learning_rate=0.5, epsilon=0.1)
        train_episodes(agent, stream, 400, shortest=13)
        stream.take_log()
        train_episodes(agent, stream, 500, shortest=13)
        assert stream.episodes == 500
        returns[seed] = stream.take_log()["episode_return"]
    standard_error = returns.std() / np.sqrt(len(returns))
    assert standard_error < 0.65
    assert returns.mean() == pytest.approx(expected, abs=0.05 + 3 * standard_error)


def test_double_q_learning_is_not_taken_in_by_chance():
    """Sutton & Barto 2018, example 6.7: left leads to many actions of mean −0.1 and deviation 1, right ends at 0."""
    many, rows = 10, []
    rows += [[(1.0, 1, 0.0, False)], *[[(1.0, 0, 0.0, True)]] * (many - 1)]
    rows += [[(0.5, 1, 0.9, True), (0.5, 1, -1.1, True)]] * many
    model, left = TransitionModel.from_rows(2, many, rows, [1.0, 0.0]), {}
    for learner in (QLearning, DoubleQLearning):
        lefts = []
        for seed in range(300):
            stream = make_stream(model, seed=seed)
            agent = make_agent(learner, stream, seed, discount=1.0, learning_rate=0.1, epsilon=0.1)
            train_episodes(agent, stream, 100, shortest=1)
            lefts.append(agent.greedy(np.array([0]))[0] == 0)
        left[learner] = np.mean(lefts)
    assert left[QLearning] > left[DoubleQLearning] + 0.2
