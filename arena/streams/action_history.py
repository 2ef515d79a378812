"""The actions of episodes under way, kept so that they can be replayed."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

__all__ = ["History"]

Array = npt.NDArray[Any]


class History:
    """The actions of every lane's episode: a window of rows, one a vector step, that slides and doubles."""

    def __init__(self, num_envs: int, space: gym.Space[Any]) -> None:
        # A checkpoint holds them all: an index takes no more bytes than it needs.
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
        """Each episode's length, and rows that end now and begin with the longest of them.

        A shorter column begins with the longest one's actions, so that equal histories give equal bytes.
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
        """Room for at least as many rows as are kept, so that a row is moved once on average."""
        capacity = max(len(self._rows), 2 * len(kept))
        rows = np.zeros((capacity, *self._rows.shape[1:]), dtype=self._rows.dtype)
        rows[: len(kept)] = kept
        self._rows = rows
