"""The algorithms with replay that rate finitely many actions: they explore ε-greedily."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from arena_sb3.agent import Array
from arena_sb3.off_policy import OffPolicy

__all__ = ["EpsilonGreedy"]


class EpsilonGreedy(OffPolicy):
    """An algorithm that takes the action of the greatest Q, or with probability ε any."""

    def action_values(self, observation: Array) -> npt.NDArray[np.float64]:
        """Q(o, a): shape (batch, num_actions)."""
        policy = self.model.policy
        policy.set_training_mode(False)
        with torch.no_grad():
            values = self._rate(policy.obs_to_tensor(observation)[0])
        return np.asarray(values.cpu().numpy(), dtype=np.float64)

    def behaviour_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) as ε is now: shape (batch, num_actions)."""
        values, epsilon = self.action_values(observation), self.model.exploration_rate
        n = values.shape[1]
        return np.asarray(epsilon / n + (1 - epsilon) * np.eye(n)[values.argmax(axis=1)])

    @abstractmethod
    def _rate(self, seen: Any) -> torch.Tensor:
        """Q of observations as the policy takes them: shape (batch, num_actions)."""

    def _explore(self, observation: Array, memory: Any, generator: np.random.Generator) -> tuple[Array, Any]:
        assert isinstance(self.env.action_space, gym.spaces.Discrete)
        best, _ = self._predict(observation, memory, deterministic=True)
        anything = generator.integers(self.env.action_space.n, size=len(best))
        return np.where(generator.random(len(best)) < self.model.exploration_rate, anything, best), None
