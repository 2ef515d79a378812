"""Endless iterator of minibatches, whose state can be saved and restored exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.config.validation import validated_count
from arena.encoders.base import Batch
from arena.errors import ArenaError
from arena.frames.split import Part, Rows, rows_of, shuffled
from arena.frames.store import Frames
from arena.random.generators import derive

if TYPE_CHECKING:
    from arena.storage.codec import State

__all__ = ["Batches"]


class Batches:
    """Endless iterator of minibatches of a data set.

    Every epoch contains each frame once, in an order that depends only on seed and epoch. All batches have one size: a
    batch at an epoch's end is filled with the first frames of the next epoch. The state is therefore the number of
    batches returned.

    With a length, a batch consists of windows of consecutive frames. If an episode begins within a window, `begin`
    marks the place. Every epoch divides the frames into windows differently, and leaves out less than one window.

    Example:
        >>> batches = Batches(frames, 64, seed=0)  # doctest: +SKIP
        >>> next(batches).observation.shape  # doctest: +SKIP
        torch.Size([64, 104, 104, 3])
        >>> next(batches.sequences(16)).observation.shape  # doctest: +SKIP
        torch.Size([16, 64, 104, 104, 3])

    Args:
        frames: the data set.
        batch_size: number of frames, or windows, in a batch.
        seed: seed of the split and of the order.
        part: ``train``, ``validation`` or ``all``; see `arena.frames.split.rows_of`.
        holdout: fraction of the data for validation, in (0, 1).
        length: number of frames in a window; None for single frames.
        device: torch device of the tensors.

    Attributes:
        count: number of frames, or windows, in an epoch.
        given: number of batches returned so far.

    Raises:
        ArenaError: the part would be empty, the window is longer than the part, or the frames have no order.
    """

    def __init__(
        self,
        frames: Frames,
        batch_size: int,
        *,
        seed: int = 0,
        part: Part = "train",
        holdout: float = 0.1,
        length: int | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.frames, self.batch_size = frames, validated_count("batch_size", batch_size)
        self.seed, self.part, self.holdout = seed, part, holdout
        self.length, self.device = None if length is None else validated_count("length", length), device
        self._rows = rows_of(frames, part, holdout, seed)
        self.count = len(self._rows) // (self.length or 1)
        if self.length is not None:
            _ = frames.starts  # refuses frames without order
            if not self.count:
                raise ArenaError(
                    f"{len(self._rows):,} frames are fewer than a window of {self.length:,}",
                    "use a shorter window, or collect more frames",
                )
        self.given = 0
        self._epoch = -1
        self._order: Rows = self._rows[:0]

    def sequences(self, length: int) -> Batches:
        """Minibatches of windows of `length` frames of the same part: tensors of shape (length, batch_size, …)."""
        return Batches(
            self.frames,
            self.batch_size,
            seed=self.seed,
            part=self.part,
            holdout=self.holdout,
            length=length,
            device=self.device,
        )

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        at, left, pieces = self.given * self.batch_size, self.batch_size, []
        while left:
            epoch, place = divmod(at, self.count)
            piece = self._ordered(epoch)[place : place + left]
            pieces.append(self._windows(piece, epoch))
            at, left = at + len(piece), left - len(piece)
        self.given += 1
        rows: Rows = np.concatenate(pieces, axis=-1)
        return self._batch(rows)

    @property
    def epoch(self) -> float:
        """Number of epochs returned so far, including a fraction."""
        return self.given * self.batch_size / self.count

    def once(self) -> Iterator[Batch]:
        """Iterate once over all frames, or windows, in order; the last batch may be smaller. The state is unchanged."""
        for start in range(0, self.count, self.batch_size):
            units = np.arange(start, min(start + self.batch_size, self.count))
            yield self._batch(self._windows(units, None))

    def state_dict(self) -> State:
        """State of the iterator: the number of batches returned, and the identity of the data."""
        return {"given": self.given, "of": self._identity()}

    def load_state_dict(self, state: State) -> None:
        """Restore a state from `state_dict`.

        Raises:
            ArenaError: the state belongs to other frames, or to another split or batch size.
        """
        mine, theirs = self._identity(), state["of"]
        different = [name for name, value in mine.items() if theirs.get(name) != value]
        if different:
            raise ArenaError(
                f"the saved batches do not match {self.frames.folder} as it is read here: "
                f"{', '.join(different)} differ",
                "continue with the same frames and settings, or start a new run",
            )
        self.given = int(state["given"])

    def _identity(self) -> dict[str, Any]:
        names = ("seed", "part", "holdout", "batch_size", "length")
        return {"frames": self.frames.digest, **{name: getattr(self, name) for name in names}}

    def _ordered(self, epoch: int) -> Rows:
        if epoch != self._epoch:
            self._epoch, self._order = epoch, shuffled(self.count, self.seed, "epoch", epoch)
        return self._order

    def _windows(self, units: npt.NDArray[Any], epoch: int | None) -> Rows:
        """Numbers of these frames, shape (units,), or of the frames of these windows, shape (length, units)."""
        if self.length is None:
            return np.asarray(self._rows[units])
        slack = len(self._rows) - self.count * self.length
        shift = 0 if epoch is None else derive(self.seed, "frames", "shift", epoch) % (slack + 1)
        first = units.astype(np.int64) * self.length + shift
        return np.asarray(self._rows[first + np.arange(self.length)[:, None]])

    def _batch(self, rows: Rows) -> Batch:
        frames, sequential = self.frames, self.length is not None
        labels = {name: self._tensor(array, rows) for name, array in frames.labels.items()}
        action = self._tensor(frames.action, rows) if sequential and frames.action is not None else None
        begin = self._tensor(frames.begin, rows) if sequential and frames.begin is not None else None
        return Batch(self._tensor(frames.observation, rows), labels, action, begin)

    def _tensor(self, array: npt.NDArray[Any], rows: Rows) -> torch.Tensor:
        taken = array[rows]
        if not taken.dtype.isnative:  # torch knows no other
            taken = taken.astype(taken.dtype.newbyteorder("="))
        return torch.from_numpy(taken).to(self.device)
