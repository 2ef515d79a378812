"""Chain of two states with values in closed form, which distinguishes truncation from termination."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.wrappers import TimeLimit

from arena.environments.mdp import TransitionModel
from arena.environments.tabular import TableEnv

__all__ = ["chain_values", "two_states"]


def two_states(ends: bool = True, limit: int = 1, render_mode: str | None = None) -> gym.Env[Any, Any]:
    """Chain 0 → 1 that then terminates or returns to 0, with rewards 1 and 2; episodes begin in either state.

    Args:
        ends: whether leaving state 1 terminates the episode.
        limit: step limit of an episode.
        render_mode: must be None.
    """
    rows = [[(1.0, 1, 1.0, False)], [(1.0, 0, 2.0, ends)]]
    model = TransitionModel.from_rows(2, 1, rows, [0.5, 0.5])
    return TimeLimit(TableEnv(model, render_mode), limit)


def chain_values(ends: bool, discount: float) -> list[float]:
    """V(0) and V(1): 1 + γ V(1), and 2 or 2 + γ V(0)."""
    if ends:
        return [1 + discount * 2, 2.0]
    first = (1 + discount * 2) / (1 - discount**2)
    return [first, 2 + discount * first]
