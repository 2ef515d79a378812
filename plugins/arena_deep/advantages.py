"""What actions were worth: returns, n-step returns and generalised advantages of parallel episodes.

Every array has the shape (T, B): T steps of B lanes, in each lane episode after episode. ``next_value`` is V of the
true successor, also where an episode was cut off: there it counts (the episode would have gone on), where one
``terminated`` it does not. The last row is treated as cut off: the value of its successor stands for the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["generalized_advantages", "n_step_returns", "returns_to_go"]

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def generalized_advantages(
    reward: npt.NDArray[Any],
    terminated: Bool,
    truncated: Bool,
    value: npt.NDArray[Any],
    next_value: npt.NDArray[Any],
    discount: float,
    trace: float,
) -> Float:
    """GAE: the exponentially weighted mean of the n-step advantages.

        δ_t = r_t + γ V(s_{t+1}) − V(s_t),   A_t = δ_t + γλ A_{t+1}   (A_{t+1} = 0 behind an episode's end)

    λ = 0 gives the one-step advantage δ, λ = 1 the return minus V(s_t). A + V is the critic's target, TD(λ)'s.

    Args:
        reward: shape (T, B), as are all arrays.
        terminated: where the task ended.
        truncated: where the episode was cut off.
        value: V(s_t).
        next_value: V of the true successor; whatever it is where the task ended.
        discount: γ.
        trace: λ.

    Source: Schulman et al., High-dimensional continuous control using generalized advantage estimation (2016),
    equation 16.
    """
    advantage: Float = _one_step(reward, terminated, next_value, discount) - value
    carried = discount * trace * ~(terminated | truncated)
    for t in range(len(advantage) - 2, -1, -1):
        advantage[t] += carried[t] * advantage[t + 1]
    return advantage


def n_step_returns(
    reward: npt.NDArray[Any],
    terminated: Bool,
    truncated: Bool,
    next_value: npt.NDArray[Any],
    discount: float,
    steps: int,
) -> Float:
    """The rewards of n steps, and the value of where they led.

        G_t^(1) = r_t + γ V(s_{t+1}),   G_t^(n) = r_t + γ G_{t+1}^(n−1)

    with fewer steps where the episode or the array ends before.

    Args:
        reward: shape (T, B), as are all arrays.
        terminated: where the task ended.
        truncated: where the episode was cut off.
        next_value: V of the true successor; whatever it is where the task ended.
        discount: γ.
        steps: n, from 1.

    Source: Sutton & Barto 2018, equation 7.1.
    """
    one_step = _one_step(reward, terminated, next_value, discount)
    target = one_step.copy()
    goes_on = ~(terminated | truncated)[:-1]
    for _ in range(min(steps, len(target)) - 1):
        target[:-1] = np.where(goes_on, reward[:-1] + discount * target[1:], one_step[:-1])
    return target


def returns_to_go(
    reward: npt.NDArray[Any],
    terminated: Bool,
    truncated: Bool,
    next_value: npt.NDArray[Any],
    discount: float,
) -> Float:
    """The discounted rewards from each step to its episode's end: G_t = r_t + γ G_{t+1}.

    Where an episode was cut off, and behind the last row, `next_value` stands for what would have come; zeros
    there make the time limit a part of the task.

    Args:
        reward: shape (T, B), as are all arrays.
        terminated: where the task ended.
        truncated: where the episode was cut off.
        next_value: V of the true successor.
        discount: γ.
    """
    target = _one_step(reward, terminated, next_value, discount)
    goes_on = ~(terminated | truncated)
    for t in range(len(target) - 2, -1, -1):
        target[t] = np.where(goes_on[t], reward[t] + discount * target[t + 1], target[t])
    return target


def _one_step(
    reward: npt.NDArray[Any], terminated: Bool, next_value: npt.NDArray[Any], discount: float
) -> Float:
    """r_t + γ V(s_{t+1}), in double precision: long sums of single ones would drift."""
    return np.asarray(reward, dtype=np.float64) + discount * np.where(terminated, 0.0, next_value)
