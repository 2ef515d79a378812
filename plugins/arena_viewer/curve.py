"""Evaluations of a run, which the panel beside the picture shows, in bounded memory."""

from __future__ import annotations

import contextlib
import itertools
from array import array
from collections.abc import Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from arena.runs.records import read_evaluations

if TYPE_CHECKING:
    from arena.runs.run import Run

__all__ = ["EvaluationCurve"]

#: Number of evaluations up to which all are kept: 16 MiB. Of more, the least and the greatest of neighbors are kept.
MOST = 1 << 20

#: The largest number of evaluations that are drawn.
DRAWN = 1024

#: Number of evaluations that are read at a time.
BLOCK = 1 << 14


@dataclass
class EvaluationCurve:
    """Mean returns of a run's evaluations.

    Attributes:
        steps: training steps of each evaluation.
        returns: mean return of each evaluation.
        at: training steps of the agent that plays.
    """

    steps: MutableSequence[int] = field(default_factory=lambda: array("q"))
    returns: MutableSequence[float] = field(default_factory=lambda: array("d"))
    at: int = 0

    def __post_init__(self) -> None:
        self.steps, self.returns = array("q", self.steps), array("d", self.returns)
        self._forget()

    def _forget(self) -> None:
        #: Bytes of the file that were read; entries that are thinned; evaluations for which each of them stands.
        self._end, self._whole, self._stride = 0, 0, 1
        self._inode: tuple[int, int] | None = None
        self._drawn: tuple[object, list[float]] = (None, [])
        self._place: tuple[object, int] = (None, 0)

    @property
    def place(self) -> int:
        """Index of the evaluation of the agent that plays, or of the nearest; there has to be one."""
        key = self.at, len(self.steps), self._stride
        if self._place[0] != key:
            distances = np.abs(np.asarray(self.steps) - min(self.at, 2**63 - 1))
            self._place = key, int(distances.argmin())
        return self._place[1]

    @property
    def at_hand(self) -> float:
        """Mean return of that evaluation."""
        return self.returns[self.place]

    @property
    def share(self) -> float:
        """Its position among all evaluations, from 0 to 1."""
        return self.place / max(len(self.steps) - 1, 1)

    @property
    def drawn(self) -> Sequence[float]:
        """The returns that a line shows: of many neighbors, the least and the greatest."""
        key = len(self.returns), self._stride
        if self._drawn[0] != key:
            values = np.array(self.returns)
            size = 2 * -(-len(values) // DRAWN)
            if len(values) > DRAWN:
                cut = len(values) // size * size
                values = np.concatenate([values[_extremes(values[:cut], size)], values[cut:][-1:]])
            self._drawn = key, values.tolist()
        return self._drawn[1]

    def read(self, run: Run) -> None:
        """Reads the evaluations that the run has written since the last call.

        Raises:
            ArenaError: the run's metrics are damaged.
        """
        path = run.folder / "metrics.jsonl"
        with run.readable(), contextlib.suppress(FileNotFoundError):
            status = path.stat()
            inode = status.st_dev, status.st_ino
            if (
                inode != self._inode or status.st_size < self._end
            ):  # another file, or a part of it was deleted
                self.steps, self.returns = array("q"), array("d")
                self._forget()
            self._inode = None  # if this fails, the next call begins anew
            lines = self._lines(run)
            while block := list(itertools.islice(lines, BLOCK)):
                steps, returns = zip(*block, strict=True)
                self.steps.extend(steps)
                self.returns.extend(returns)
                self._thin()
            self._inode = inode

    def _lines(self, run: Run) -> Iterator[tuple[int, float]]:
        self._end = yield from read_evaluations(run.folder, self._end)

    def _thin(self) -> None:
        """Keeps two evaluations of every `2 * stride`, and doubles the stride while there are too many."""
        while True:
            size = 2 * self._stride
            complete = (len(self.steps) - self._whole) // size * size
            self._keep(self._whole, self._whole + complete, size)
            self._whole += 2 * complete // size
            if self._whole < MOST:
                return
            self._keep(0, self._whole // 4 * 4, 4)
            self._whole, self._stride = self._whole // 4 * 2, 2 * self._stride

    def _keep(self, begin: int, end: int, size: int) -> None:
        """Replaces every `size` evaluations of a part by two of them."""
        if size == 2 or begin == end:
            return
        kept = begin + _extremes(np.array(self.returns[begin:end]), size)
        self.steps[begin:end] = array("q", np.array(self.steps)[kept].tobytes())
        self.returns[begin:end] = array("d", np.array(self.returns)[kept].tobytes())


def _extremes(values: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.int64]:
    """Indices of the least and the greatest of every `size` values, in their order."""
    parts = values.reshape(-1, size)
    chosen = np.sort(np.stack([parts.argmin(axis=1), parts.argmax(axis=1)], axis=1), axis=1)
    chosen[chosen[:, 0] == chosen[:, 1]] = 0, size - 1  # equal values
    return np.asarray((chosen + np.arange(len(parts))[:, None] * size).ravel(), np.int64)
