"""The algorithms of Stable-Baselines3 itself as agents, each with its hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_sb3 import options
from arena_sb3.needed import needed

with needed("agents sb3-a2c, sb3-ddpg, sb3-dqn, sb3-ppo, sb3-sac and sb3-td3", "Stable-Baselines3"):
    import stable_baselines3
    import torch

    from arena_sb3.epsilon_greedy import EpsilonGreedy
    from arena_sb3.off_policy import OffPolicy
    from arena_sb3.on_policy import OnPolicy

__all__ = ["A2C", "DDPG", "DQN", "PPO", "SAC", "TD3"]


class A2C(OnPolicy):
    """Advantage actor-critic."""

    algorithm = stable_baselines3.A2C

    @dataclass(frozen=True)
    class Config(options.PolicyGradientOptions):
        """Hyperparameters of A2C."""

        learning_rate: options.PositiveFloat = 7e-4
        n_steps: options.Count = 5
        gae_lambda: options.Fraction = 1.0
        normalize_advantage: bool = False

        rms_prop_eps: options.PositiveFloat = 1e-5
        """ε of RMSprop: added to its denominator, against division by zero."""

        use_rms_prop: bool = True
        """Optimize with RMSprop instead of Adam."""


class PPO(OnPolicy):
    """Proximal policy optimization."""

    algorithm = stable_baselines3.PPO

    @dataclass(frozen=True)
    class Config(options.PolicyGradientOptions):
        """Hyperparameters of PPO."""

        batch_size: options.Count = 64
        """Transitions in each gradient step; best a divisor of n_steps × environments."""

        n_epochs: options.Count = 10
        """Number of passes over each rollout."""

        clip_range: options.PositiveFloat = 0.2
        """Initial distance of the probability ratio from 1 at which it is clipped; larger: larger updates."""

        clip_range_schedule: options.Schedule = "constant"
        """Schedule of the clip range: constant, or linear to zero at `schedule_steps`."""

        clip_range_vf: options.PositiveFloat | None = None
        """Largest change of a value in one update, in units of the return; None: no limit."""

        target_kl: options.PositiveFloat | None = None
        """KL divergence from the old policy, in nats, above which an update ends early; None: never."""


class DQN(EpsilonGreedy):
    """Deep Q-network."""

    algorithm = stable_baselines3.DQN
    model: stable_baselines3.DQN

    @dataclass(frozen=True)
    class Config(options.ValueOptions):
        """Hyperparameters of DQN."""

        learning_rate: options.PositiveFloat = 1e-4

        max_grad_norm: options.PositiveFloat = 10.0
        """Largest norm of a gradient; longer gradients are scaled down to it."""

    def _q_values(self, observations: Any) -> torch.Tensor:
        values: torch.Tensor = self.model.q_net(observations)
        return values


class DDPG(OffPolicy):
    """Deep deterministic policy gradient."""

    algorithm = stable_baselines3.DDPG

    @dataclass(frozen=True)
    class Config(options.ActionNoiseOptions, options.TargetNetworkOptions):
        """Hyperparameters of DDPG."""

        learning_rate: options.PositiveFloat = 1e-3


class TD3(OffPolicy):
    """Twin delayed deterministic policy gradient."""

    algorithm = stable_baselines3.TD3

    @dataclass(frozen=True)
    class Config(DDPG.Config):
        """Hyperparameters of TD3."""

        policy_delay: options.Count = 2
        """Updates of the critics for each update of the policy and the target networks."""

        target_policy_noise: options.NonNegative = 0.2
        """Standard deviation of the noise on the target policy's action, for actions scaled to [-1, 1]."""

        target_noise_clip: options.NonNegative = 0.5
        """Largest absolute noise on the target policy's action, for actions scaled to [-1, 1]."""


class SAC(OffPolicy):
    """Soft actor-critic."""

    algorithm = stable_baselines3.SAC

    @dataclass(frozen=True)
    class Config(options.MaximumEntropyOptions, options.TargetNetworkOptions):
        """Hyperparameters of SAC."""

        target_update_interval: options.Count = 1
        """Gradient steps between two updates of the target networks."""
