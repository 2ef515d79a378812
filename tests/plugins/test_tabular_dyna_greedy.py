"""The greedy baseline: the best immediate reward by the model, and no foresight."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tabular_problems import make_agent, make_stream, random_model, toy_text, train

from arena.agents.base import TabularPolicy
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena_tabular import Greedy, ValueIteration

#: Three of four actions of state 0 give 0.3 on average, added up in different orders; in state 1 one gives most.
TIES = TransitionModel.from_rows(
    2,
    4,
    [
        [(0.1, 0, 1.0, False), (0.2, 1, 1.0, False), (0.7, 0, 0.0, False)],
        [(1.0, 0, 0.3, True)],
        [(1.0, 1, 0.29, False)],
        [(0.7, 0, 0.0, False), (0.2, 1, 1.0, False), (0.1, 0, 1.0, False)],
        *[[(1.0, 0, float(a == 2), False)] for a in range(4)],
    ],
    [0.5, 0.5],
)


def agent_of(model, seed=0, lanes=1):
    stream = make_stream(model, lanes, 20, seed)
    return make_agent(Greedy, stream, seed, model=model), stream


def test_it_takes_the_best_immediate_reward_and_equals_alike():
    agent, _ = agent_of(TIES)
    assert isinstance(agent, TabularPolicy)
    both = agent.probabilities(np.array([0, 1]))
    assert both == pytest.approx(np.array([[1 / 3, 1 / 3, 0, 1 / 3], [0, 0, 1, 0]]))
    assert agent.values(np.array([0, 1])) == pytest.approx([0.3, 1.0])
    observation = np.zeros(30_000, dtype=np.int64)
    action, _ = agent.act(observation, None, explore=False, generator=np.random.default_rng(0))
    assert np.bincount(action, minlength=4) / len(action) == pytest.approx(both[0], abs=0.01)
    assert action.dtype == np.int64


@pytest.mark.parametrize("seed", range(3))
def test_it_is_planning_with_a_discount_of_zero(seed):
    model, states = random_model(seed), np.arange(12)
    agent, stream = agent_of(model, seed)
    planner = make_agent(ValueIteration, stream, model=model, discount=0.0)
    list(planner.train(stream))
    assert agent.q == pytest.approx(planner.q)
    assert np.array_equal(agent.probabilities(states), planner.probabilities(states))


def test_without_foresight_it_walks_at_random_until_the_goal_is_next():
    agent, _ = agent_of(toy_text("FrozenLake-v1"))
    chances = agent.probabilities(np.arange(16))
    assert np.array_equal((chances > 0).sum(axis=1) == 4, np.arange(16) != 14)
    assert chances[14, 0] == 0


def test_its_steps_are_a_pure_function_of_the_seed_and_go_on_exactly():
    returns = []
    for boundaries in ([600], [3, 100, 599]):
        agent, stream = agent_of(random_model(4), 3, 3)
        for boundary in boundaries:
            train(agent, stream, boundary)
            saved = decode(encode({"g": agent.problem.generators.state_dict(), "s": stream.state_dict()}))
            agent, stream = agent_of(random_model(4), 3, 3)
            agent.problem.generators.load_state_dict(saved["g"])
            stream.load_state_dict(saved["s"])
        returns.append(encode(stream.state_dict()).arrays)
    assert returns[0] == returns[1]


def test_it_needs_the_model_of_its_environment():
    stream = make_stream(random_model(1))
    with pytest.raises(ArenaError, match="transition model"):
        make_agent(Greedy, stream)
    with pytest.raises(ArenaError, match="2 states"):
        make_agent(Greedy, stream, model=TIES)
    assert not dataclasses.fields(Greedy.Config)
