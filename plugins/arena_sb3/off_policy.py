"""The algorithms with replay as agents: some steps, some gradient steps, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.noise import OrnsteinUhlenbeckActionNoise, VectorizedActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit

from arena.agents.base import Problem
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_sb3 import sde
from arena_sb3.agent import Array, StableBaselines, vector_steps

__all__ = ["OffPolicy"]


class OffPolicy(StableBaselines):
    """An algorithm that learns from a replay buffer.

    It yields between two updates too, wherever the runner's boundary lies.
    """

    model: OffPolicyAlgorithm

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        if config.train_freq_unit == "episode" and problem.num_envs > 1:
            raise ArenaError(
                f"{self.name} cannot count episodes in {problem.num_envs} environments side by side",
                "use --envs 1 or --agent.train-freq-unit step",
            )
        self.collected = self.ended = 0  # vector steps, and episodes, since the last update

    def train(self, stream: Stream) -> Iterator[Progress]:
        """As `OffPolicyAlgorithm.learn`."""
        model, config = self.model, self.config
        by_episodes = config.train_freq_unit == "episode"
        self._begin(stream)
        while True:
            self._collect(1 if by_episodes else min(vector_steps(stream), config.train_freq - self.collected))
            if (self.ended if by_episodes else self.collected) >= config.train_freq:
                wanted = config.gradient_steps
                gradient_steps = wanted if wanted >= 0 else self.collected * model.n_envs
                if model.num_timesteps > model.learning_starts and gradient_steps > 0:
                    model.train(batch_size=model.batch_size, gradient_steps=gradient_steps)
                    self._take_metrics()
                self.collected = self.ended = 0
            yield stream.progress(**self.metrics)

    def state_dict(self) -> State:
        return {
            **super().state_dict(),
            "since_update": {"collected": self.collected, "ended": self.ended},
            "noise": sde.noise_state(self.model, self._actor),
            "action_noise": [noise.noise_prev for noise in self._drifting()],
            "replay": self.model.replay_buffer.journal,
        }

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.collected, self.ended = state["since_update"]["collected"], state["since_update"]["ended"]
        sde.set_noise_state(self.model, self._actor, state["noise"])
        for noise, previous in zip(self._drifting(), state["action_noise"], strict=True):
            noise.noise_prev = np.array(previous)
        self.model.replay_buffer.adopt(state["replay"])

    @property
    def _actor(self) -> Any:
        return getattr(self.model, "actor", None)

    def _drifting(self) -> list[OrnsteinUhlenbeckActionNoise]:
        """Action noise that has a state, one a lane."""
        noise = self.model.action_noise
        noises = noise.noises if isinstance(noise, VectorizedActionNoise) else [noise]
        return [noise for noise in noises if isinstance(noise, OrnsteinUhlenbeckActionNoise)]

    def _collect(self, most: int) -> None:
        """Collects up to so many vector steps."""
        model = self.model
        starts = 0 if model.use_sde and model.use_sde_at_warmup else model.learning_starts
        with sde.part(model, self._actor, self.collected, most) as steps:
            found = model.collect_rollouts(
                model.env,
                callback=self.callback,
                train_freq=TrainFreq(steps, TrainFrequencyUnit.STEP),
                action_noise=model.action_noise,
                learning_starts=starts,
                replay_buffer=model.replay_buffer,
                log_interval=None,
            )
        self.collected += steps
        self.ended += found.n_episodes

    def _explore(self, observation: Array, memory: Any, generator: np.random.Generator) -> tuple[Array, Any]:
        """With noise; such as drifts in training is drawn afresh, for `act` has no memory."""
        action, _ = self._predict(observation, memory, deterministic=False)
        if self.model.action_noise is None:
            return action, None
        noise: npt.NDArray[Any] = generator.normal(0.0, self.config.action_noise_std, action.shape)
        scaled = np.clip(self.model.policy.scale_action(action) + noise, -1, 1)
        return self._inside(self.model.policy.unscale_action(scaled)).astype(action.dtype), None
