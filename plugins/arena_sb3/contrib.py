"""The algorithms of sb3-contrib as agents, each with its hyperparameters.

MaskablePPO is left out: a stream does not report which actions are allowed, and without masks it is PPO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from arena.agents.base import Problem
from arena.config.options import Between
from arena.encoders.features_extractor import Features
from arena.errors import ArenaError
from arena_sb3 import options
from arena_sb3.needed import needed

with needed("agents sb3-ars, sb3-crossq, sb3-qrdqn, sb3-recurrentppo, sb3-tqc and sb3-trpo", "sb3-contrib"):
    import sb3_contrib
    import torch

    from arena_sb3 import agents
    from arena_sb3.epsilon_greedy import EpsilonGreedy
    from arena_sb3.off_policy import OffPolicy
    from arena_sb3.on_policy import OnPolicy
    from arena_sb3.random_search import RandomSearch
    from arena_sb3.recurrent import Recurrent

__all__ = ["ARS", "QRDQN", "TQC", "TRPO", "CrossQ", "RecurrentPPO"]


class TRPO(OnPolicy):
    """Trust-region policy optimization."""

    algorithm = sb3_contrib.TRPO

    @dataclass(frozen=True)
    class Config(options.OnPolicyOptions):
        """Hyperparameters of TRPO."""

        learning_rate: options.PositiveFloat = 1e-3

        batch_size: options.Count = 128
        """Transitions in each gradient step of the critic."""

        cg_max_steps: options.Count = 15
        """Largest number of conjugate-gradient steps in an update."""

        cg_damping: options.NonNegative = 0.1
        """Damping of the conjugate gradient: added to the diagonal of the Fisher matrix."""

        line_search_shrinking_factor: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.8
        """Factor on the step after each rejected try of the line search, in (0, 1)."""

        line_search_max_iter: options.Count = 10
        """Largest number of tries of the line search."""

        n_critic_updates: options.Count = 10
        """Number of passes of the critic over each rollout."""

        target_kl: options.PositiveFloat = 0.01
        """Largest KL divergence from the old policy in one update, in nats."""

        sub_sampling_factor: options.Count = 1
        """Subsampling of a rollout for the policy's update: one in this many transitions."""

    def __init__(self, problem: Problem, config: Config) -> None:
        # TRPO ascends its objective and takes second derivatives on the way: it would ascend an encoder's loss as well.
        if isinstance(problem.features, Features) and problem.features.loss_weight is not None:
            raise ArenaError(
                "sb3-trpo solves for its step instead of descending a loss, so it cannot train an encoder's loss "
                "jointly",
                "use --encoder.mode finetune, or choose sb3-ppo",
            )
        super().__init__(problem, config)


class RecurrentPPO(Recurrent):
    """Proximal policy optimization with an LSTM."""

    algorithm = sb3_contrib.RecurrentPPO

    @dataclass(frozen=True)
    class Config(agents.PPO.Config):
        """Hyperparameters of PPO with an LSTM, whose size is ``lstm_hidden_size`` in `policy_kwargs`."""

        n_steps: options.Count = 128
        batch_size: options.Count = 128


class QRDQN(EpsilonGreedy):
    """Quantile-regression DQN; Q is the mean of the quantiles."""

    algorithm = sb3_contrib.QRDQN
    model: sb3_contrib.QRDQN

    @dataclass(frozen=True)
    class Config(options.ValueOptions):
        """Hyperparameters of quantile-regression DQN; `policy_kwargs` takes ``n_quantiles``."""

        learning_rate: options.PositiveFloat = 5e-5
        exploration_fraction: options.PositiveFraction = 0.005
        exploration_final_eps: options.Fraction = 0.01

        max_grad_norm: options.PositiveFloat | None = None
        """Largest norm of a gradient; longer gradients are scaled down to it. None: no limit."""

    def _q_values(self, observations: Any) -> torch.Tensor:
        quantiles: torch.Tensor = self.model.quantile_net(observations)
        return quantiles.mean(dim=1)


class TQC(OffPolicy):
    """Soft actor-critic with truncated quantile critics."""

    algorithm = sb3_contrib.TQC

    @dataclass(frozen=True)
    class Config(agents.SAC.Config):
        """Hyperparameters of TQC; `policy_kwargs` takes ``n_quantiles`` and ``n_critics``."""

        top_quantiles_to_drop_per_net: Annotated[int, Between(0)] = 2
        """Number of the highest quantiles of each critic left out of the target; larger values estimate lower."""


class CrossQ(OffPolicy):
    """Soft actor-critic with batch normalization instead of target networks."""

    algorithm = sb3_contrib.CrossQ

    @dataclass(frozen=True)
    class Config(options.MaximumEntropyOptions):
        """Hyperparameters of CrossQ."""

        learning_rate: options.PositiveFloat = 1e-3

        policy_delay: options.Count = 3
        """Updates of the critics for each update of the policy."""


class ARS(RandomSearch):
    """Augmented random search."""

    @dataclass(frozen=True)
    class Config(options.Options):
        """Hyperparameters of augmented random search."""

        learning_rate: options.PositiveFloat = 0.02

        policy: Literal["linear", "mlp"] = "linear"
        """Policy: actions linear in the observation, or computed by a network."""

        n_delta: options.Count = 8
        """Random directions in each update; each is tried forwards and backwards."""

        n_top: options.Count | None = None
        """Number of the best directions used in an update; None: all."""

        delta_std: options.PositiveFloat = 0.05
        """Initial standard deviation of the directions, in units of the weights."""

        delta_std_schedule: options.Schedule = "constant"
        """Schedule of `delta_std`: constant, or linear to zero at `schedule_steps`."""

        zero_policy: bool = True
        """Initialize all weights to zero."""

        alive_bonus_offset: float = 0.0
        """Constant added to each reward of the search, to cancel a bonus for staying alive."""

        n_eval_episodes: options.Count = 1
        """Episodes in which each candidate is tried."""
