"""However the steps are taken, divided or interrupted, the bytes are the same."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from tabular_problems import (
    ONE_STEP,
    every_option,
    make_agent,
    make_stream,
    random_model,
    stepwise,
    toy_text,
    train,
)

from arena.environments.spaces import Identity, Index
from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena_tabular import SARSA, QLearning

CONFIG = {"discount": 0.97, "learning_rate": 0.3, "initial_value": 0.5}
OPTIONS = [param for cls in ONE_STEP for param in every_option(cls)]


def everything(agent, stream, progress):
    """All that a run could show of where it stands."""
    encoded = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
    return encoded.arrays, encoded.tree, progress


@pytest.mark.parametrize("learner", ONE_STEP)
@pytest.mark.parametrize("lanes", [1, 7])
@pytest.mark.parametrize("limit", [None, 1, 5, 13])
def test_compiled_and_stepwise_paths_are_equal_to_the_bit(learner, lanes, limit):
    model = random_model(3)  # several outcomes a row: steps draw random numbers
    outcomes = []
    for cls in (learner, stepwise(learner)):
        stream = make_stream(model, lanes, limit)
        agent = make_agent(cls, stream, **CONFIG)
        progress = train(agent, stream, 1500)
        outcomes.append(everything(agent, stream, progress))
        assert progress.metrics["td_error"] > 0
        assert progress.episodes > 0
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("learner", "options"), OPTIONS)
@pytest.mark.parametrize("lanes", [1, 5])
def test_every_behavior_and_schedule_is_equal_on_both_paths_also_resumed(learner, options, lanes):
    """Compiled in one go; step by step; and compiled, through the codec after every 130 or so steps."""
    model, outcomes = random_model(3), []
    for cls, pace in ((learner, 520), (stepwise(learner), 520), (learner, 130)):
        stream = make_stream(model, lanes, 6)
        agent = make_agent(cls, stream, initial_value=0.5, **options)
        for boundary in range(pace, 521, pace):
            progress = train(agent, stream, boundary)
            saved = decode(encode({"agent": agent.state_dict(), "stream": stream.state_dict()}))
            stream = make_stream(model, lanes, 6)
            agent = make_agent(cls, stream, initial_value=0.5, **options)
            agent.load_state_dict(saved["agent"])
            stream.load_state_dict(saved["stream"])
        outcomes.append(everything(agent, stream, progress))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert progress.episodes > 50


@pytest.mark.parametrize("learner", ONE_STEP)
@pytest.mark.parametrize("cls", [lambda c: c, stepwise])
def test_boundaries_change_nothing(learner, cls):
    outcomes = []
    for boundaries in ([3000], [1, 2, 50, 777, 778, 2999]):
        stream = make_stream(random_model(4), 3, 9)
        agent = make_agent(cls(learner), stream, **CONFIG)
        for boundary in boundaries:
            progress = train(agent, stream, boundary)
        outcomes.append(everything(agent, stream, progress))
    assert outcomes[0] == outcomes[1]


def test_a_chunk_ends_at_the_boundary_and_takes_no_step_beyond():
    stream = make_stream(random_model(4), 7)
    agent = make_agent(QLearning, stream)
    turns = agent.train(stream)
    for boundary, steps in ((1, 7), (7, 7), (8, 14), (700, 700)):
        stream.boundary = boundary
        assert next(turns).steps == steps
    stream.boundary = np.iinfo(np.int64).max
    assert 700 < next(turns).steps < 2**22


@pytest.mark.parametrize("learner", ONE_STEP)
@pytest.mark.parametrize("cls", [lambda c: c, stepwise])
@pytest.mark.parametrize("lanes", [1, 5])
def test_resumed_after_every_step_equals_uninterrupted(learner, cls, lanes):
    model = random_model(5)
    stream = make_stream(model, lanes, 11)
    agent = make_agent(cls(learner), stream, **CONFIG)
    expected = everything(agent, stream, train(agent, stream, 100 * lanes))

    saved = None
    for boundary in range(lanes, 100 * lanes + 1, lanes):
        stream = make_stream(model, lanes, 11)
        agent = make_agent(cls(learner), stream, **CONFIG)
        if saved is not None:
            state = decode(saved)
            agent.load_state_dict(state["agent"])
            stream.load_state_dict(state["stream"])
        progress = train(agent, stream, boundary)
        saved = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
    assert everything(agent, stream, progress) == expected


def test_sarsa_resumes_between_choosing_and_taking_an_action():
    stream = make_stream(random_model(5, ends=0.0), 4)
    agent = make_agent(SARSA, stream)
    train(agent, stream, 40)
    assert (agent.state_dict()["next_action"] >= 0).all()
    stream = make_stream(random_model(5, ends=0.0), 4, 1)
    agent = make_agent(SARSA, stream)
    train(agent, stream, 40)
    assert (agent.state_dict()["next_action"] == -1).all()


@pytest.mark.parametrize("learner", ONE_STEP)
def test_same_seed_same_bytes_and_another_seed_others(learner):
    tables = []
    for seed in (0, 0, 1):
        stream = make_stream(toy_text("FrozenLake-v1"), 2, 100)
        agent = make_agent(learner, stream, seed=seed, **CONFIG)
        train(agent, stream, 5000)
        tables.append(agent.values(np.arange(16)).tobytes())
    assert tables[0] == tables[1] != tables[2]


@pytest.mark.parametrize("learner", ONE_STEP)
def test_an_observation_that_must_be_indexed_goes_from_python(learner):
    model = random_model(6, states=12)
    stream = make_stream(model, 3, 8)
    stream.observations = Relabelled(stream.observations.inner)
    assert stream.tabular is None
    agent = make_agent(learner, stream, **CONFIG)
    train(agent, stream, 600)
    plain = make_stream(model, 3, 8)
    expected = make_agent(learner, plain, **CONFIG)
    train(expected, plain, 600)
    states = np.arange(12)
    assert np.array_equal(agent.values(states), expected.values(states))


class Relabelled(Index):
    """The identity, but not known as such."""

    def encode(self, batch):
        return np.asarray(batch)


@pytest.mark.parametrize("learner", ONE_STEP)
def test_an_observation_outside_its_space_is_refused(learner):
    stream = make_stream(random_model(6, states=12), 3)

    class Off(Identity):
        def encode(self, batch):
            return np.where(np.arange(len(batch)) == 2, 12, batch)

    agent = make_agent(stepwise(learner), stream)
    stream.observations = Off(stream.observations.inner)
    with pytest.raises(ArenaError, match="environment 2 gave the observation 12"):
        train(agent, stream, 60)


def test_a_stream_of_another_problem_is_refused():
    agent = make_agent(QLearning, make_stream(random_model(1, states=5), 2))
    for other in (make_stream(random_model(1, states=6), 2), make_stream(random_model(1, states=5), 3)):
        with pytest.raises(ArenaError, match="built for"):
            next(agent.train(other))


def test_a_state_of_another_problem_is_refused():
    agent = make_agent(SARSA, make_stream(random_model(1, states=5), 2))
    fewer = make_agent(SARSA, make_stream(random_model(1, states=4), 2))
    lanes = make_agent(SARSA, make_stream(random_model(1, states=5), 3))
    for other in (fewer, lanes):
        with pytest.raises(ArenaError, match="shape"):
            agent.load_state_dict(other.state_dict())
    agent.load_snapshot(lanes.snapshot())


@pytest.mark.parametrize(
    ("observation", "action", "message"),
    [
        (spaces.Box(0, 1, (2,)), spaces.Discrete(2), "observation space Box"),
        (spaces.Discrete(3, start=1), spaces.Discrete(2), "observation space"),
        (spaces.Discrete(3), spaces.Box(0, 1, (2,)), "action space Box"),
        (spaces.Discrete(2**30), spaces.Discrete(4), "takes 32 GiB"),
    ],
)
def test_a_problem_without_a_table_is_refused(observation, action, message):
    stream = make_stream(random_model(1))
    stream.observation_space, stream.action_space = observation, action
    with pytest.raises(ArenaError, match=message):
        make_agent(QLearning, stream)
