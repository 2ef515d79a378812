"""Proximal policy optimisation: the actor-critic whose rollouts are gone through several times, with care."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from arena.config import Between, Positive
from arena_deep.actor_critic import ActorCritic, ActorCriticOptions

__all__ = ["PPO"]


class PPO(ActorCritic):
    """Actor-critic with Schulman et al.'s clipped objective: `ActorCritic` with other defaults.

        L = −mean min(ρ A, clamp(ρ, 1 − ε, 1 + ε) A),   ρ = π(a|s) / π_old(a|s)

    Source: Schulman et al., Proximal policy optimization algorithms (2017); the details that make it work, Huang et
    al., The 37 implementation details of proximal policy optimization (2022).
    """

    @dataclass(frozen=True)
    class Config(ActorCriticOptions):
        """Hyperparameters."""

        rollout_steps: Annotated[int, Between(1, None)] = 32
        """Steps of each environment that one rollout has; the policy learns behind each."""

        clip_range: Annotated[float | None, Positive] = 0.2
        """ε: no further than this is an action made more or less probable by one rollout; None: no limit."""

        n_epochs: Annotated[int, Between(1, None)] = 4
        """How often each rollout is gone through."""

        num_minibatches: Annotated[int, Between(1, None)] = 4
        """Into how many parts a rollout is shuffled for each epoch; with memory, parts of whole sequences."""

        normalize_advantage: bool = True
        """Whether the advantages of a minibatch are shifted and scaled to mean 0 and variance 1."""
