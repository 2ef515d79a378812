"""Baselines: agents without learning, with which every score is compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from arena.agents.base import Agent, Needs, Problem
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_tabular.table import STEPS, ActionTable, Array, Float, vector_steps

__all__ = ["Greedy", "Random"]

EPSILON = float(np.finfo(np.float64).eps)


class Random(Agent):
    """Random baseline: acts uniformly at random in any environment; learns nothing.

    Where a dimension of a Box has no bound, "uniform" means what Gymnasium's sampling means: standard normal
    with no bound at all, exponential beyond a single one.
    """

    @dataclass(frozen=True)
    class Config:
        """No hyperparameters."""

    needs: ClassVar[Needs] = Needs(observations=("discrete", "box"), actions=("discrete", "box"))

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        if not isinstance(problem.action_space, (gym.spaces.Discrete, gym.spaces.Box)):
            raise ArenaError(
                f"there is no uniform action in {problem.action_space}",
                "use an environment with a Discrete or Box action space",
            )
        self._generator = problem.generators.numpy("explore")

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Acts without learning; the run's generator "explore" is the whole state."""
        while True:
            for _ in range(vector_steps(stream, STEPS)):
                stream.step(self._draw(stream.num_envs, self._generator))
            yield stream.progress()

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Uniform actions, exploring or not."""
        return self._draw(len(observation), generator), None

    def probabilities(self, observation: Array) -> Float:
        """1/n for each of n actions: shape (batch, n).

        Raises:
            ArenaError: for continuous actions, which have densities.
        """
        space = self.problem.action_space
        if not isinstance(space, gym.spaces.Discrete):
            raise ArenaError(
                "continuous actions have no probabilities", "use an environment with Discrete actions"
            )
        return np.full((len(observation), int(space.n)), 1 / int(space.n))

    def state_dict(self) -> State:
        """Empty: the agent keeps nothing."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Restores nothing: the state is empty."""

    def _draw(self, batch: int, generator: np.random.Generator) -> Array:
        space = self.problem.action_space
        if isinstance(space, gym.spaces.Discrete):
            return generator.integers(space.start, space.start + space.n, size=batch, dtype=np.int64)
        assert isinstance(space, gym.spaces.Box)
        return _box(space, batch, generator)


class Greedy(ActionTable):
    """Greedy baseline: takes the action of the greatest expected immediate reward; learns nothing.

        π(s) ∈ argmax_a r(s, a),   r(s, a) = Σ p(s', r | s, a) r

    from the environment's transition model: one step of lookahead with V = 0, which is planning with γ = 0. Among
    actions that are equal up to rounding it draws at random, so where no reward is in sight it walks at random. The
    margin of a planner or learner over it is the gain of foresight; its margin over `Random` needs none.

    It steps in its environment for as many steps as asked, so that its returns stand beside those of learners.
    `values` and `action_values` are those of its one step.

    Source: Sutton & Barto 2018, section 3.6, where it is distinguished from being greedy with respect to the values.
    """

    @dataclass(frozen=True)
    class Config:
        """No hyperparameters."""

    needs: ClassVar[Needs] = Needs(observations=("discrete",), actions=("discrete",), model=True)

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        model = problem.model
        if model is None:
            raise ArenaError(
                "being greedy needs the environment's transition model, and this environment has none",
                "use `random`, or an agent that learns by acting, such as q-learning",
            )
        if (model.num_states, model.num_actions) != (self.num_states, self.num_actions):
            raise ArenaError(
                f"the transition model has {model.num_states} states and {model.num_actions} actions, the "
                f"environment {self.num_states} and {self.num_actions}",
                "pass the model of this environment",
            )
        self._q = model.expected_reward()
        # What adding up the longest row can round by.
        slack = EPSILON * (1 + int(np.diff(model.indptr).max())) * float(np.abs(model.reward).max())
        self._best = self._q >= self._q.max(axis=1, keepdims=True) - slack
        self._generator = problem.generators.numpy("explore")

    @property
    def q(self) -> Float:
        """r(s, a): shape (num_states, num_actions)."""
        return self._q

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Acts without learning; the run's generator "explore" is the whole state."""
        while True:
            for _ in range(vector_steps(stream, STEPS)):
                stream.step(self._draw(stream.observation, self._generator))
            yield stream.progress()

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """A best action, exploring or not; each takes one number of the generator."""
        return self._draw(observation, generator), None

    def probabilities(self, observation: Array) -> Float:
        """Equal among the best actions, zero for others: shape (batch, num_actions)."""
        best = self._best[observation]
        return np.asarray(best / best.sum(axis=1, keepdims=True))

    def state_dict(self) -> State:
        """Empty: everything comes from the model."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Restores nothing: the state is empty."""

    def _draw(self, observation: Array, generator: np.random.Generator) -> Array:
        place = np.cumsum(self._best[observation], axis=1)
        chosen = (generator.random(len(observation)) * place[:, -1]).astype(np.int64)
        return np.asarray((place > chosen[:, None]).argmax(axis=1), dtype=np.int64)


def _box(space: gym.spaces.Box, batch: int, generator: np.random.Generator) -> Array:
    """`batch` points of a box, drawn one after another: a batch is what single draws would have been."""
    shape = (batch, *space.shape)
    if not np.issubdtype(space.dtype, np.floating):
        low, high = space.low.astype(np.int64), space.high.astype(np.int64)
        return generator.integers(low, high, size=shape, endpoint=True).astype(space.dtype)
    # Two uniform numbers a dimension, turned into whichever distribution it has: all draws cost the same,
    # which is what makes a batch equal to single draws.
    u, v = np.moveaxis(generator.random((batch, 2, *space.shape)), 1, 0)
    below, above = space.bounded_below, space.bounded_above
    least = np.where(below, space.low, 0.0).astype(np.float64)
    most = np.where(above, space.high, 0.0).astype(np.float64)
    exponential = -np.log1p(-u)
    normal = np.sqrt(2 * exponential) * np.cos(2 * np.pi * v)  # Box & Muller 1958
    one_sided = np.where(below, least + exponential, most - exponential)
    bounded = (1 - u) * least + u * most
    drawn: Array = np.where(below & above, bounded, np.where(below | above, one_sided, normal))
    return drawn.astype(space.dtype)
