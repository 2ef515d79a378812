"""Small tabular problems, and agents and streams for them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from arena.agent import Problem
from arena.mdp import TransitionModel
from arena.random import Generators
from arena.spaces import Identity
from arena.stream import NativeStream, Transition
from arena.tables import TableVectorEnv


def toy_text(env_id: str) -> TransitionModel:
    env: Any = gym.make(env_id).unwrapped
    return TransitionModel.from_gymnasium(env.P, env.initial_state_distrib)


def random_model(
    seed: int, states: int = 12, actions: int = 3, successors: int = 3, ends: float = 0.1
) -> TransitionModel:
    """A Garnet: every action has a few random successors; an outcome terminates with probability `ends`."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(states * actions):
        p = rng.dirichlet(np.ones(successors))
        row = [
            (float(q), int(rng.integers(states)), float(rng.normal()), bool(rng.random() < ends)) for q in p
        ]
        rows.append(row)
    return TransitionModel.from_rows(states, actions, rows, rng.dirichlet(np.ones(states)))


class Recorder(NativeStream):
    """A stream that keeps copies of its transitions."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.record: list[Transition] = []

    def step(self, action: Any) -> Transition:
        transition = super().step(action)
        self.record.append(Transition(*(array.copy() for array in transition)))
        return transition


def make_stream(
    model: TransitionModel, lanes: int = 1, limit: int | None = None, seed: int = 0, kind: Any = NativeStream
) -> Any:
    vector = TableVectorEnv(model, lanes, limit)
    observations, actions = vector.single_observation_space, vector.single_action_space
    return kind(vector, Identity(observations), Identity(actions), [1000 * seed + i for i in range(lanes)])


def make_agent(
    cls: Any, stream: Any, seed: int = 0, model: TransitionModel | None = None, **config: Any
) -> Any:
    spaces = stream.observation_space, stream.action_space
    return cls(Problem(*spaces, stream.num_envs, Generators(seed), model), cls.Config(**config))


def stepwise(cls: Any) -> Any:
    """The same agent, kept from compiled chunks."""
    return type(f"Stepwise{cls.__name__}", (cls,), {"_tabular": lambda self, stream: None})


def train(agent: Any, stream: Any, steps: int) -> Any:
    """Trains to a number of steps; the last progress."""
    stream.boundary = steps
    turns, progress = agent.train(stream), None
    while stream.remaining:
        progress = next(turns)
    return progress
