"""Monte Carlo learners keep every law, and their bytes do not depend on how the steps were taken."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from tabular_problems import make_agent, make_stream, random_model, stepwise, train
from test_tabular_monte_carlo_textbook import OPTIONS

from arena import testing
from arena.environments.spaces import Identity
from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena.testing import DoesNotApply
from arena_tabular import MCControl, MCPrediction, OffPolicyMC

LEARNERS = [MCPrediction, MCControl, OffPolicyMC]
NAMES = ["mc-prediction", "mc-control", "off-policy-mc"]
#: One that tests/core/test_laws.py does not try, and those that it tries in turn.
ENVS = [
    "arena/RandomWalk-v0",
    *(
        pytest.param(env, marks=pytest.mark.slow)
        for env in ("arena/CliffWalk-v0", "FrozenLake-v1", "Blackjack-v1")
    ),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("law", testing.AGENT_LAWS, ids=lambda law: law.__name__)
def test_they_keep_the_laws(law, env, name):
    if law is testing.bootstraps_through_truncation:
        for lanes in (1, 3):
            law(name, num_envs=lanes)
        return
    with contextlib.suppress(DoesNotApply):
        law(name, env)


def everything(agent, stream, progress):
    encoded = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
    return encoded.arrays, encoded.tree, progress


@pytest.mark.parametrize(("learner", "options"), OPTIONS)
@pytest.mark.parametrize(("lanes", "limit", "longest"), [(1, None, None), (5, 6, 4), (5, None, 11)])
def test_every_option_is_equal_on_both_paths_also_resumed(learner, options, lanes, limit, longest):
    """Compiled in one go; step by step; and compiled, through the codec after every 130 or so steps."""
    model, outcomes = random_model(3, ends=0.3), []
    options = {"initial_value": 0.5, "longest_return": longest, **options}
    for cls, pace in ((learner, 520), (stepwise(learner), 520), (learner, 130)):
        stream = make_stream(model, lanes, limit)
        agent = make_agent(cls, stream, **options)
        for boundary in range(pace, 521, pace):
            progress = train(agent, stream, boundary)
            saved = decode(encode({"agent": agent.state_dict(), "stream": stream.state_dict()}))
            stream = make_stream(model, lanes, limit)
            agent = make_agent(cls, stream, **options)
            agent.load_state_dict(saved["agent"])
            stream.load_state_dict(saved["stream"])
        outcomes.append(everything(agent, stream, progress))
        assert progress.metrics["td_error"] > 0
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert stream.episodes > 10


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("cls", [lambda c: c, stepwise])
@pytest.mark.parametrize("lanes", [1, 3])
def test_resumed_after_every_step_equals_uninterrupted_beyond_the_first_room(learner, cls, lanes):
    """Episodes of 80 steps: the records are doubled under way, and a resumed run has its own."""
    model, limit = random_model(5, ends=0.0), 80
    stream = make_stream(model, lanes, limit)
    agent = make_agent(cls(learner), stream, discount=0.9)
    expected = everything(agent, stream, train(agent, stream, 170 * lanes))
    saved, longest = None, 0
    for boundary in range(lanes, 170 * lanes + 1, lanes):
        stream = make_stream(model, lanes, limit)
        agent = make_agent(cls(learner), stream, discount=0.9)
        if saved is not None:
            state = decode(saved)
            agent.load_state_dict(state["agent"])
            stream.load_state_dict(state["stream"])
        progress = train(agent, stream, boundary)
        saved = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
        longest = max(longest, agent.state_dict()["episodes"]["lengths"].max())
    assert everything(agent, stream, progress) == expected
    assert longest == 79


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_state_holds_the_episodes_under_way_and_nothing_else_of_the_records(learner):
    """Agents that remember the same steps have the same bytes, however long their earlier episodes were."""
    stream = make_stream(random_model(5, ends=0.0), 2, 1000)
    agent = make_agent(learner, stream)
    train(agent, stream, 2 * 1000 + 2 * 3)
    state = agent.state_dict()["episodes"]
    assert state["lengths"].tolist() == [3, 3]
    assert all(len(steps) == 6 for name, steps in state.items() if name != "lengths")
    assert ("probabilities" in state) == (learner is OffPolicyMC)
    assert agent._records.shape[1] == 1024
    fresh = make_agent(learner, make_stream(random_model(5, ends=0.0), 2, 1000))
    fresh.load_state_dict(decode(encode(agent.state_dict())))
    assert fresh._records.shape[1] == 64
    assert encode(fresh.state_dict()).arrays == encode(agent.state_dict()).arrays


@pytest.mark.parametrize("learner", LEARNERS)
def test_what_a_cut_return_remembers_is_bounded(learner):
    stream = make_stream(random_model(5, ends=0.0), 2)
    agent = make_agent(learner, stream, longest_return=64)
    train(agent, stream, 20_000)
    assert agent._records.shape[1] == 64
    assert agent.state_dict()["updates"] > 0


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_state_of_other_lanes_is_refused(learner):
    agent = make_agent(learner, make_stream(random_model(1), 2))
    other = make_agent(learner, make_stream(random_model(1), 3))
    with pytest.raises(ArenaError, match="shape"):
        agent.load_state_dict(other.state_dict())
    agent.load_snapshot(other.snapshot())


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_observation_outside_its_space_is_refused(learner):
    stream = make_stream(random_model(6), 3)

    class Off(Identity):
        def encode(self, batch):
            return np.where(np.arange(len(batch)) == 2, 12, batch)

    agent = make_agent(stepwise(learner), stream)
    stream.observations = Off(stream.observations.inner)
    with pytest.raises(ArenaError, match="environment 2 gave the observation 12"):
        train(agent, stream, 60)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_loaded_snapshot_acts_alike(learner):
    stream = make_stream(random_model(2), 2, 10)
    agent, fresh = make_agent(learner, stream), make_agent(learner, make_stream(random_model(2), 1))
    train(agent, stream, 500)
    fresh.load_snapshot(decode(encode(agent.snapshot())))
    for explore in (False, True):
        left, right = (
            one.act(np.arange(12), None, explore=explore, generator=np.random.default_rng(3))[0]
            for one in (agent, fresh)
        )
        assert np.array_equal(left, right)
