"""What there is to see: where the walker is in each state, and the map as it then looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena_gridworld.tiles import TILES

__all__ = ["LARGEST_OBSERVATION", "Scene", "checked_size"]

Array = npt.NDArray[Any]

#: The largest single observation, in bytes; Gymnasium holds several arrays of its size for the bounds.
LARGEST_OBSERVATION = 1 << 26


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """The states of a gridworld as pictures of it need them; the arrays are kept as read-only views.

    Attributes:
        rows: the map's height in cells.
        columns: its width in cells.
        position: int32, shape (num_states,): the walker's cell, ``row * columns + column``.
        layout: int32, shape (num_states,): an index into ``layouts``.
        layouts: uint8, shape (num_layouts, rows, columns): codes into `arena_gridworld.tiles.TILES`.

    Raises:
        ValueError: the arrays do not fit together.
    """

    rows: int
    columns: int
    position: npt.NDArray[np.int32]
    layout: npt.NDArray[np.int32]
    layouts: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name, dtype in (("position", np.int32), ("layout", np.int32), ("layouts", np.uint8)):
            # All read-only, so that the kernels are compiled for one kind of array.
            array = np.ascontiguousarray(getattr(self, name), dtype=dtype).view()
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.layouts.ndim != 3 or self.layouts.shape[1:] != (self.rows, self.columns):
            raise ValueError(f"layouts of shape {self.layouts.shape} for {self.rows} × {self.columns} cells")
        if self.position.ndim != 1 or self.position.shape != self.layout.shape:
            raise ValueError(f"positions of shape {self.position.shape}, layouts of {self.layout.shape}")
        for name, values, bound in (
            ("position", self.position, self.rows * self.columns),
            ("layout", self.layout, len(self.layouts)),
            ("layouts", self.layouts, len(TILES)),
        ):
            if values.size and not 0 <= values.min() <= values.max() < bound:
                raise ValueError(f"{name} has values outside [0, {bound})")

    @property
    def num_states(self) -> int:
        """How many states there are."""
        return len(self.position)

    @property
    def codes(self) -> list[int]:
        """The tiles that some layout has, ascending."""
        seen: list[int] = np.flatnonzero(np.bincount(self.layouts.ravel(), minlength=len(TILES))).tolist()
        return seen

    def indices(self, states: Any) -> npt.NDArray[np.int64]:
        """States as a new contiguous array.

        Raises:
            ValueError: they are no row of integers in [0, num_states).
        """
        read = np.asarray(states)
        if read.ndim != 1 or not (np.issubdtype(read.dtype, np.integer) or not read.size):
            raise ValueError(f"states of shape {read.shape} and type {read.dtype}; give a row of integers")
        found = np.array(read, dtype=np.int64, order="C")
        # Seen as unsigned, a negative number is a huge one: one pass instead of two.
        if len(found) and found.view(np.uint64).max() >= self.num_states:
            raise ValueError(f"states outside [0, {self.num_states})")
        return found


def checked_size(shape: tuple[int, ...], dtype: Any, remedy: str) -> tuple[int, ...]:
    """The shape, if one observation of it is of bearable size.

    Raises:
        ArenaError: it has more than `LARGEST_OBSERVATION` bytes.
    """
    size = np.dtype(dtype).itemsize
    for length in shape:
        size *= length
    if size > LARGEST_OBSERVATION:
        sides = " × ".join(f"{length:,}" for length in shape)
        raise ArenaError(f"an observation of {sides} values has {size / 2**20:,.0f} MiB", remedy)
    return shape
