"""The off-policy algorithms as agents: some steps, some gradient steps on replayed transitions, and so on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.noise import OrnsteinUhlenbeckActionNoise, VectorizedActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit

from arena.agents.base import Needs, Problem
from arena.environments.spaces import BOX
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Stream
from arena_sb3 import sde
from arena_sb3.agent import Array, StableBaselines, steps_to_boundary
from arena_sb3.buffers import JournalReplay
from arena_sb3.options import ActionNoiseOptions, OffPolicyOptions

__all__ = ["OffPolicy"]


class OffPolicy(StableBaselines):
    """An algorithm that learns from a replay buffer."""

    needs: ClassVar[Needs] = Needs(observations=(BOX,), actions=(BOX,), features=True)
    model: OffPolicyAlgorithm
    config: OffPolicyOptions

    def __init__(self, problem: Problem, config: OffPolicyOptions) -> None:
        super().__init__(problem, config)
        self._by_episodes = config.train_freq_unit == "episode"
        if self._by_episodes and problem.num_envs > 1:
            raise ArenaError(
                f"{self.name} cannot update after episodes in {problem.num_envs} parallel environments",
                "use --envs 1 or --agent.train-freq-unit step",
            )
        self.collected = self.ended = 0  # vector steps, and episodes, since the last update

    def state_dict(self) -> State:
        return {
            **super().state_dict(),
            "since_update": {"collected": self.collected, "ended": self.ended},
            "action_noise": [noise.noise_prev for noise in self._correlated_noises()],
            "replay": self._replay.journal,
        }

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.collected, self.ended = state["since_update"]["collected"], state["since_update"]["ended"]
        for noise, previous in zip(self._correlated_noises(), state["action_noise"], strict=True):
            noise.noise_prev = np.array(previous)
        self._replay.adopt(state["replay"])

    @property
    def _replay(self) -> JournalReplay:
        buffer = self.model.replay_buffer
        assert isinstance(buffer, JournalReplay), "the model was built with one"
        return buffer

    def _correlated_noises(self) -> list[OrnsteinUhlenbeckActionNoise]:
        """The action noises with a state: Ornstein–Uhlenbeck processes, one for each environment."""
        noise = self.model.action_noise
        noises = noise.noises if isinstance(noise, VectorizedActionNoise) else [noise]
        return [noise for noise in noises if isinstance(noise, OrnsteinUhlenbeckActionNoise)]

    def _collect(self, stream: Stream) -> None:
        model = self.model
        # An episode may end at any step.
        most = 1 if self._by_episodes else self.config.train_freq - self.collected
        starts = 0 if model.use_sde and model.use_sde_at_warmup else model.learning_starts
        with sde.part(model, self._explorer, self.collected, min(steps_to_boundary(stream), most)) as steps:
            rollout = model.collect_rollouts(
                self._vec_env,
                callback=self.callback,
                train_freq=TrainFreq(steps, TrainFrequencyUnit.STEP),
                action_noise=model.action_noise,
                learning_starts=starts,
                replay_buffer=self._replay,
                log_interval=None,
            )
        self.collected += steps
        self.ended += rollout.n_episodes

    def _update_is_due(self) -> bool:
        return (self.ended if self._by_episodes else self.collected) >= self.config.train_freq

    def _update(self) -> None:
        model, gradient_steps = self.model, self.config.gradient_steps
        if gradient_steps < 0:
            gradient_steps = self.collected * model.n_envs
        if model.num_timesteps > model.learning_starts and gradient_steps > 0:
            model.train(batch_size=model.batch_size, gradient_steps=gradient_steps)
            self._take_metrics()
        self.collected = self.ended = 0

    def _explore(self, observation: Array, memory: Any, generator: np.random.Generator) -> tuple[Array, Any]:
        """Actions with noise; correlated noise is drawn independently here, since `act` has no memory for it."""
        action, _ = self._predict(observation, memory, deterministic=False)
        if self.model.action_noise is None:
            return action, None
        assert isinstance(self.config, ActionNoiseOptions), "the option that made the noise"
        noise: npt.NDArray[Any] = generator.normal(0.0, self.config.action_noise_std, action.shape)
        scaled = np.clip(self.model.policy.scale_action(action) + noise, -1, 1)
        return self._in_bounds(self.model.policy.unscale_action(scaled)).astype(action.dtype), None
