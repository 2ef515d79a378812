"""Example of an environment and an agent: a two-armed bandit, and ε-greedy sample averages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium as gym
import numpy as np

import arena
from arena.config.options import Between
from arena.environments.spaces import DISCRETE


class TwoArms(gym.Env[int, int]):
    """Two-armed bandit: the left arm gives a reward of 0.4, the right arm 1 with probability one half, or else 0."""

    observation_space = gym.spaces.Discrete(1)
    action_space = gym.spaces.Discrete(2)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        reward = 0.4 if action == 0 else float(self.np_random.random() < 0.5)
        return 0, reward, True, False, {}


class Averages(arena.Agent):
    """Agent that explores with probability ε, and otherwise takes the action with the greatest average reward.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), section 2.4.
    """

    needs = arena.Needs(observations=(DISCRETE,), actions=(DISCRETE,))

    @dataclass(frozen=True)
    class Config:
        """Hyperparameters; the docstring below a field is its help text."""

        epsilon: Annotated[float, Between(0, 1)] = 0.1
        """Exploration rate ε: probability of a uniformly random action in training; larger values explore more."""

    def __init__(self, problem: arena.Problem, config: Config) -> None:
        super().__init__(problem, config)
        actions = int(problem.action_space.n)
        self.total, self.count = np.zeros(actions), np.zeros(actions)

    def train(self, stream: arena.Stream) -> Iterator[arena.Progress]:
        """Act, update the sums, yield; everything that the next step needs is in `state_dict`."""
        generator = self.problem.generators.numpy("explore")
        while True:
            action, _ = self.act(stream.observation, None, explore=True, generator=generator)
            transition = stream.step(action)
            np.add.at(self.total, action, transition.reward)
            np.add.at(self.count, action, 1)
            yield stream.progress(best=float(self.averages().max()))

    def averages(self) -> np.ndarray:
        """Average reward of each action; 0 for an action that was never taken."""
        return self.total / np.maximum(self.count, 1)

    def act(
        self, observation: Any, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Any, None]:
        """Best action; with exploration, a random action with probability ε."""
        action = np.full(len(observation), self.averages().argmax())
        if explore:
            chosen = generator.integers(len(self.count), size=len(observation))
            action = np.where(generator.random(len(observation)) < self.config.epsilon, chosen, action)
        return action, None

    def state_dict(self) -> dict[str, Any]:
        """Sum of rewards and number of uses of each action."""
        return {"total": self.total.copy(), "count": self.count.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the sums."""
        self.total[:], self.count[:] = state["total"], state["count"]


gym.register(id="example/TwoArms-v0", entry_point=TwoArms)
