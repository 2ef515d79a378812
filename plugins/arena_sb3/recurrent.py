"""PPO with an LSTM as an agent, whose memory is the LSTM's state."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.distributions import Distribution

from arena.agents.base import Problem
from arena.storage.codec import State
from arena_sb3.agent import Array
from arena_sb3.buffers import ResumableRollout
from arena_sb3.on_policy import OnPolicy
from arena_sb3.options import OnPolicyOptions

__all__ = ["Recurrent"]


class ResumableRecurrentRollout(ResumableRollout, RecurrentRolloutBuffer):
    """A recurrent rollout buffer that can be filled in parts."""


class Recurrent(OnPolicy):
    """An on-policy algorithm whose policy has an LSTM; a memory is its (hidden, cell) states.

    Both have the shape (layers, environments, size). `values` and `behavior_probabilities` are those at the beginning
    of an episode.
    """

    model: RecurrentPPO

    def __init__(self, problem: Problem, config: OnPolicyOptions) -> None:
        super().__init__(problem, config)
        # RecurrentPPO makes its buffer itself, of a class that cannot be chosen.
        buffer = self.model.rollout_buffer
        assert isinstance(buffer, RecurrentRolloutBuffer)
        self.model.rollout_buffer = ResumableRecurrentRollout(
            buffer.buffer_size,
            buffer.observation_space,
            buffer.action_space,
            buffer.hidden_state_shape,
            buffer.device,
            gae_lambda=buffer.gae_lambda,
            gamma=buffer.gamma,
            n_envs=buffer.n_envs,
        )

    def reset_memory(self, memory: Any, begin: npt.NDArray[np.bool_]) -> Any:
        """The memory with zeros where an episode begins."""
        return None if memory is None else tuple(np.where(begin[:, None], 0, part) for part in memory)

    def state_dict(self) -> State:
        states = cast(RNNStates, self.model._last_lstm_states)
        return {**super().state_dict(), "lstm": {"pi": states.pi, "vf": states.vf}}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        pi, vf = (tuple(part.to(self.model.device) for part in state["lstm"][name]) for name in ("pi", "vf"))
        self.model._last_lstm_states = RNNStates(pi, vf)  # type: ignore[assignment]  # RecurrentPPO begins with None

    @property
    def _policy(self) -> RecurrentActorCriticPolicy:
        policy = self.model.policy
        assert isinstance(policy, RecurrentActorCriticPolicy)
        return policy

    def _policy_input(self, observation: Array) -> tuple[Any, ...]:
        layers, _, size = self._policy.lstm_hidden_state_shape
        zeros = torch.zeros(layers, len(observation), size, device=self.model.device)
        starts = torch.zeros(len(observation), device=self.model.device)
        return (*super()._policy_input(observation), (zeros, zeros), starts)

    def _distribution(self, *policy_input: Any) -> Distribution:
        distribution: Distribution
        distribution, _ = self._policy.get_distribution(*policy_input)
        return distribution

    def _predict(self, observation: Array, memory: Any, *, deterministic: bool) -> tuple[Array, Any]:
        action, memory = self._policy.predict(observation, state=memory, deterministic=deterministic)
        return self._in_bounds(action), memory
