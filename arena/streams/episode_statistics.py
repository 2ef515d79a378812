"""Statistics of a stream's episodes (return, length, count), updated by one compiled function on every path."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["EPISODE", "TOTALS", "account_all", "account_lane"]

#: Record of a lane's current episode: its undiscounted return and its steps so far.
EPISODE = np.dtype([("total", np.float64), ("length", np.int64)], align=True)

#: Record of the number of all ended episodes, and of the sums over those that ended since the last log.
TOTALS = np.dtype(
    [("episodes", np.int64), ("recent", np.int64), ("return_sum", np.float64), ("length_sum", np.int64)],
    align=True,
)


@njit(cache=True, forceinline=True)
def account_lane(episode, totals, reward, done):  # type: ignore[no-untyped-def]
    """Add one step of one lane to the statistics."""
    episode.total += reward
    episode.length += 1
    if done:
        totals.episodes += 1
        totals.recent += 1
        totals.return_sum += episode.total
        totals.length_sum += episode.length
        episode.total = 0.0
        episode.length = 0


@njit(cache=True)
def account_all(episodes, totals, reward, terminated, truncated):  # type: ignore[no-untyped-def]
    """Add one step of every lane to the statistics, in the lanes' order."""
    for i in range(len(episodes)):
        account_lane(episodes[i], totals[0], reward[i], terminated[i] or truncated[i])
