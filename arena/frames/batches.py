"""A stream of minibatches that ends nowhere, and goes on exactly where it was left."""

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
    """Minibatches of a data set, for ever.

    Every epoch has each frame once, in an order that depends on seed and epoch alone. All batches are of one size: one
    that an epoch's end falls into has the first frames of the next. So the state is the number of batches given.

    With a length, each batch is of windows of so many frames that follow one another. Where an episode begins within a
    window, `begin` says so. Every epoch cuts the frames anew, and leaves out less than a window.

    Example:
        >>> batches = Batches(frames, 64, seed=0)  # doctest: +SKIP
        >>> next(batches).observation.shape  # doctest: +SKIP
        torch.Size([64, 104, 104, 3])
        >>> next(batches.sequences(16)).observation.shape  # doctest: +SKIP
        torch.Size([16, 64, 104, 104, 3])

    Args:
        frames: the data set.
        batch_size: frames, or windows, of a batch.
        seed: of the split and the order.
        part: ``train``, ``validation`` or ``all``; see `arena.frames.split.rows_of`.
        holdout: the share that is for validation.
        length: frames of a window; None for single frames.
        device: where the tensors are to be.

    Attributes:
        count: how many frames, or windows, an epoch has.
        given: how many batches it has given.

    Raises:
        ArenaError: a part that would be empty, a window that is longer than the part, or frames without order.
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
                    f"{len(self._rows):,} frames are no window of {self.length:,}",
                    "take shorter ones, or collect more",
                )
        self.given = 0
        self._epoch = -1
        self._order: Rows = self._rows[:0]

    def sequences(self, length: int) -> Batches:
        """The same part in windows of so many frames: tensors of shape (length, batch_size, …)."""
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
        """How many epochs it has given."""
        return self.given * self.batch_size / self.count

    def once(self) -> Iterator[Batch]:
        """Every frame, or window, of the part once, in order; the last batch may be smaller. It changes no state."""
        for start in range(0, self.count, self.batch_size):
            units = np.arange(start, min(start + self.batch_size, self.count))
            yield self._batch(self._windows(units, None))

    def state_dict(self) -> State:
        """Where it stands."""
        return {"given": self.given, "of": self._identity()}

    def load_state_dict(self, state: State) -> None:
        """Goes back to where `state_dict` was taken.

        Raises:
            ArenaError: it is of other frames, or of another split or size.
        """
        mine, theirs = self._identity(), state["of"]
        different = [name for name, value in mine.items() if theirs.get(name) != value]
        if different:
            raise ArenaError(
                f"the saved batches are not of {self.frames.folder} as it is read here: another {', '.join(different)}",
                "go on with the same frames and settings, or train anew",
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
        """The numbers of these frames, shape (units,), or of these windows' frames, shape (length, units)."""
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
