"""The off-policy algorithms that estimate the values of finitely many actions and explore ε-greedily, as agents."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from arena.agents.base import Needs
from arena.environments.spaces import BOX, DISCRETE
from arena.storage.codec import State
from arena_sb3.agent import Array
from arena_sb3.off_policy import OffPolicy

if TYPE_CHECKING:
    import sb3_contrib
    import stable_baselines3

__all__ = ["EpsilonGreedy"]


class EpsilonGreedy(OffPolicy):
    """An algorithm that takes the action of the largest Q, or a random action with probability ε."""

    needs: ClassVar[Needs] = Needs(observations=(BOX,), actions=(DISCRETE,), features=True)
    model: stable_baselines3.DQN | sb3_contrib.QRDQN

    def action_values(self, observation: Array) -> npt.NDArray[np.float64]:
        """Q(o, a): shape (batch, num_actions)."""
        policy = self.model.policy
        policy.set_training_mode(False)
        with torch.no_grad():
            values = self._q_values(policy.obs_to_tensor(observation)[0])
        return np.asarray(values.cpu().numpy(), dtype=np.float64)

    def behavior_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) at the current ε: shape (batch, num_actions)."""
        values, epsilon = self.action_values(observation), self.model.exploration_rate
        n = values.shape[1]
        return np.asarray(epsilon / n + (1 - epsilon) * np.eye(n)[values.argmax(axis=1)])

    def snapshot(self) -> State:
        """The policy's parameters, and ε."""
        return {**super().snapshot(), "exploration_rate": self.model.exploration_rate}

    def load_snapshot(self, state: State) -> None:
        super().load_snapshot(state)
        self.model.exploration_rate = state["exploration_rate"]

    @abstractmethod
    def _q_values(self, observations: Any) -> torch.Tensor:
        """Q of observations as the policy takes them: shape (batch, num_actions)."""

    def _explore(self, observation: Array, memory: Any, generator: np.random.Generator) -> tuple[Array, Any]:
        assert isinstance(self.env.action_space, gym.spaces.Discrete)
        greedy, _ = self._predict(observation, memory, deterministic=True)
        random = generator.integers(self.env.action_space.n, size=len(greedy))
        return np.where(generator.random(len(greedy)) < self.model.exploration_rate, random, greedy), None
