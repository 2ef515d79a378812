"""Returns, n-step returns and generalized advantages of parallel episodes.

Every array has the shape (T, B): T steps of B environments, each with one episode after another. ``next_value`` is V of
the true successor: where an episode was truncated it replaces the missing rewards, where it ``terminated`` it has no
effect. The last row is treated as truncated.
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
    gae_lambda: float,
) -> Float:
    """Generalized advantage estimation (GAE): exponentially weighted mean of all n-step advantages.

        δ_t = r_t + γ V(s_{t+1}) − V(s_t),   A_t = δ_t + γλ A_{t+1}   (A_{t+1} = 0 after the end of an episode)

    λ = 0 gives the one-step advantage δ, λ = 1 the return minus V(s_t). A + V is the target of the critic, as in TD(λ).

    Args:
        reward: rewards, shape (T, B), as are all arrays.
        terminated: true where the episode terminated.
        truncated: true where the episode was truncated.
        value: V(s_t).
        next_value: V of the true successor; any value where the episode terminated.
        discount: γ.
        gae_lambda: λ.

    Source: Schulman et al., High-dimensional continuous control using generalized advantage estimation (2016),
    equation 16.
    """
    advantage: Float = _one_step(reward, terminated, next_value, discount) - value
    carried = discount * gae_lambda * ~(terminated | truncated)
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
    """n-step returns: the rewards of n steps, and the value of the observation after them.

        G_t^(1) = r_t + γ V(s_{t+1}),   G_t^(n) = r_t + γ G_{t+1}^(n−1)

    with fewer steps where the episode or the array ends earlier.

    Args:
        reward: rewards, shape (T, B), as are all arrays.
        terminated: true where the episode terminated.
        truncated: true where the episode was truncated.
        next_value: V of the true successor; any value where the episode terminated.
        discount: γ.
        steps: number n of rewards, 1 or more.

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
    """Discounted returns from each step to the end of its episode: G_t = r_t + γ G_{t+1}.

    Where an episode was truncated, and after the last row, `next_value` replaces the missing rewards; zeros there make
    the time limit a part of the task.

    Args:
        reward: rewards, shape (T, B), as are all arrays.
        terminated: true where the episode terminated.
        truncated: true where the episode was truncated.
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
    """r_t + γ V(s_{t+1}), in double precision, since long sums in single precision lose digits."""
    return np.asarray(reward, dtype=np.float64) + discount * np.where(terminated, 0.0, next_value)
