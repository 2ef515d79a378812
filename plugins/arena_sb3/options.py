"""The algorithms' hyperparameters, under Stable-Baselines3's names and with its defaults.

A test holds them to the constructors' signatures. Whatever else a policy takes goes into ``policy_kwargs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from arena.config.options import Between, Plain, Positive

__all__ = ["A2C", "ARS", "DDPG", "DQN", "PPO", "QRDQN", "SAC", "TD3", "TQC", "TRPO", "CrossQ", "RecurrentPPO"]

Count = Annotated[int, Between(1)]
Fraction = Annotated[float, Between(0, 1)]
NonNegative = Annotated[float, Between(0)]
Above = Annotated[float, Positive]
Schedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class Common:
    """What every algorithm has."""

    learning_rate: Above = 3e-4
    """The optimiser's step size, at the beginning."""

    learning_rate_schedule: Schedule = "constant"
    """Whether the learning rate stays, or falls linearly to zero at `schedule_steps`."""

    schedule_steps: Count = 100_000
    """The environment steps over which schedules run, whatever --steps is: more --steps go on with their ends."""

    net_arch: tuple[Count, ...] | None = None
    """Sizes of the hidden layers; None for Stable-Baselines3's own choice."""

    activation: Literal["tanh", "relu", "elu", "leaky_relu", "gelu", "silu"] | None = None
    """The nonlinearity between layers; None for Stable-Baselines3's own choice."""

    policy_kwargs: Plain = None
    """Further arguments of the policy, such as {"log_std_init": -2, "ortho_init": false}."""


@dataclass(frozen=True)
class ActorCritic(Common):
    """Two networks."""

    critic_arch: tuple[Count, ...] | None = None
    """Sizes of the critic's hidden layers; None for those of `net_arch`."""

    gamma: Fraction = 0.99
    """What a reward is worth one step later."""

    use_sde: bool = False
    """Whether to explore with noise that depends on the state (gSDE); continuous actions only."""

    sde_sample_freq: Annotated[int, Between(-1)] = -1
    """Steps after which gSDE draws new noise; -1 for once a rollout."""


@dataclass(frozen=True)
class OnPolicy(ActorCritic):
    """What the on-policy algorithms have."""

    n_steps: Count = 2048
    """Steps of every lane between two updates."""

    gae_lambda: Fraction = 0.95
    """λ of the generalised advantage estimate: 0 trusts the critic, 1 the returns."""

    normalize_advantage: bool = True
    """Whether advantages are centred and scaled."""


@dataclass(frozen=True)
class PolicyGradient(OnPolicy):
    """What descends on one loss of policy, value and entropy."""

    ent_coef: NonNegative = 0.0
    """How much entropy is worth in the loss."""

    vf_coef: NonNegative = 0.5
    """The value loss's share of the loss."""

    max_grad_norm: Above = 0.5
    """The longest gradient; longer ones are cut to it."""


@dataclass(frozen=True)
class A2C(PolicyGradient):
    """Hyperparameters of A2C."""

    learning_rate: Above = 7e-4
    n_steps: Count = 5
    gae_lambda: Fraction = 1.0
    normalize_advantage: bool = False

    rms_prop_eps: Above = 1e-5
    """What keeps RMSprop from dividing by zero."""

    use_rms_prop: bool = True
    """Whether to use RMSprop rather than Adam."""


@dataclass(frozen=True)
class PPO(PolicyGradient):
    """Hyperparameters of PPO."""

    batch_size: Count = 64
    """Transitions of a gradient step; a divisor of n_steps × lanes leaves no small remainder."""

    n_epochs: Count = 10
    """How often each rollout is gone through."""

    clip_range: Above = 0.2
    """How far the probability ratio may go from one, at the beginning."""

    clip_range_schedule: Schedule = "constant"
    """Whether the clip range stays, or falls linearly to zero at `schedule_steps`."""

    clip_range_vf: Above | None = None
    """How far the value may go from the old one; None for as far as it likes."""

    target_kl: Above | None = None
    """The divergence from the old policy that ends an update early; None for never."""


@dataclass(frozen=True)
class RecurrentPPO(PPO):
    """Hyperparameters of PPO with an LSTM, whose size is `policy_kwargs`' ``lstm_hidden_size``."""

    n_steps: Count = 128
    batch_size: Count = 128


@dataclass(frozen=True)
class TRPO(OnPolicy):
    """Hyperparameters of TRPO."""

    learning_rate: Above = 1e-3

    batch_size: Count = 128
    """Transitions of a gradient step of the critic."""

    cg_max_steps: Count = 15
    """The most steps of the conjugate gradient."""

    cg_damping: NonNegative = 0.1
    """What is added to the Fisher matrix's diagonal."""

    line_search_shrinking_factor: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.8
    """What a step that is refused is multiplied with."""

    line_search_max_iter: Count = 10
    """The most steps that are tried."""

    n_critic_updates: Count = 10
    """How often the critic goes through each rollout."""

    target_kl: Above = 0.01
    """The divergence from the old policy that an update may have."""

    sub_sampling_factor: Count = 1
    """One in so many transitions is used for the policy."""


