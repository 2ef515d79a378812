"""Schedules: their closed forms, what they do to learning, and the errors that say what they need."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tabular_problems import (
    EPSILONS,
    ONE_STEP,
    STEP_SIZES,
    Recorder,
    make_agent,
    make_stream,
    random_model,
    stepwise,
    train,
)

from arena.config.options import asdict, coerce
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_tabular import DoubleQLearning, QLearning, TDPrediction


def closed_form(name, options, steps):
    start, final, over = options[name], options.get(f"{name}_final"), options.get(f"{name}_steps")
    part = min(1.0, steps / over) if over else 0.0
    if options.get(f"{name}_schedule") == "exponential":
        return np.exp((1 - part) * np.log(start) + part * np.log(final))
    return start if final is None else (1 - part) * start + part * final


@pytest.mark.parametrize("kind", ["constant", "linear", "exponential"])
@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("cls", [lambda c: c, stepwise])
def test_values_are_the_closed_forms_at_absolute_steps(kind, lanes, cls):
    options = {**STEP_SIZES[kind], **EPSILONS[kind]}
    stream = make_stream(random_model(4), lanes, 9)
    agent = make_agent(cls(QLearning), stream, **options)
    for steps in (5, 10, 125, 245, 250, 255, 1000):
        metrics = train(agent, stream, steps).metrics
        for name in ("learning_rate", "epsilon"):
            assert metrics[name] == pytest.approx(closed_form(name, options, steps), rel=1e-12)
    if kind != "constant":
        assert (metrics["epsilon"], metrics["learning_rate"]) == (0.1, 0.1)


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_learning_rate_by_visits_averages(lanes):
    """α = 1 / N(s, a): where every step ends an episode, Q is the mean of the rewards."""
    rows = [[(0.5, 0, 1.0, True), (0.5, 0, -3.0, True)], [(0.9, 0, 2.0, True), (0.1, 0, 0.0, True)]]
    for cls in ONE_STEP:
        stream = make_stream(TransitionModel.from_rows(1, 2, rows, [1.0]), lanes, kind=Recorder)
        options = {"learning_rate": 1.0, "learning_rate_schedule": "visits", "initial_value": 77.0}
        agent = make_agent(stepwise(cls), stream, **options)
        train(agent, stream, 600)
        action, reward = (np.concatenate([t[i] for t in stream.record]) for i in (1, 2))
        means = [reward[action == a].mean() for a in (0, 1)]
        if cls is TDPrediction:
            assert agent.values(np.array([0])) == pytest.approx(reward.mean())
            assert agent.visits.tolist() == [[600]]
            continue
        assert agent.visits.tolist() == [np.bincount(action, minlength=2).tolist()]
        if cls is DoubleQLearning:  # the mean of two means, each of about half
            assert agent.q[0] == pytest.approx(means, abs=0.4)
            assert agent._visits[1:].sum() == 600
        else:
            assert agent.q[0] == pytest.approx(means)


def test_an_epsilon_by_visits_is_each_state_s_own():
    stream = make_stream(random_model(4), 1, 9)
    agent = make_agent(QLearning, stream, epsilon=1.0, epsilon_schedule="visits", epsilon_final=0.01)
    metrics = train(agent, stream, 500).metrics
    assert "epsilon" not in metrics
    epsilon = np.maximum(0.01, 1 / (1 + agent.visits.sum(axis=1)))
    assert len(set(epsilon)) > 3
    assert agent.behavior_probabilities(np.arange(12)).min(axis=1) == pytest.approx(epsilon / 3)


def test_the_last_of_a_schedule_by_visits_is_its_least():
    rows = [[(1.0, 0, 1.0, True)]]
    stream = make_stream(TransitionModel.from_rows(1, 1, rows, [1.0]))
    agent = make_agent(
        QLearning, stream, learning_rate=1.0, learning_rate_schedule="visits", learning_rate_final=0.25
    )
    train(agent, stream, 100)
    agent.load_snapshot({**agent.snapshot(), "q": np.zeros((1, 1))})
    train(agent, stream, 101)
    assert agent.q[0, 0] == 0.25


def test_a_snapshot_explores_as_its_agent_did_whatever_the_number_of_lanes():
    stream = make_stream(random_model(4), 2, 9)
    agent = make_agent(QLearning, stream, **EPSILONS["linear"])
    train(agent, stream, 100)
    fresh = make_agent(QLearning, make_stream(random_model(4), 7), **EPSILONS["linear"])
    fresh.load_snapshot(agent.snapshot())
    states = np.arange(12)
    assert np.array_equal(agent.behavior_probabilities(states), fresh.behavior_probabilities(states))
    assert agent.behavior_probabilities(states).min() == pytest.approx(0.34 / 3)


def test_a_final_value_alone_makes_a_line_and_constant_overrules_it():
    options = {"epsilon": 0.5, "epsilon_final": 0.1, "epsilon_steps": 10}
    for extra, expected in (({}, 0.1), ({"epsilon_schedule": "constant"}, 0.5)):
        stream = make_stream(random_model(4))
        agent = make_agent(QLearning, stream, **options, **extra)
        assert train(agent, stream, 20).metrics["epsilon"] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon_schedule": "linear"}, "a linear epsilon needs epsilon_final"),
        ({"epsilon_final": 0.1}, "a linear epsilon needs epsilon_steps, its length"),
        ({"learning_rate_schedule": "exponential", "learning_rate_final": 0.1}, "needs learning_rate_steps"),
        (
            {"epsilon_schedule": "exponential", "epsilon_final": 0, "epsilon_steps": 9},
            "an exponential epsilon cannot go from 0.1 to 0; set epsilon and epsilon_final to values in (0, 1]",
        ),
        ({"epsilon_schedule": "lineal"}, "'linear' or 'exponential'"),
        ({"learning_rate_steps": 0}, "learning_rate_steps is 0"),
        ({"learning_rate_power": 0}, "learning_rate_power is 0"),
        ({"learning_rate_final": 1.5, "learning_rate_steps": 5}, "learning_rate_final is 1.5"),
        ({"temperature": 0}, "temperature is 0"),
        ({"confidence": -1}, "confidence is -1"),
        ({"behavior": "greedy"}, "'epsilon-greedy' or 'softmax' or 'ucb'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ArenaError, match=re.escape(message)):
        coerce(QLearning.Config, options, where="agent")


@pytest.mark.parametrize("kind", STEP_SIZES)
def test_options_come_from_text_and_go_through_plain_values(kind):
    options = {**STEP_SIZES[kind], **EPSILONS[kind]}
    config = coerce(QLearning.Config, options, where="agent")
    text = {name: str(value) for name, value in options.items()}
    assert coerce(QLearning.Config, text, where="agent", parse=True) == config
    assert coerce(QLearning.Config, asdict(config), where="agent") == config
