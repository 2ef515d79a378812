"""Exact values within the evaluation's horizon: the optimal return, and the return of a policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from arena.environments.mdp import TransitionModel

__all__ = ["optimum", "policy_value"]

#: Maximum number of backups (transitions × sweeps) for an exact value: a few seconds of one core.
BUDGET = 1_000_000_000


@njit(cache=True)
def _sweep(num_actions, indptr, successor, probability, reward, terminated, policy, value, updated):  # type: ignore[no-untyped-def]
    """Back up all states from ``value`` into ``updated``, greedily if ``policy`` is empty; return if any changed."""
    greedy = len(policy) == 0
    changed = False
    for state in range(len(value)):
        best = -np.inf if greedy else 0.0
        for action in range(num_actions):
            row = state * num_actions + action
            q = 0.0
            for j in range(indptr[row], indptr[row + 1]):
                q += probability[j] * (reward[j] + (0.0 if terminated[j] else value[successor[j]]))
            if greedy:
                best = max(best, q)
            else:
                best += policy[state, action] * q
        updated[state] = best
        changed |= best != value[state]
    return changed


def optimum(model: TransitionModel, horizon: int, budget: int = BUDGET) -> float | None:
    """Optimal expected undiscounted return within a horizon, averaged over the initial distribution.

    By backward induction, V₀ = 0 and Vₖ₊₁(s) = maxₐ Σ p (r + Vₖ(s′)) with Vₖ(s′) = 0 where the episode ends; it stops
    early at an exact fixed point. The maximum is over policies that know the time, so that no agent can beat it.

    Args:
        model: transition model of the environment.
        horizon: maximum length of an episode, in steps.
        budget: maximum number of backups.

    Returns:
        The value; None if it needs more backups than the budget.

    Source: Puterman, *Markov Decision Processes* (1994), section 4.5.
    """
    return _backward(model, horizon, budget, np.empty((0, model.num_actions)))


def policy_value(
    model: TransitionModel, policy: npt.NDArray[np.float64], horizon: int, budget: int = BUDGET
) -> float | None:
    """Expected undiscounted return of a policy within a horizon, averaged over the initial distribution.

    Args:
        model: transition model of the environment.
        policy: probabilities, shape (num_states, num_actions).
        horizon: maximum length of an episode, in steps.
        budget: maximum number of backups.

    Returns:
        The value; None if it needs more backups than the budget.
    """
    return _backward(model, horizon, budget, np.ascontiguousarray(policy, dtype=np.float64))


def _backward(model: TransitionModel, horizon: int, budget: int, policy: npt.NDArray[Any]) -> float | None:
    value, updated = np.zeros(model.num_states), np.zeros(model.num_states)
    arrays = (model.indptr, model.successor, model.probability, model.reward, model.terminated)
    for sweep in range(horizon):
        # A fixed point is often reached long before the horizon, so only backups that were made count.
        if sweep * model.transitions > budget:
            return None
        changed = _sweep(model.num_actions, *arrays, policy, value, updated)
        value, updated = updated, value
        if not changed:
            break
    return float(model.initial @ value)
