"""The algorithms of Stable-Baselines3's contributions.

Its masked PPO is left out: a stream says nothing of which actions are allowed, and without masks it is PPO.
"""

from __future__ import annotations

from typing import Any, ClassVar

from arena.agents.base import Needs, Problem
from arena.encoders.features_extractor import Features
from arena.errors import ArenaError
from arena_sb3 import options
from arena_sb3.agents import ANY, CHOICES, NUMBERS
from arena_sb3.needed import needed

with needed("agents sb3-ars, sb3-crossq, sb3-qrdqn, sb3-recurrentppo, sb3-tqc and sb3-trpo", "sb3-contrib"):
    import sb3_contrib
    import torch

    from arena_sb3.epsilon_greedy import EpsilonGreedy
    from arena_sb3.off_policy import OffPolicy
    from arena_sb3.on_policy import OnPolicy
    from arena_sb3.random_search import RandomSearch
    from arena_sb3.recurrent import Recurrent

__all__ = ["ARS", "QRDQN", "TQC", "TRPO", "CrossQ", "RecurrentPPO"]


class TRPO(OnPolicy):
    """Trust-region policy optimisation."""

    algorithm = sb3_contrib.TRPO
    Config = options.TRPO
    needs: ClassVar[Needs] = ANY

    def __init__(self, problem: Problem, config: Any) -> None:
        # It goes up its objective, and takes second derivatives along the way: a loss that goes along would be climbed.
        if isinstance(problem.features, Features) and problem.features.loss_weight is not None:
            raise ArenaError(
                "sb3-trpo solves for its step, and goes down no encoder's loss beside it",
                "say --encoder.mode finetune, or choose sb3-ppo",
            )
        super().__init__(problem, config)


class RecurrentPPO(Recurrent):
    """Proximal policy optimisation with an LSTM."""

    algorithm = sb3_contrib.RecurrentPPO
    Config = options.RecurrentPPO
    needs: ClassVar[Needs] = ANY


class QRDQN(EpsilonGreedy):
    """Deep Q-network of quantiles; Q is their mean."""

    algorithm = sb3_contrib.QRDQN
    Config = options.QRDQN
    needs: ClassVar[Needs] = CHOICES

    def _rate(self, seen: Any) -> torch.Tensor:
        values: torch.Tensor = self.model.policy.quantile_net(seen).mean(dim=1)
        return values


class TQC(OffPolicy):
    """Soft actor-critic with truncated quantile critics."""

    algorithm = sb3_contrib.TQC
    Config = options.TQC
    needs: ClassVar[Needs] = NUMBERS


class CrossQ(OffPolicy):
    """Soft actor-critic with batch normalisation instead of target networks."""

    algorithm = sb3_contrib.CrossQ
    Config = options.CrossQ
    needs: ClassVar[Needs] = NUMBERS


class ARS(RandomSearch):
    """Augmented random search."""

    algorithm = sb3_contrib.ARS
    Config = options.ARS
    needs: ClassVar[Needs] = ANY
