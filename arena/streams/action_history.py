"""Recording of the actions of unfinished episodes, for their replay on resume."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

__all__ = ["History"]

Array = npt.NDArray[Any]


class History:
    """Actions of every lane's current episode: one row per vector step, in a buffer that grows as needed."""

    def __init__(self, num_envs: int, space: gym.Space[Any]) -> None:
        # A checkpoint contains all actions, so an index uses the smallest type that fits.
        dtype = space.dtype
        if isinstance(space, gym.spaces.Discrete) and space.start == 0:
            dtype = np.min_scalar_type(int(space.n) - 1)
        self._rows = np.zeros((1024, num_envs, *(space.shape or ())), dtype=dtype)
        self._end = 0
        self._start = [0] * num_envs

    def append(self, action: Array) -> None:
        if self._end == len(self._rows):
            self._slide()
        self._rows[self._end] = action
        self._end += 1

    def begin(self, lane: int) -> None:
        self._start[lane] = self._end

    def saved(self) -> tuple[npt.NDArray[np.int64], Array]:
        """Return each episode's length, and the rows from the beginning of the longest episode until now.

        The column of a shorter episode is filled in front with the longest one's actions, so that equal histories
        give equal bytes.
        """
        length = self._end - np.array(self._start)
        rows = self._rows[min(self._start) : self._end].copy()
        for lane, start in enumerate(len(rows) - length):
            rows[:start, lane] = rows[:start, length.argmax()]
        return length, rows

    def load(self, length: npt.NDArray[np.int64], rows: Array) -> None:
        self._end = len(rows)
        self._start = (self._end - length).tolist()
        self._grow(rows)

    def _slide(self) -> None:
        oldest = min(self._start)
        self._end -= oldest
        self._start = [start - oldest for start in self._start]
        self._grow(self._rows[oldest:])

    def _grow(self, kept: Array) -> None:
        """Allocate at least twice the rows that are kept, so that a row is moved once on average."""
        capacity = max(len(self._rows), 2 * len(kept))
        rows = np.zeros((capacity, *self._rows.shape[1:]), dtype=self._rows.dtype)
        rows[: len(kept)] = kept
        self._rows = rows
