"""Reaching further back pays, and too far does not (Sutton & Barto 2018, figures 7.2 and 12.8); the presets."""

from __future__ import annotations

import numpy as np
import pytest
from tabular_problems import make_agent, make_stream, train, train_episodes

from arena.environments.exact_values import optimum, policy_value
from arena.environments.mdp import TransitionModel
from arena.plugins.discovery import get_plugins
from arena.testing import Trial
from arena_tabular import NStepTD, TDLambda

STATES, RUNS = 19, 60
TRUE = (np.arange(1, STATES + 1) - (STATES + 1) / 2) / ((STATES + 1) / 2)


def long_walk() -> TransitionModel:
    """19 states, from the middle left or right at random; −1 at the left end, 1 at the right one."""
    rows = []
    for s in range(STATES):
        left = (0.5, max(0, s - 1), -float(s == 0), s == 0)
        right = (0.5, min(STATES - 1, s + 1), float(s == STATES - 1), s == STATES - 1)
        rows += [[left, right]] * 2
    return TransitionModel.from_rows(STATES, 2, rows, np.eye(STATES)[STATES // 2])


def errors(cls, **options):
    """RMS error over the states, averaged over the first ten episodes: a number a run."""
    model, found = long_walk(), np.empty(RUNS)
    for seed in range(RUNS):
        stream = make_stream(model, seed=seed)
        agent = make_agent(cls, stream, seed, discount=1.0, **options)
        after = []
        for episode in range(1, 11):
            train(agent, stream, stream.steps + STATES // 2)  # none is shorter
            train_episodes(agent, stream, episode, shortest=1)
            assert stream.episodes == episode
            after.append(np.sqrt(np.mean((agent.values(np.arange(STATES)) - TRUE) ** 2)))
        found[seed] = np.mean(after)
    return found


def best(cls, learning_rates, **options):
    """The mean error at the best α, and its standard error."""
    found = [errors(cls, learning_rate=learning_rate, **options) for learning_rate in learning_rates]
    least = min(found, key=np.mean)
    return least.mean(), least.std() / np.sqrt(RUNS)


def clearly_below(one, other):
    return other[0] - one[0] > 3 * np.hypot(one[1], other[1])


@pytest.mark.slow
def test_n_step_td_is_best_in_between():
    """Figure 7.2: at their best α, n = 4 beats n = 1 and n = 16."""
    one = best(NStepTD, (0.6, 0.8, 1.0), n_steps=1)
    four = best(NStepTD, (0.3, 0.4, 0.5), n_steps=4)
    sixteen = best(NStepTD, (0.1, 0.2, 0.3), n_steps=16)
    assert clearly_below(four, one)
    assert clearly_below(four, sixteen)


@pytest.mark.slow
@pytest.mark.parametrize("trace", ["accumulating", "dutch"])
def test_td_lambda_is_best_in_between(trace):
    """Figures 12.6 and 12.8: at their best α, λ = 0.8 beats λ = 0 and λ = 1."""
    one_step = best(TDLambda, (0.6, 0.8, 1.0), trace_decay=0.0, trace=trace)
    between = best(TDLambda, (0.15, 0.2, 0.3, 0.4), trace_decay=0.8, trace=trace)
    to_the_end = best(TDLambda, (0.005, 0.01, 0.03, 0.1), trace_decay=1.0, trace=trace)
    assert clearly_below(between, one_step)
    assert clearly_below(between, to_the_end)


LEAST = {
    "arena/CliffWalk-v0": {"n-step-sarsa": -17, "sarsa-lambda": -17, "q-lambda": -13},
    "arena/WindyGrid-v0": {"n-step-sarsa": -16, "sarsa-lambda": -16, "q-lambda": -15},
    "FrozenLake-v1": {"n-step-sarsa": 0.73, "sarsa-lambda": 0.73, "q-lambda": 0.74},
    "FrozenLake8x8-v1": {"n-step-sarsa": 0.84, "sarsa-lambda": 0.83, "q-lambda": 0.88},
    "Taxi-v4": {"n-step-sarsa": 7.9, "sarsa-lambda": 7.9, "q-lambda": 7.9},
}


@pytest.mark.parametrize(("env", "name"), [(env, name) for env, names in LEAST.items() for name in names])
def test_presets_learn_well(env, name):
    found, best_possible = exact(name, env)
    assert LEAST[env][name] - 1e-3 <= found <= best_possible + 1e-9


@pytest.mark.parametrize("name", ["n-step-sarsa", "sarsa-lambda", "q-lambda"])
def test_presets_find_the_way_through_four_rooms(name):
    """Discounted as it learns, so that only the shortest ways are worth most."""
    found, best_possible = exact(name, "arena/FourRooms-v0", discount=0.9)
    assert found == pytest.approx(best_possible, rel=0.005)


def exact(name, env, discount=1.0):
    """The value from the start of what a preset learns, and the best."""
    with Trial(name, env) as trial:
        trial.train(get_plugins().agents[name].preset(env).steps)
        model, limit = trial.stream.tabular.model, trial.stream.tabular.limit
        horizon = min(limit, 200)
        policy = trial.agent.probabilities(np.arange(model.num_states))
    if discount == 1.0:
        return policy_value(model, policy, horizon), optimum(model, horizon)
    P, R = model.dense()
    V, W = np.zeros(model.num_states), np.zeros(model.num_states)
    for _ in range(horizon):
        V = (policy * (R + discount * P @ V)).sum(axis=1)
        W = (R + discount * P @ W).max(axis=1)
    return model.initial @ V, model.initial @ W


@pytest.mark.parametrize("name", ["n-step-td", "td-lambda"])
def test_presets_of_prediction_come_near(name):
    with Trial(name, "arena/RandomWalk-v0") as trial:
        trial.train(get_plugins().agents[name].preset("arena/RandomWalk-v0").steps)
        model = trial.stream.tabular.model
        values = trial.agent.values(np.arange(model.num_states))
    P, R = model.dense()
    reached = model.initial + P.sum(axis=(0, 1)) > 0
    V = np.linalg.lstsq(np.eye(model.num_states) - P.mean(axis=1), R.mean(axis=1), rcond=None)[0]
    assert values[reached] == pytest.approx(V[reached], abs=0.06)
