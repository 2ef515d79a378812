"""The on-policy algorithms as agents: a rollout, an update, and so on."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from arena.agents.base import Needs
from arena.environments.spaces import BOX, DISCRETE
from arena.storage.codec import State
from arena.streams.base import Stream
from arena_sb3 import sde
from arena_sb3.agent import Array, StableBaselines, steps_to_boundary
from arena_sb3.buffers import ResumableRollout, rollout_state, set_rollout_state
from arena_sb3.options import OnPolicyOptions

__all__ = ["OnPolicy"]


class OnPolicy(StableBaselines):
    """An algorithm that learns from rollouts of its own policy, each of ``n_steps`` vector steps."""

    #: An index is flattened to a one-hot array: Stable-Baselines3 would make one anyway.
    needs: ClassVar[Needs] = Needs(observations=(BOX,), actions=(DISCRETE, BOX), features=True)
    model: OnPolicyAlgorithm
    config: OnPolicyOptions

    @property
    def rollout(self) -> ResumableRollout:
        """The rollout in progress."""
        buffer = self.model.rollout_buffer
        assert isinstance(buffer, ResumableRollout), "the model was built with one"
        return buffer

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(o) of the critic: shape (batch,)."""
        with torch.no_grad():
            values = self.model.policy.predict_values(*self._policy_input(observation))
        return np.asarray(values.flatten().cpu().numpy(), dtype=np.float64)

    def behavior_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) of finitely many actions: shape (batch, num_actions)."""
        assert isinstance(self.env.action_space, gym.spaces.Discrete), "continuous actions have densities"
        with torch.no_grad():
            distribution = self._distribution(*self._policy_input(observation)).distribution
        assert isinstance(distribution, torch.distributions.Categorical)
        return np.asarray(torch.softmax(distribution.logits.double(), dim=1).cpu().numpy())

    def state_dict(self) -> State:
        return {**super().state_dict(), "rollout": rollout_state(self.rollout)}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        set_rollout_state(self.rollout, state["rollout"])

    def _policy_input(self, observation: Array) -> tuple[Any, ...]:
        """The policy's arguments for a batch of observations; sets it to its mode for acting, as a rollout does."""
        self.model.policy.set_training_mode(False)
        return (self.model.policy.obs_to_tensor(observation)[0],)

    def _distribution(self, *policy_input: Any) -> Distribution:
        """The policy's distribution of actions, from the arguments that `_policy_input` gives."""
        distribution: Distribution = self.model.policy.get_distribution(*policy_input)
        return distribution

    def _collect(self, stream: Stream) -> None:
        model, rollout = self.model, self.rollout
        steps = min(steps_to_boundary(stream), rollout.buffer_size - rollout.pos)
        with sde.part(model, self._explorer, rollout.pos, steps) as steps:
            model.collect_rollouts(self._vec_env, self.callback, rollout, steps)

    def _update_is_due(self) -> bool:
        return self.rollout.full

    def _update(self) -> None:
        model = self.model
        model._update_current_progress_remaining(model.num_timesteps, self.config.schedule_steps)
        model.train()
        self._take_metrics()
        self.rollout.reset()
