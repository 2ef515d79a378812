"""Small tabular problems, and agents and streams for them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from arena.agents.base import Problem
from arena.environments.mdp import TransitionModel
from arena.environments.spaces import Identity
from arena.environments.tabular import TableVectorEnv
from arena.random.generators import Generators
from arena.streams.base import NativeStream, Transition
from arena_tabular import SARSA, DoubleQLearning, ExpectedSARSA, QLearning, TDPrediction

CONTROL = [SARSA, ExpectedSARSA, QLearning, DoubleQLearning]
ONE_STEP = [*CONTROL, TDPrediction]

#: Options for every behavior and every schedule of both numbers; the steps end amid a test's training.
BEHAVIORS = {
    "epsilon-greedy": {"epsilon": 0.2},
    "softmax": {"behavior": "softmax", "temperature": 0.7},
    "ucb": {"behavior": "ucb", "confidence": 0.5},
}
STEP_SIZES = {
    "constant": {"learning_rate": 0.3},
    "linear": {"learning_rate": 0.5, "learning_rate_final": 0.1, "learning_rate_steps": 250},
    "exponential": {
        "learning_rate": 0.5,
        "learning_rate_schedule": "exponential",
        "learning_rate_final": 0.1,
        "learning_rate_steps": 251,
    },
    "visits": {"learning_rate": 0.9, "learning_rate_schedule": "visits", "learning_rate_power": 0.8},
}
EPSILONS = {
    name: {key.replace("learning_rate", "epsilon", 1): value for key, value in options.items()}
    for name, options in STEP_SIZES.items()
}


def every_option(cls: Any) -> list[Any]:
    """Options of a learner that go once through its behaviors and schedules, as pytest's parameters."""
    found = {f"learning_rate-{name}": options for name, options in STEP_SIZES.items()}
    if cls is not TDPrediction:
        found.update({f"epsilon-{name}": {**STEP_SIZES["constant"], **o} for name, o in EPSILONS.items()})
        for behavior in ("softmax", "ucb"):
            for name, options in STEP_SIZES.items():
                found[f"{behavior}-{name}"] = {**BEHAVIORS[behavior], **options}
        found["all"] = {**STEP_SIZES["visits"], **EPSILONS["visits"], "learning_rate_final": 0.2}
    return [pytest.param(cls, options, id=f"{cls.__name__}-{name}") for name, options in found.items()]


def some_options(cls: Any, share: int, of: int) -> list[dict[str, Any]]:
    """Each `of`-th of the options of `every_option`, from the given one on (counted modulo `of`)."""
    return [param.values[1] for param in every_option(cls)][share % of :: of]


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

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
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
    seeds = [1000 * seed + i for i in range(lanes)]
    return kind(vector, Identity(observations), Identity(actions), seeds, label="the test's")


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


def train_episodes(agent: Any, stream: Any, episodes: int, shortest: int) -> None:
    """Trains one lane until exactly so many episodes have ended, none of which is shorter than `shortest`."""
    while stream.episodes < episodes:
        train(agent, stream, stream.steps + 1 + shortest * (episodes - stream.episodes - 1))


def walk(states: int = 5) -> TransitionModel:
    """Sutton & Barto 2018, example 6.2: from the middle left or right at random; 1 at the right end, else 0.

    Its two actions do the same.
    """
    rows = []
    for s in range(states):
        left, right = (0.5, max(0, s - 1), 0.0, s == 0), (0.5, min(states - 1, s + 1), float(s == states - 1))
        rows += [[left, (*right, s == states - 1)]] * 2
    return TransitionModel.from_rows(states, 2, rows, np.eye(states)[states // 2])
