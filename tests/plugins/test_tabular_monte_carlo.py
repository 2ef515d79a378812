"""What Monte Carlo methods learn: cases by hand, published errors, exact values, good policies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tabular_problems import make_agent, make_stream, random_model, toy_text, train, train_episodes, walk

from arena.environments.exact_values import optimum, policy_value
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_tabular import MCControl, MCPrediction, OffPolicyMC
from arena_tabular.catalogue.monte_carlo import SPECS as FAMILY

SPECS = {spec.name: spec for spec in FAMILY}
TRUE = np.arange(1, 6) / 6
AVERAGE = {"learning_rate": 1.0, "learning_rate_schedule": "visits"}


def solved(model, policy, discount):
    P, R = model.dense()
    matrix, reward = np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)
    return np.linalg.solve(np.eye(model.num_states) - discount * matrix, reward)


@pytest.mark.parametrize(("learning_rate", "expected"), [(0.01, 0.097), (0.02, 0.082), (0.03, 0.094)])
def test_the_random_walk_s_error_is_the_published_one(learning_rate, expected):
    """RMS error over the five states at episode 100, every visit; Sutton & Barto 2018, example 6.2."""
    model, found = walk(), np.empty(400)
    for seed in range(len(found)):
        stream = make_stream(model, seed=seed)
        agent = make_agent(
            MCPrediction,
            stream,
            seed,
            discount=1.0,
            initial_value=0.5,
            learning_rate=learning_rate,
            visit="every",
        )
        train_episodes(agent, stream, 100, shortest=3)
        assert stream.episodes == 100
        found[seed] = np.sqrt(np.mean((agent.values(np.arange(5)) - TRUE) ** 2))
    standard_error = found.std() / np.sqrt(len(found))
    assert standard_error < 0.0032
    assert found.mean() == pytest.approx(expected, abs=0.0005 + 3 * standard_error)


@pytest.mark.parametrize("visit", ["first", "every"])
def test_the_random_walk_s_average_return_goes_to_its_value(visit):
    stream = make_stream(walk(), 4)
    agent = make_agent(MCPrediction, stream, discount=1.0, visit=visit, **AVERAGE)
    train(agent, stream, 1_000_000)
    assert agent.values(np.arange(5)) == pytest.approx(TRUE, abs=0.005)


def twice() -> TransitionModel:
    """State 0 leads to itself or to the end with a coin, for a reward of 1 a step."""
    return TransitionModel.from_rows(1, 1, [[(0.5, 0, 1.0, False), (0.5, 0, 1.0, True)]], [1.0])


@pytest.mark.parametrize("visit", ["first", "every"])
def test_first_visits_count_an_episode_once_and_every_visit_each_of_its_steps(visit):
    """An episode of T steps returns T from its first visit; from all of them T, …, 1."""
    stream, lengths = make_stream(twice()), []
    agent = make_agent(MCPrediction, stream, discount=1.0, visit=visit, **AVERAGE)
    while len(lengths) < 10:
        before = stream.episodes
        train(agent, stream, stream.steps + 1)
        if stream.episodes > before:
            lengths.append(stream.steps - sum(lengths))
    assert max(lengths) > 1
    if visit == "first":
        expected, count = sum(lengths) / 10, 10
    else:
        expected, count = sum(T * (T + 1) / 2 for T in lengths) / sum(lengths), sum(lengths)
    assert agent.values(np.array([0])) == pytest.approx([expected])
    assert agent.state_dict()["updates"] == agent.visits[0, 0] == count


def test_first_visits_are_unbiased_and_every_visit_is_biased_by_few_episodes():
    """One episode of the coin: E[T] = 2, and E[(T + 1) / 2] = 3/2."""
    means = {}
    for visit in ("first", "every"):
        agents = []
        for seed in range(800):
            stream = make_stream(twice(), seed=seed)
            agent = make_agent(MCPrediction, stream, discount=1.0, visit=visit, **AVERAGE)
            train_episodes(agent, stream, 1, shortest=1)
            agents.append(agent.values(np.array([0]))[0])
        means[visit] = np.mean(agents)
    assert means["first"] == pytest.approx(2.0, abs=0.15)
    assert means["every"] == pytest.approx(1.5, abs=0.08)


@pytest.mark.parametrize("limit", [None, 7])
@pytest.mark.parametrize("visit", ["first", "every"])
@pytest.mark.parametrize("choice", [None, (2,) * 12])
def test_predicted_values_are_those_of_the_policy_also_where_episodes_are_cut_off(limit, visit, choice):
    model = dataclasses.replace(random_model(3), initial=np.full(12, 1 / 12))
    stream = make_stream(model, 4, limit)
    options = {"learning_rate": 1.0, "learning_rate_schedule": "visits", "learning_rate_power": 0.8}
    agent = make_agent(MCPrediction, stream, discount=0.8, policy=choice, visit=visit, **options)
    train(agent, stream, 1_000_000)
    expected = solved(model, agent.probabilities(np.arange(12)), 0.8)
    assert agent.values(np.arange(12)) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("explore", [False, True])
def test_prediction_acts_by_its_policy(explore):
    policy = tuple(np.random.default_rng(0).integers(3, size=12).tolist())
    states = np.arange(12).repeat(100)
    agent = make_agent(MCPrediction, make_stream(random_model(3)), policy=policy)
    action, _ = agent.act(states, None, explore=explore, generator=np.random.default_rng(0))
    assert action.tolist() == np.array(policy)[states].tolist()
    assert not hasattr(agent, "q")
    assert set(agent.snapshot()) == {"v", "steps"}


@pytest.mark.parametrize("visit", ["first", "every"])
def test_control_learns_the_value_of_its_exploring_policy(visit):
    """Without improvement (ε = 1), Q is that of the random policy."""
    model = dataclasses.replace(random_model(3), initial=np.full(12, 1 / 12))
    stream = make_stream(model, 4)
    agent = make_agent(MCControl, stream, discount=0.8, epsilon=1.0, visit=visit, **AVERAGE)
    train(agent, stream, 1_000_000)
    uniform = np.full((12, 3), 1 / 3)
    P, R = model.dense()
    expected = R + 0.8 * P @ solved(model, uniform, 0.8)
    assert agent.q == pytest.approx(expected, abs=0.05)


def corridor(n: int = 3) -> TransitionModel:
    """Action 1 goes on, and ends with 1 from the last state; action 0 ends with a coin's 0 or 0.5.

    Of the random policy's episodes one in 2ⁿ gets through, and the return along it is known to be 1: ordinary
    importance sampling would have weights 0 and 2ⁿ for it, of variance 2ⁿ − 1, and weighted ones have none.
    """
    rows = []
    for s in range(n):
        rows.append([(0.5, s, 0.0, True), (0.5, s, 0.5, True)])
        rows.append([(1.0, min(s + 1, n - 1), float(s == n - 1), s == n - 1)])
    return TransitionModel.from_rows(n, 2, rows, np.eye(n)[0])


def test_weighted_importance_sampling_has_no_variance_where_the_return_is_certain():
    stream = make_stream(corridor(4))
    options = {"learning_rate": 1.0, "learning_rate_schedule": "visits", "learning_rate_power": 0.7}
    agent = make_agent(OffPolicyMC, stream, discount=0.9, epsilon=1.0, initial_value=-1.0, **options)
    train(agent, stream, 200_000)
    assert agent.q[:, 1] == pytest.approx(0.9 ** np.arange(3, -1, -1), abs=1e-12)
    assert agent.q[:, 0] == pytest.approx([0.25] * 4, abs=0.05)


@pytest.mark.parametrize("epsilon", [0.3, 1.0])
def test_off_policy_control_finds_the_optimal_values_of_a_random_mdp(epsilon):
    model = dataclasses.replace(random_model(3, states=6, ends=0.8), initial=np.full(6, 1 / 6))
    stream = make_stream(model, 2)
    options = {"learning_rate": 1.0, "learning_rate_schedule": "visits", "learning_rate_power": 0.9}
    agent = make_agent(OffPolicyMC, stream, discount=0.9, epsilon=epsilon, initial_value=-5.0, **options)
    train(agent, stream, 2_000_000)
    P, R = model.dense()
    Q = np.zeros((6, 3))
    for _ in range(500):
        Q = R + 0.9 * P @ Q.max(axis=1)
    assert agent.q.argmax(axis=1).tolist() == Q.argmax(axis=1).tolist()
    assert agent.values(np.arange(6)) == pytest.approx(Q.max(axis=1), abs=0.05)


@pytest.mark.parametrize("options", [{"behavior": "ucb"}, {"epsilon": 0.0}])
def test_a_behavior_that_leaves_actions_out_cannot_be_learned_from(options):
    with pytest.raises(ArenaError, match="may take every action; set behavior to epsilon-greedy"):
        OffPolicyMC.Config(**options)


def test_weights_beyond_any_number_leave_the_estimates_finite():
    model = TransitionModel.from_rows(1, 2, [[(1.0, 0, -1.0, False)]] * 2, [1.0])
    for options in ({"behavior": "softmax", "temperature": 1e-9}, {"epsilon": 1.0}):
        stream = make_stream(model, 1, 5000)
        agent = make_agent(OffPolicyMC, stream, discount=0.5, **options, **AVERAGE)
        train(agent, stream, 50_000)
        assert np.isfinite(agent.q).all()


@pytest.mark.parametrize("cls", [MCPrediction, MCControl, OffPolicyMC])
def test_a_cut_return_learns_where_nothing_ends(cls):
    """One state, a reward of 1 for ever: V = 1 / (1 − γ) = 2."""
    model = TransitionModel.from_rows(1, 1, [[(1.0, 0, 1.0, False)]], [1.0])
    for longest in (1, 7, 64, 100):
        stream = make_stream(model, 2)
        agent = make_agent(cls, stream, discount=0.5, learning_rate=0.5, longest_return=longest)
        train(agent, stream, 20_000)
        assert agent.values(np.array([0])) == pytest.approx([2.0], abs=1e-12)
        assert agent.state_dict()["episodes"]["lengths"].tolist() == [10_000 % longest] * 2


LEAST = {
    "CliffWalking-v1": {"mc-control": -17, "off-policy-mc": -13},
    "FrozenLake-v1": {"mc-control": 0.72, "off-policy-mc": 0.72},
}


@pytest.mark.parametrize(("env", "name"), [(env, name) for env, names in LEAST.items() for name in names])
def test_presets_learn_well(env, name):
    model, preset = toy_text(env), SPECS[name].preset(env)
    horizon = 100 if env == "FrozenLake-v1" else 200
    for seed in range(3):
        stream = make_stream(
            model, preset.num_envs or 1, None if env == "CliffWalking-v1" else horizon, seed=seed
        )
        agent = make_agent(SPECS[name].load(), stream, seed, **preset.options)
        train(agent, stream, preset.steps)
        value = policy_value(model, agent.probabilities(np.arange(model.num_states)), horizon)
        assert LEAST[env][name] - 1e-3 <= value <= optimum(model, horizon) + 1e-9


def test_the_random_walk_s_preset_learns_its_values():
    preset = SPECS["mc-prediction"].preset("arena/RandomWalk-v0")
    stream = make_stream(walk(), preset.num_envs or 1)
    agent = make_agent(MCPrediction, stream, **preset.options)
    train(agent, stream, preset.steps)
    assert agent.values(np.arange(5)) == pytest.approx(TRUE, abs=0.02)
