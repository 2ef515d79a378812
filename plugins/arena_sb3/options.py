"""Hyperparameters that several algorithms share, under Stable-Baselines3's names and with its defaults.

An algorithm's own options stand beside its agent, in `arena_sb3.agents` and `arena_sb3.contrib`. A test compares names
and defaults with the constructors' signatures. Arguments of a policy that have no option go into ``policy_kwargs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from arena.agents.base import Agent
from arena.config.options import Between, Plain, Positive

__all__ = [
    "ActionNoiseOptions",
    "Count",
    "CriticOptions",
    "Fraction",
    "MaximumEntropyOptions",
    "NonNegative",
    "OffPolicyOptions",
    "OnPolicyOptions",
    "Options",
    "PolicyGradientOptions",
    "PositiveFloat",
    "PositiveFraction",
    "Schedule",
    "TargetNetworkOptions",
    "ValueOptions",
]

Count = Annotated[int, Between(1)]
Fraction = Annotated[float, Between(0, 1)]
PositiveFraction = Annotated[float, Between(0, 1, open_low=True)]
NonNegative = Annotated[float, Between(0)]
PositiveFloat = Annotated[float, Positive]
Schedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class Options(Agent.Config):
    """Options of every algorithm."""

    learning_rate: PositiveFloat = 3e-4
    """Initial learning rate of the optimizer."""

    learning_rate_schedule: Schedule = "constant"
    """Schedule of the learning rate: constant, or linear to zero at `schedule_steps`."""

    schedule_steps: Count = 100_000
    """Environment steps over which schedules run, independent of --steps; afterwards they keep their final values."""

    net_arch: tuple[Count, ...] | None = None
    """Sizes of the hidden layers, in units; None: Stable-Baselines3's default for the policy."""

    activation: Literal["tanh", "relu", "elu", "leaky_relu", "gelu", "silu"] | None = None
    """Activation function between layers; None: Stable-Baselines3's default for the policy."""

    policy_kwargs: Plain | None = None
    """Further arguments of the policy as a table, such as {"log_std_init": -2, "ortho_init": false}."""


@dataclass(frozen=True)
class DiscountOptions(Options):
    """Options of algorithms that estimate returns with a critic."""

    gamma: Fraction = 0.99
    """Discount factor γ, in [0, 1]: weight of a reward one step later."""


@dataclass(frozen=True)
class CriticOptions(Options):
    """Options of algorithms with an actor and a critic."""

    critic_arch: tuple[Count, ...] | None = None
    """Sizes of the critic's hidden layers, in units; None: those of `net_arch`."""


@dataclass(frozen=True)
class SDEOptions(Options):
    """Options of state-dependent exploration (gSDE)."""

    use_sde: bool = False
    """Explore with state-dependent noise (gSDE) instead of independent noise; continuous actions only."""

    sde_sample_freq: Annotated[int, Between(-1)] = -1
    """Steps between two draws of gSDE's noise matrix; -1: one draw a rollout."""


@dataclass(frozen=True)
class OnPolicyOptions(DiscountOptions, CriticOptions, SDEOptions):
    """Options of the on-policy algorithms."""

    n_steps: Count = 2048
    """Length of a rollout in steps of each environment; one update follows each rollout."""

    gae_lambda: Fraction = 0.95
    """λ of generalized advantage estimation, in [0, 1]; larger values rely more on rewards than on the critic."""

    normalize_advantage: bool = True
    """Shift and scale advantages to mean 0 and standard deviation 1 before each gradient step."""


@dataclass(frozen=True)
class PolicyGradientOptions(OnPolicyOptions):
    """Options of the algorithms that descend one loss of policy, value and entropy."""

    ent_coef: NonNegative = 0.0
    """Weight of the entropy bonus in the loss; larger values explore more."""

    vf_coef: NonNegative = 0.5
    """Weight of the value loss in the loss."""

    max_grad_norm: PositiveFloat = 0.5
    """Largest norm of a gradient; longer gradients are scaled down to it."""


@dataclass(frozen=True)
class OffPolicyOptions(DiscountOptions):
    """Options of the off-policy algorithms, which learn from a replay buffer."""

    buffer_size: Count = 1_000_000
    """Capacity of the replay buffer, in transitions; memory is allocated as the buffer fills."""

    learning_starts: Annotated[int, Between(0)] = 100
    """Environment steps with random actions before the first update."""

    batch_size: Count = 256
    """Transitions in each gradient step."""

    train_freq: Count = 1
    """Vector steps, or episodes, between two updates; see `train_freq_unit`."""

    train_freq_unit: Literal["step", "episode"] = "step"
    """Unit of `train_freq`; episodes require a single environment."""

    gradient_steps: Annotated[int, Between(-1)] = 1
    """Gradient steps in each update; -1: one for each transition since the last update."""

    n_steps: Count = 1
    """Rewards summed in a target before it bootstraps from the critic (n-step return)."""


@dataclass(frozen=True)
class TargetNetworkOptions(OffPolicyOptions):
    """Options of the off-policy algorithms with target networks."""

    tau: Fraction = 0.005
    """Step of a target network towards the trained network at each of its updates; 1 copies the weights."""


@dataclass(frozen=True)
class ValueOptions(TargetNetworkOptions):
    """Options of the off-policy algorithms that estimate the value of each action and explore ε-greedily."""

    batch_size: Count = 32
    train_freq: Count = 4
    tau: Fraction = 1.0

    target_update_interval: Count = 10_000
    """Environment steps between two updates of the target network."""

    exploration_fraction: PositiveFraction = 0.1
    """Fraction of `schedule_steps` over which ε decreases from its initial to its final value."""

    exploration_initial_eps: Fraction = 1.0
    """Initial exploration rate ε, in [0, 1]: probability of a random action."""

    exploration_final_eps: Fraction = 0.05
    """Final exploration rate ε, in [0, 1]: probability of a random action."""


@dataclass(frozen=True)
class ActionNoiseOptions(OffPolicyOptions, CriticOptions):
    """Options of the off-policy algorithms with continuous actions."""

    action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None
    """Process of the noise that is added to actions during training; None: no noise beside the policy's own."""

    action_noise_std: NonNegative = 0.1
    """Standard deviation of `action_noise`, for actions scaled to [-1, 1]."""


@dataclass(frozen=True)
class MaximumEntropyOptions(ActionNoiseOptions, SDEOptions):
    """Options of the maximum-entropy algorithms."""

    ent_coef: float | str = "auto"
    """Weight of the entropy beside the reward; "auto": learned, "auto_0.1": learned from an initial 0.1."""

    target_entropy: float | str = "auto"
    """Entropy that a learned `ent_coef` aims at, in nats; "auto": minus the number of action dimensions."""

    use_sde_at_warmup: bool = False
    """Act with gSDE's noise instead of random actions before `learning_starts`."""
