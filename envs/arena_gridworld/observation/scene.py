"""Scenes: the position of the walker and the layout of the map in each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena_gridworld.tiles import TILES

__all__ = ["LARGEST_OBSERVATION", "Scene", "checked_size"]

Array = npt.NDArray[Any]

#: Largest single observation, in bytes; Gymnasium holds several arrays of its size for the bounds.
LARGEST_OBSERVATION = 1 << 26


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """States of a gridworld as observers read them; the arrays are kept as read-only views.

    Attributes:
        rows: height of the map, in cells.
        columns: width of the map, in cells.
        position: cell of the walker in each state, ``row * columns + column``, int32, shape (num_states,).
        layout: index into ``layouts`` of each state, int32, shape (num_states,).
        layouts: indices into `arena_gridworld.tiles.TILES`, uint8, shape (num_layouts, rows, columns).

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
        """Number of states."""
        return len(self.position)

    @property
    def codes(self) -> list[int]:
        """Codes of the tiles that some layout has, ascending."""
        seen: list[int] = np.flatnonzero(np.bincount(self.layouts.ravel(), minlength=len(TILES))).tolist()
        return seen

    def indices(self, states: Any) -> npt.NDArray[np.int64]:
        """Check states; returns them as a new contiguous array.

        Raises:
            ValueError: they are not a one-dimensional array of integers in [0, num_states).
        """
        read = np.asarray(states)
        if read.ndim != 1 or not (np.issubdtype(read.dtype, np.integer) or not read.size):
            raise ValueError(
                f"states of shape {read.shape} and type {read.dtype}; give a one-dimensional array of integers"
            )
        found = np.array(read, dtype=np.int64, order="C")
        # Seen as unsigned, a negative number is a huge one: one pass instead of two.
        if len(found) and found.view(np.uint64).max() >= self.num_states:
            raise ValueError(f"states outside [0, {self.num_states})")
        return found


def checked_size(shape: tuple[int, ...], dtype: Any, remedy: str) -> tuple[int, ...]:
    """Check that one observation of a shape is not too large; returns the shape.

    Raises:
        ArenaError: it has more than `LARGEST_OBSERVATION` bytes.
    """
    size = np.dtype(dtype).itemsize
    for length in shape:
        size *= length
    if size > LARGEST_OBSERVATION:
        sides = " × ".join(f"{length:,}" for length in shape)
        raise ArenaError(
            f"an observation of {sides} values has {size / 2**20:,.0f} MiB, over the limit of "
            f"{LARGEST_OBSERVATION >> 20}",
            remedy,
        )
    return shape
