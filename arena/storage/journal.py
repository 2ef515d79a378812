"""A record that only grows, of which the last rows live: what a replay buffer keeps its transitions in.

Because a row never changes, a checkpoint writes the rows since the one before and no others (`arena.storage.segments`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from arena.errors import ArenaError

__all__ = ["Journal"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Journal:
    """A ring of rows, to be put as it is into a state (`arena.storage.codec.State`).

    Row number i, counted from the first ever appended, lies at ``i % capacity`` of each column until row
    ``i + capacity`` takes its place. A row once appended is final: what changes later, such as priorities, belongs
    into arrays of the agent's own.

    Example:
        >>> journal = Journal(1_000_000, {"observation": ((4,), "float32"), "reward": ((), "float32")})
        >>> journal.append(observation=np.zeros((8, 4), np.float32), reward=np.ones(8, np.float32))
        >>> slots = np.random.default_rng(0).integers(len(journal), size=32)
        >>> journal["observation"][slots].shape
        (32, 4)

    Args:
        capacity: how many rows live. Memory that no row has reached costs nothing.
        fields: of each column the shape of one row, of which no axis is empty, and the dtype: booleans,
            integers or floats of up to 64 bits.

    Attributes:
        capacity: likewise.
        fields: likewise, each dtype as `numpy.dtype`.
        total: how many rows were ever appended.

    Raises:
        ArenaError: the capacity is not positive or more than memory holds, or a field is none.
    """

    def __init__(self, capacity: int, fields: Mapping[str, tuple[tuple[int, ...], DTypeLike]]) -> None:
        if type(capacity) is not int or capacity < 1:
            raise ArenaError(f"a journal cannot have a capacity of {capacity!r}", "give it one row at least")
        if not fields:
            raise ArenaError("a journal without fields records nothing", "give it one at least")
        self.capacity = capacity
        self.fields = {name: _field(name, *field) for name, field in fields.items()}
        self.total = 0
        # Zeros come from untouched pages of the system's: a large buffer costs memory only as it fills.
        try:
            self._columns = {
                name: np.zeros((capacity, *shape), kind) for name, (shape, kind) in self.fields.items()
            }
        except MemoryError as error:
            size = capacity * self.row_bytes / 2**30
            raise ArenaError(
                f"{capacity:,} rows to remember would take {size:.1f} GiB",
                "give a smaller capacity or buffer size",
            ) from error
        self._views = {name: _read_only(column) for name, column in self._columns.items()}

    @classmethod
    def restored(
        cls,
        capacity: int,
        fields: Mapping[str, tuple[tuple[int, ...], DTypeLike]],
        total: int,
        parts: Iterable[Mapping[str, NDArray[Any]]],
    ) -> Self:
        """The journal to which `total` rows were appended, of which those alive are given in order, part by part.

        Raises:
            ArenaError: the parts do not hold as many rows as live, or do not fit the fields.
        """
        journal = cls(capacity, fields)
        journal.total = max(0, total - capacity)
        for part in parts:
            journal.append(**part)
        if type(total) is not int or journal.total != total:
            raise ArenaError(
                f"a journal of {total} rows was saved with {journal.total}", "use an older checkpoint"
            )
        return journal

    def __len__(self) -> int:
        """How many rows live; they fill the columns' first ``len`` slots."""
        return min(self.total, self.capacity)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column, read-only: shape (capacity, *shape), zero where no row has been."""
        return self._views[name]

    def __repr__(self) -> str:
        return f"Journal({len(self)} of {self.capacity} rows, {self.total} in all: {', '.join(self.fields)})"

    @property
    def first(self) -> int:
        """The number of the oldest row alive."""
        return self.total - len(self)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row, all columns together."""
        return sum(math.prod(shape) * dtype.itemsize for shape, dtype in self.fields.values())

    def append(self, /, **columns: NDArray[Any]) -> None:
        """Adds k rows after the last.

        Args:
            columns: one for each field, shape (k, *shape), of the field's dtype; of more than `capacity` rows
                only the last stay.

        Raises:
            ArenaError: columns are missing, unknown, of different lengths, or of another shape or dtype; nothing
                was appended.
        """
        count = self._count(columns)
        kept = min(count, self.capacity)
        slot = (self.total + count - kept) % self.capacity
        upper = min(kept, self.capacity - slot)  # the rest goes round to the ring's beginning
        for name, column in self._columns.items():
            rows = columns[name][count - kept :]
            column[slot : slot + upper] = rows[:upper]
            column[: kept - upper] = rows[upper:]
        self.total += count

    def rows(self, start: int, stop: int) -> dict[str, NDArray[Any]]:
        """A copy of the rows from number `start` to before number `stop`, which must be alive, in their order."""
        if not self.first <= start <= stop <= self.total:
            raise ArenaError(
                f"rows {start} to {stop} of a journal are not all alive",
                f"ask for rows from {self.first} to {self.total}",
            )
        slots = np.arange(start, stop) % self.capacity
        return {name: column[slots] for name, column in self._columns.items()}

    def _count(self, columns: Mapping[str, NDArray[Any]]) -> int:
        """How many rows the columns have; they must fit the fields."""
        if columns.keys() != self.fields.keys():
            problem = f"rows of {_list(columns)} do not fit a journal of {_list(self.fields)}"
            raise ArenaError(problem, "append every column, and no other")
        count = next((len(column) for column in columns.values() if column.ndim), 0)
        for name, (shape, dtype) in self.fields.items():
            found = columns[name]
            if (found.shape, found.dtype) != ((count, *shape), dtype):
                problem = (
                    f"the journal's column {name!r} takes {dtype}{[count, *shape]}, "
                    f"not {found.dtype}{list(found.shape)}"
                )
                raise ArenaError(problem, "give every column the same number of rows, and convert it")
        return count


def _field(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[tuple[int, ...], np.dtype[Any]]:
    kind = np.dtype(dtype)
    known = kind.kind in "biuf" and kind.itemsize <= 8 and kind.isnative
    if not (_NAME.fullmatch(name) and known and all(type(size) is int and size > 0 for size in shape)):
        remedy = "name it in letters, digits and underscores, of numbers of up to 64 bits, no axis empty"
        raise ArenaError(f"a journal cannot have a field {name!r} of {kind}{list(shape)}", remedy)
    return tuple(shape), kind


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    view = column.view()
    view.flags.writeable = False
    return view


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
