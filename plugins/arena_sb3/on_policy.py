"""The on-policy algorithms as agents: a rollout, an update, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from arena.agents.base import Problem
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_sb3 import sde
from arena_sb3.agent import Array, StableBaselines, vector_steps
from arena_sb3.buffers import resumable, rollout_state, set_rollout_state

__all__ = ["OnPolicy"]


class OnPolicy(StableBaselines):
    """An algorithm that learns from rollouts of its own policy, ``n_steps`` vector steps each.

    It yields within a rollout too, wherever the runner's boundary lies; what was collected is in the state.
    """

    model: OnPolicyAlgorithm

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        self.rollout = self.model.rollout_buffer = resumable(self.model.rollout_buffer)

    def train(self, stream: Stream) -> Iterator[Progress]:
        """As `OnPolicyAlgorithm.learn`."""
        model, rollout = self.model, self.rollout
        self._begin(stream)
        while True:
            self._collect(vector_steps(stream))
            if rollout.full:
                model._update_current_progress_remaining(model.num_timesteps, self.config.schedule_steps)
                model.train()
                self._take_metrics()
                rollout.reset()
            yield stream.progress(**self.metrics)

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(o) of the critic: shape (batch,)."""
        with torch.no_grad():
            values = self.model.policy.predict_values(*self._seen(observation))
        return np.asarray(values.flatten().cpu().numpy(), dtype=np.float64)

    def behaviour_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) of finitely many actions: shape (batch, num_actions)."""
        assert isinstance(self.env.action_space, gym.spaces.Discrete), "continuous actions have densities"
        with torch.no_grad():
            logits = self._distribution(*self._seen(observation)).distribution.logits
        return np.asarray(torch.softmax(logits.double(), dim=1).cpu().numpy())

    def state_dict(self) -> State:
        return {
            **super().state_dict(),
            "rollout": rollout_state(self.rollout),
            "noise": sde.noise_state(self.model, self.model.policy),
        }

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        set_rollout_state(self.rollout, state["rollout"])
        sde.set_noise_state(self.model, self.model.policy, state["noise"])

    def _seen(self, observation: Array) -> tuple[Any, ...]:
        """Observations as the policy takes them; it is then in its mode for acting, as a rollout puts it too."""
        self.model.policy.set_training_mode(False)
        return (self.model.policy.obs_to_tensor(observation)[0],)

    def _distribution(self, *seen: Any) -> Distribution:
        """The policy's, from what `_seen` gave."""
        distribution: Distribution = self.model.policy.get_distribution(*seen)
        return distribution

    def _collect(self, most: int) -> None:
        """Collects up to so many vector steps of this rollout."""
        model, rollout = self.model, self.rollout
        left = min(most, rollout.buffer_size - rollout.pos)
        with sde.part(model, model.policy, rollout.pos, left) as steps:
            model.collect_rollouts(model.env, self.callback, rollout, steps)
