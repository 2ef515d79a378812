"""Stable-Baselines3's own algorithms."""

from __future__ import annotations

from typing import Any, ClassVar

from arena.agents.base import Needs
from arena.environments.spaces import BOX, DISCRETE
from arena_sb3 import options
from arena_sb3.needed import needed

with needed("agents sb3-a2c, sb3-ddpg, sb3-dqn, sb3-ppo, sb3-sac and sb3-td3", "Stable-Baselines3"):
    import stable_baselines3
    import torch

    from arena_sb3.epsilon_greedy import EpsilonGreedy
    from arena_sb3.off_policy import OffPolicy
    from arena_sb3.on_policy import OnPolicy

__all__ = ["A2C", "ANY", "CHOICES", "DDPG", "DQN", "NUMBERS", "PPO", "SAC", "TD3"]

#: A finite observation is flattened: Stable-Baselines3 would make a one-hot of its index anyway.
ANY = Needs(observations=(BOX,), actions=(DISCRETE, BOX), features=True)
CHOICES = Needs(observations=(BOX,), actions=(DISCRETE,), features=True)
NUMBERS = Needs(observations=(BOX,), actions=(BOX,), features=True)


class A2C(OnPolicy):
    """Advantage actor-critic."""

    algorithm = stable_baselines3.A2C
    Config = options.A2C
    needs: ClassVar[Needs] = ANY


class PPO(OnPolicy):
    """Proximal policy optimisation."""

    algorithm = stable_baselines3.PPO
    Config = options.PPO
    needs: ClassVar[Needs] = ANY


class DQN(EpsilonGreedy):
    """Deep Q-network."""

    algorithm = stable_baselines3.DQN
    Config = options.DQN
    needs: ClassVar[Needs] = CHOICES

    def _rate(self, seen: Any) -> torch.Tensor:
        values: torch.Tensor = self.model.policy.q_net(seen)
        return values


class DDPG(OffPolicy):
    """Deep deterministic policy gradient."""

    algorithm = stable_baselines3.DDPG
    Config = options.DDPG
    needs: ClassVar[Needs] = NUMBERS


class TD3(OffPolicy):
    """Twin delayed deterministic policy gradient."""

    algorithm = stable_baselines3.TD3
    Config = options.TD3
    needs: ClassVar[Needs] = NUMBERS


class SAC(OffPolicy):
    """Soft actor-critic."""

    algorithm = stable_baselines3.SAC
    Config = options.SAC
    needs: ClassVar[Needs] = NUMBERS
