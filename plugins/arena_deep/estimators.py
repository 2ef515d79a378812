"""The policy gradient from whole episodes: what each action's log-probability is weighted with.

    ∇J(θ) = E Σ_t w_t ∇ log π(a_t|s_t)

Every estimator here has that expectation; they differ in their variance. Arrays have the shape (L, N): N episodes side
by side, padded to the longest.

Source: Williams, Simple statistical gradient-following algorithms for connectionist reinforcement learning (1992).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Baseline", "Estimator", "average_of_others", "episodes", "gradient_weights"]

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
    """w_t of every step: shape (L, N), zero behind an episode's end.

        trajectory:    w_t = G_0 − b_0            (how good the episode was, to all of its actions alike)
        reward-to-go:  w_t = γ^t (G_t − b_t)      (what came before an action is no merit of it)

    Each has the gradient of E G_0 for its mean as long as b_t depends on nothing that came of a_t. In the trajectory's
    form a baseline V(s_t) of its own for each t would break that: s_t came of the actions before it, whose gradients
    it would meet in the product of the two sums. V(s_0) does not.

    Args:
        returns: G_t, the discounted rewards from step t on, 0 behind the end.
        exists: where there is a step.
        estimator: which of the two.
        baseline: b_t, of the shape of `returns`.
        discount: γ of the factor γ^t. With 1 late steps count as much as early ones, which is biased towards
            states that are reached late, and what everybody does.
    """
    gain = returns - baseline
    if estimator == "trajectory":
        return np.where(exists, gain[0], 0.0)
    return np.where(exists, gain * discount ** np.arange(len(gain))[:, None], 0.0)


def average_of_others(returns: Float) -> Float:
    """The mean return of all other episodes from the same step on: shape (L, N).

    An episode that is over earns nothing more, and counts with zero. Of a single episode it is zero. Were an episode
    itself in its average, the gradient would shrink to (N − 1) / N of what it is.

    Args:
        returns: as of `gradient_weights`.

    Source: Kool, van Hoof & Welling, Buy 4 REINFORCE samples, get a baseline for free! (2019).
    """
    count = returns.shape[1]
    if count == 1:
        return np.zeros_like(returns)
    others = returns.sum(axis=1, keepdims=True) - returns
    return np.asarray(others / (count - 1))


def episodes(done: Bool, skipped: Int, quota: int) -> tuple[Any, Bool]:
    """Where the first whole episodes of each lane are in a rollout, as episodes side by side.

    Which episodes count must not depend on what happens in them. The first of each lane do not; the first that any
    lane finishes would be the short ones.

    Args:
        done: where episodes end, shape (T, B).
        skipped: how many ends of each lane to skip, shape (B,): 1 where an older policy began an episode.
        quota: episodes of each lane, all of which have ended.

    Returns:
        Row and lane of every step of them, each of shape (L, B · quota), as one index of such an array; where
        there is such a step (behind the end, the index repeats the last one).
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