@dataclass(frozen=True)
class OffPolicy(Common):
    """What the algorithms with replay have."""

    gamma: Fraction = 0.99
    """What a reward is worth one step later."""

    buffer_size: Count = 1_000_000
    """Transitions that replay keeps; memory is taken as it fills."""

    learning_starts: Annotated[int, Between(0)] = 100
    """Steps before learning; their actions are random."""

    batch_size: Count = 256
    """Transitions of a gradient step."""

    train_freq: Count = 1
    """Vector steps, or episodes, between two updates."""

    train_freq_unit: Literal["step", "episode"] = "step"
    """What `train_freq` counts; episodes need a single lane."""

    gradient_steps: Annotated[int, Between(-1)] = 1
    """Gradient steps an update; -1 for as many as transitions came since the last one."""

    n_steps: Count = 1
    """Rewards that a target adds up before it bootstraps."""


@dataclass(frozen=True)
class DQN(OffPolicy):
    """Hyperparameters of DQN."""

    learning_rate: Above = 1e-4
    batch_size: Count = 32
    train_freq: Count = 4

    tau: Fraction = 1.0
    """How far the target network goes towards the other at each of its updates."""

    target_update_interval: Count = 10_000
    """Steps between two updates of the target network."""

    exploration_fraction: Annotated[float, Between(0, 1, open_low=True)] = 0.1
    """The part of `schedule_steps` over which ε falls."""

    exploration_initial_eps: Fraction = 1.0
    """ε at the beginning."""

    exploration_final_eps: Fraction = 0.05
    """ε at the end."""

    max_grad_norm: Above = 10.0
    """The longest gradient; longer ones are cut to it."""


@dataclass(frozen=True)
class QRDQN(DQN):
    """Hyperparameters of quantile-regression DQN; `policy_kwargs` takes ``n_quantiles``."""

    learning_rate: Above = 5e-5
    exploration_fraction: Annotated[float, Between(0, 1, open_low=True)] = 0.005
    exploration_final_eps: Fraction = 0.01
    max_grad_norm: Above | None = None


@dataclass(frozen=True)
class Continuous(OffPolicy):
    """What the algorithms with replay have that give numbers for actions."""

    critic_arch: tuple[Count, ...] | None = None
    """Sizes of the critics' hidden layers; None for those of `net_arch`."""

    action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None
    """Noise added to actions in training, beside the policy's own."""

    action_noise_std: NonNegative = 0.1
    """Its standard deviation, where actions go from -1 to 1."""


@dataclass(frozen=True)
class DDPG(Continuous):
    """Hyperparameters of DDPG."""

    learning_rate: Above = 1e-3

    tau: Fraction = 0.005
    """How far the target networks go towards the others at each of their updates."""


@dataclass(frozen=True)
class TD3(DDPG):
    """Hyperparameters of TD3."""

    policy_delay: Count = 2
    """The critics' updates for one of the policy and the targets."""

    target_policy_noise: NonNegative = 0.2
    """Standard deviation of the noise on the target's action."""

    target_noise_clip: NonNegative = 0.5
    """The largest such noise."""


@dataclass(frozen=True)
class MaximumEntropy(Continuous):
    """What the algorithms have that earn entropy."""

    ent_coef: float | str = "auto"
    """What entropy is worth beside the reward; "auto" learns it, "auto_0.1" from 0.1 on."""

    target_entropy: float | str = "auto"
    """The entropy that "auto" aims at; "auto" for minus the number of action dimensions."""

    use_sde: bool = False
    """Whether to explore with noise that depends on the state (gSDE)."""

    sde_sample_freq: Annotated[int, Between(-1)] = -1
    """Steps after which gSDE draws new noise; -1 for once a rollout."""

    use_sde_at_warmup: bool = False
    """Whether gSDE acts before `learning_starts` too, rather than chance."""


@dataclass(frozen=True)
class SAC(MaximumEntropy):
    """Hyperparameters of SAC."""

    tau: Fraction = 0.005
    """How far the target network goes towards the other at each of its updates."""

    target_update_interval: Count = 1
    """Gradient steps between two updates of the target network."""


@dataclass(frozen=True)
class TQC(SAC):
    """Hyperparameters of TQC; `policy_kwargs` takes ``n_quantiles`` and ``n_critics``."""

    top_quantiles_to_drop_per_net: Annotated[int, Between(0)] = 2
    """How many of the highest quantiles of each critic the target leaves out."""


@dataclass(frozen=True)
class CrossQ(MaximumEntropy):
    """Hyperparameters of CrossQ."""

    learning_rate: Above = 1e-3

    policy_delay: Count = 3
    """The critics' updates for one of the policy."""


@dataclass(frozen=True)
class ARS(Common):
    """Hyperparameters of augmented random search."""

    learning_rate: Above = 0.02

    policy: Literal["linear", "mlp"] = "linear"
    """Whether actions are linear in the observation, or a network's."""

    n_delta: Count = 8
    """Directions that are tried at each update, there and back."""

    n_top: Count | None = None
    """How many of the best directions are followed; None for all."""

    delta_std: Above = 0.05
    """How far along a direction is tried, at the beginning."""

    delta_std_schedule: Schedule = "constant"
    """Whether that stays, or falls linearly to zero at `schedule_steps`."""

    zero_policy: bool = True
    """Whether to begin with weights of zero."""

    alive_bonus_offset: float = 0.0
    """What is added to each reward, to take out one for being alive."""

    n_eval_episodes: Count = 1
    """Episodes in which each candidate is tried."""
