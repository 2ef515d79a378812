"""Append-only ring of rows, which a replay buffer keeps its transitions in.

Because a row never changes, a checkpoint writes only the rows since the previous checkpoint (`arena.storage.segments`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from arena.errors import ArenaError
from arena.storage.memory import expected_rows, reserve

__all__ = ["Journal"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Journal:
    """Ring buffer of rows that are never changed, and that checkpoints store incrementally.

    An agent puts the object itself into its state (`arena.storage.codec.State`). Row number i, counted from the
    first
    row ever appended, is at index ``i % capacity`` of each column until row ``i + capacity`` replaces it. Values that
    change later, such as priorities, belong in separate arrays of the agent.

    Example:
        >>> journal = Journal(1_000_000, {"observation": ((4,), "float32"), "reward": ((), "float32")})
        >>> journal.append(observation=np.zeros((8, 4), np.float32), reward=np.ones(8, np.float32))
        >>> slots = np.random.default_rng(0).integers(len(journal), size=32)
        >>> journal["observation"][slots].shape
        (32, 4)

    Args:
        capacity: maximum number of live rows. Memory is used only as rows are appended.
        fields: for each column, the shape of one row (no empty axis) and the dtype: booleans, integers or floats
            of up to 64 bits.
        steps_per_row: number of a run's steps for each row, for the estimate of the memory that the run will need.

    Attributes:
        capacity: maximum number of live rows.
        fields: shape and `numpy.dtype` of each column.
        total: number of rows ever appended.

    Raises:
        ArenaError: the capacity is not positive or does not fit into memory, or a field is not allowed.
    """

    def __init__(
        self,
        capacity: int,
        fields: Mapping[str, tuple[tuple[int, ...], DTypeLike]],
        *,
        steps_per_row: int = 1,
    ) -> None:
        if type(capacity) is not int or capacity < 1:
            raise ArenaError(f"a journal cannot have a capacity of {capacity!r}", "give at least one row")
        if not fields:
            raise ArenaError("a journal without fields stores nothing", "give at least one field")
        self.capacity = capacity
        self.fields = {name: _field(name, *field) for name, field in fields.items()}
        self.total = 0
        rows = max(1, expected_rows(capacity * steps_per_row) // steps_per_row)
        reserve(rows * self.row_bytes, "replay buffers", "use a smaller --agent.buffer_size")
        # The system's zero pages: a large buffer uses memory only as it fills.
        try:
            self._columns = {
                name: np.zeros((capacity, *shape), kind) for name, (shape, kind) in self.fields.items()
            }
        except (MemoryError, ValueError) as error:  # the latter beyond the address space
            problem = f"a buffer of {capacity:,} rows would take {capacity * self.row_bytes / 2**30:.1f} GiB"
            raise ArenaError(problem, "give a smaller capacity or buffer size") from error
        self._views = {name: _read_only(column) for name, column in self._columns.items()}

    @classmethod
    def from_parts(
        cls,
        capacity: int,
        fields: Mapping[str, tuple[tuple[int, ...], DTypeLike]],
        total: int,
        parts: Iterable[Mapping[str, NDArray[Any]]],
    ) -> Self:
        """Restore a journal of `total` appended rows from its live rows, given in order and in parts.

        Raises:
            ArenaError: the parts do not have as many rows as are live, or do not fit the fields.
        """
        journal = cls(capacity, fields)
        journal.total = max(0, total - capacity)
        for part in parts:
            journal.append(**part)
        if type(total) is not int or journal.total != total:
            problem = f"a journal of {total} rows was saved with {journal.total} rows"
            raise ArenaError(problem, "use an older checkpoint")
        return journal

    def __len__(self) -> int:
        """Number of live rows; they fill the first ``len`` slots of each column."""
        return min(self.total, self.capacity)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Read-only array of a column: shape (capacity, *shape), zero where no row has been written."""
        return self._views[name]

    def __repr__(self) -> str:
        return f"Journal({len(self)} of {self.capacity} rows, {self.total} in all: {', '.join(self.fields)})"

    @property
    def first(self) -> int:
        """Number of the oldest live row."""
        return self.total - len(self)

    @property
    def row_bytes(self) -> int:
        """Size of one row over all columns, in bytes."""
        return sum(math.prod(shape) * dtype.itemsize for shape, dtype in self.fields.values())

    def append(self, /, **columns: NDArray[Any]) -> None:
        """Append k rows.

        Args:
            columns: one array for each field, shape (k, *shape), of the field's dtype; if k exceeds `capacity`, only
                the last rows are kept.

        Raises:
            ArenaError: columns are missing, unknown, of different lengths, or of another shape or dtype; nothing
                is appended.
        """
        count = self._count(columns)
        kept = min(count, self.capacity)
        slot = (self.total + count - kept) % self.capacity
        upper = min(kept, self.capacity - slot)  # the other rows wrap around to the ring's beginning
        for name, column in self._columns.items():
            rows = columns[name][count - kept :]
            column[slot : slot + upper] = rows[:upper]
            column[: kept - upper] = rows[upper:]
        self.total += count

    def rows(self, start: int, stop: int) -> dict[str, NDArray[Any]]:
        """Copy of the rows with numbers `start` to `stop` - 1, in order; all must be live."""
        if not self.first <= start <= stop <= self.total:
            problem = f"rows {start} to {stop} of a journal are not all live"
            raise ArenaError(problem, f"give rows from {self.first} to {self.total}")
        slots = np.arange(start, stop) % self.capacity
        return {name: column[slots] for name, column in self._columns.items()}

    def _count(self, columns: Mapping[str, NDArray[Any]]) -> int:
        """Number of rows in the columns, which must fit the fields."""
        if columns.keys() != self.fields.keys():
            problem = f"rows of {_list(columns)} do not fit a journal of {_list(self.fields)}"
            raise ArenaError(problem, "append exactly the journal's columns")
        count = next((len(column) for column in columns.values() if column.ndim), 0)
        for name, (shape, dtype) in self.fields.items():
            found = columns[name]
            if (found.shape, found.dtype) != ((count, *shape), dtype):
                expected, given = f"{dtype}{[count, *shape]}", f"{found.dtype}{list(found.shape)}"
                problem = f"the journal's column {name!r} takes {expected}, not {given}"
                raise ArenaError(problem, "give every column the same number of rows, and convert it")
        return count


def _field(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[tuple[int, ...], np.dtype[Any]]:
    kind = np.dtype(dtype)
    known = kind.kind in "biuf" and kind.itemsize <= 8 and kind.isnative
    if not (_NAME.fullmatch(name) and known and all(type(size) is int and size > 0 for size in shape)):
        remedy = (
            "use letters, digits and underscores in its name, numbers of up to 64 bits, and no empty axis"
        )
        raise ArenaError(f"a journal cannot have a field {name!r} of {kind}{list(shape)}", remedy)
    return tuple(shape), kind


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    view = column.view()
    view.flags.writeable = False
    return view


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
