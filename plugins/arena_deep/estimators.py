"""Policy gradient from whole episodes: the weight of each action's log-probability.

    ∇J(θ) = E Σ_t w_t ∇ log π(a_t|s_t)

Every estimator here has that expectation; they differ in their variance. Arrays have the shape (L, N): N episodes,
padded to the length L of the longest.

Source: Williams, Simple statistical gradient-following algorithms for connectionist reinforcement learning (1992).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Baseline", "Estimator", "average_of_others", "gradient_weights", "whole_episodes"]

Estimator = Literal["trajectory", "reward-to-go"]
Baseline = Literal["none", "average", "value"]

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]


def gradient_weights(
    returns: Float,
    exists: Bool,
    estimator: Estimator,
    baseline: Float,
    discount: float = 1.0,
) -> Float:
    """Weight w_t of every step: shape (L, N), zero after the end of an episode.

        trajectory:    w_t = G_0 − b_0            (one weight for all actions of the episode)
        reward-to-go:  w_t = γ^t (G_t − b_t)      (rewards before an action do not depend on it)

    Both are unbiased estimates of the gradient of E G_0 as long as b_t does not depend on a_t or its effects. In the
    trajectory form a separate baseline V(s_t) for each t would be biased, since s_t depends on earlier actions, whose
    gradients it would multiply. V(s_0) does not.

    Args:
        returns: G_t, the discounted return from step t on, 0 after the end.
        exists: true where there is a step, false for padding.
        estimator: one of the two estimators.
        baseline: b_t, of the shape of `returns`.
        discount: γ of the factor γ^t. 1 is common practice: late steps count as much as early ones, which is biased
            towards late states.
    """
    gain = returns - baseline
    if estimator == "trajectory":
        return np.where(exists, gain[0], 0.0)
    return np.where(exists, gain * discount ** np.arange(len(gain))[:, None], 0.0)


def average_of_others(returns: Float) -> Float:
    """Mean return of all other episodes from the same step on: shape (L, N).

    An episode that has ended counts with zero. For a single episode the mean is zero. With the episode itself in its
    average, the gradient would shrink by the factor (N − 1) / N.

    Args:
        returns: as in `gradient_weights`.

    Source: Kool, van Hoof & Welling, Buy 4 REINFORCE samples, get a baseline for free! (2019).
    """
    count = returns.shape[1]
    if count == 1:
        return np.zeros_like(returns)
    others = returns.sum(axis=1, keepdims=True) - returns
    return np.asarray(others / (count - 1))


def whole_episodes(done: Bool, skipped: Int, quota: int) -> tuple[Any, Bool]:
    """Indices of the first whole episodes of each environment in a rollout, as columns.

    The choice of episodes must not depend on their course. The first ones of each environment do not; the first ones to
    finish in any environment would be the short ones.

    Args:
        done: true where episodes end, shape (T, B).
        skipped: number of ends to skip in each environment, shape (B,): 1 where an older policy started an episode.
        quota: number of episodes of each environment, all of which have ended.

    Returns:
        Row and environment of every step, each of shape (L, B · quota), as one index of an array (T, B); and true where
        there is a step (after the end, the index repeats the last step).
    """
    ends = [np.flatnonzero(lane)[skip : skip + quota] for lane, skip in zip(done.T, skipped, strict=True)]
    starts = [
        np.concatenate(([np.flatnonzero(lane)[skip - 1] + 1 if skip else 0], end[:-1] + 1))
        for lane, skip, end in zip(done.T, skipped, ends, strict=True)
    ]
    first, last = np.concatenate(starts), np.concatenate(ends)
    lane = np.repeat(np.arange(done.shape[1]), quota)
    time = np.arange((last - first).max() + 1)[:, None]
    row = np.minimum(first + time, last)
    return (row, np.broadcast_to(lane, row.shape)), first + time <= last
