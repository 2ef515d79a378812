"""Laws that every agent of the plugin keeps, and the plugin's own face."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces
from tabular_problems import CONTROL, ONE_STEP, make_agent, make_stream, random_model, train

import arena_tabular
from arena.agents.base import StateValues, TabularPolicy
from arena.config.options import coerce, fields_help
from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena_tabular import (
    SARSA,
    DoubleQLearning,
    ExpectedSARSA,
    QLearning,
    Random,
    TDPrediction,
    ValueIteration,
)
from arena_tabular.plugin import arena_agents

SPECS = {spec.name: spec for spec in arena_agents()}
AGENTS = {
    "random": Random,
    "value-iteration": ValueIteration,
    "sarsa": SARSA,
    "expected-sarsa": ExpectedSARSA,
    "q-learning": QLearning,
    "double-q-learning": DoubleQLearning,
    "td-prediction": TDPrediction,
}
TOY_TEXTS = {"CliffWalking-v1", "FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4", "Blackjack-v1"}
PRESETS = {*TOY_TEXTS, "arena/CliffWalk-v0", "arena/DynaMaze-v0", "*"}


def trained(cls, steps=500):
    model = random_model(2)
    stream = make_stream(model, 2, 10)
    agent = make_agent(cls, stream, model=model)
    if cls is ValueIteration:
        list(agent.train(stream))
    else:
        train(agent, stream, steps)
    return agent


@pytest.mark.parametrize("cls", AGENTS.values())
@pytest.mark.parametrize("explore", [False, True])
def test_a_batch_acts_as_singles_do(cls, explore):
    agent = trained(cls)
    observation = np.arange(12).repeat(5)
    batch, memory = agent.act(observation, None, explore=explore, generator=np.random.default_rng(1))
    generator = np.random.default_rng(1)
    single = [agent.act(o, None, explore=explore, generator=generator)[0][0] for o in observation[:, None]]
    assert batch.tolist() == single
    assert batch.dtype == np.int64
    assert memory is None


@pytest.mark.parametrize("cls", AGENTS.values())
def test_probabilities_are_those_of_acting(cls):
    agent, observation = trained(cls), np.arange(12).repeat(4000)
    assert isinstance(agent, TabularPolicy)
    action, _ = agent.act(observation, None, explore=False, generator=np.random.default_rng(1))
    counted = np.zeros((12, 3))
    np.add.at(counted, (observation, action), 1 / 4000)
    assert agent.probabilities(np.arange(12)) == pytest.approx(counted, abs=0.04)


@pytest.mark.parametrize("cls", [ValueIteration, *CONTROL])
def test_values_are_those_of_the_greedy_action(cls):
    agent, states = trained(cls), np.arange(12)
    assert isinstance(agent, StateValues)
    assert agent.values(states) == pytest.approx(agent.q[states, agent.greedy(states)], abs=1e-9)


@pytest.mark.parametrize("cls", AGENTS.values())
def test_a_snapshot_acts_as_its_agent(cls):
    agent, model, states = trained(cls), random_model(2), np.arange(12)
    fresh = make_agent(cls, make_stream(model, 1), model=model)  # as many lanes as it likes
    fresh.load_snapshot(decode(encode(agent.snapshot())))
    for explore in (False, True):
        left, right = (
            a.act(states, None, explore=explore, generator=np.random.default_rng(3))[0]
            for a in (agent, fresh)
        )
        assert np.array_equal(left, right)


@pytest.mark.parametrize("cls", ONE_STEP)
def test_exploring_outside_the_table_is_refused(cls):
    with pytest.raises(ArenaError, match="observation 12"):
        trained(cls).act(np.array([12]), None, explore=True, generator=np.random.default_rng(0))


def test_random_goes_on_with_its_generator():
    def run(boundaries, interrupt):
        stream = make_stream(random_model(2), 3, 10)
        agent = make_agent(Random, stream)
        for boundary in boundaries:
            train(agent, stream, boundary)
            if interrupt:
                saved = decode(encode({"g": agent.problem.generators.state_dict(), "s": stream.state_dict()}))
                stream = make_stream(random_model(2), 3, 10)
                agent = make_agent(Random, stream)
                agent.problem.generators.load_state_dict(saved["g"])
                stream.load_state_dict(saved["s"])
        return encode(stream.state_dict())

    assert run([900], False) == run([100, 500, 900], True)


BOXES = [
    spaces.Box(np.array([-1, 0], np.float32), np.array([1, 7], np.float32)),
    spaces.Box(-np.inf, np.inf, (2,), np.float64),
    spaces.Box(np.array([3.0, -np.inf]), np.array([np.inf, -2.0]), dtype=np.float64),
    spaces.Box(-3, 4, (2, 2), np.int64),
    spaces.Box(0, 255, (2,), np.uint8),
    spaces.Box(np.finfo(np.float64).min, np.finfo(np.float64).max, (1,), np.float64),
]


@pytest.mark.parametrize("space", BOXES, ids=str)
def test_random_draws_from_any_box_as_gymnasium_does(space):
    stream = make_stream(random_model(2))
    stream.action_space = space
    agent = make_agent(Random, stream)
    observation = np.zeros(4000)
    batch, _ = agent.act(observation, None, explore=True, generator=np.random.default_rng(1))
    generator = np.random.default_rng(1)
    singles = [agent.act(observation[:1], None, explore=True, generator=generator)[0][0] for _ in range(50)]
    assert np.array_equal(batch[:50], singles)
    assert batch.shape == (4000, *space.shape)
    assert batch.dtype == space.dtype
    assert all(action in space for action in batch)
    with pytest.raises(ArenaError, match="continuous"):
        agent.probabilities(observation)
    space.seed(0)
    if np.abs(batch.astype(np.float64)).max() < 1e300:  # the moments of the largest floats overflow
        theirs = np.stack([space.sample() for _ in range(4000)]).astype(np.float64)
        spread = theirs.std(axis=0)
        assert np.all(np.abs(batch.mean(axis=0) - theirs.mean(axis=0)) < 0.12 * spread)
        assert np.all(np.abs(batch.std(axis=0) / spread - 1) < 0.12)


def test_random_refuses_what_has_no_uniform_action():
    stream = make_stream(random_model(2))
    stream.action_space = spaces.MultiDiscrete([2, 2])
    with pytest.raises(ArenaError, match="no uniform action"):
        make_agent(Random, stream)


@pytest.mark.parametrize("name", AGENTS)
def test_specs_are_complete(name):
    spec = SPECS[name]
    assert spec.load() is AGENTS[name]
    assert spec.unit == ("sweep" if name == "value-iteration" else "step")
    assert set(spec.presets) == PRESETS
    for env in (*PRESETS, "CartPole-v1"):
        preset = spec.preset(env)
        config = coerce(spec.load().Config, preset.options, where="agent")
        assert {field.name for field in dataclasses.fields(config)} >= set(preset.options)
        assert preset.steps
        assert (preset.seeds == 5) == (name != "value-iteration")


@pytest.mark.parametrize("cls", AGENTS.values())
def test_every_option_has_help(cls):
    assert set(fields_help(cls.Config)) == {field.name for field in dataclasses.fields(cls.Config)}


@pytest.mark.parametrize(
    "options",
    [
        {"discount": 1.1},
        {"learning_rate": 0},
        {"epsilon": -0.1},
        {"initial_value": float("inf")},
        {"epsilom": 0.1},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ArenaError, match="|".join(options)):
        coerce(QLearning.Config, options, where="agent")


def test_the_plugin_imports_nothing_heavy():
    code = (
        "import arena_tabular, arena_tabular.plugin, sys; list(arena_tabular.plugin.arena_agents());"
        "print({'numba', 'gymnasium', 'torch', 'numpy'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_the_package_exports_what_it_says():
    assert dir(arena_tabular) == sorted(arena_tabular.__all__)
    for name in arena_tabular.__all__:
        assert getattr(arena_tabular, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        arena_tabular.nothing  # noqa: B018
