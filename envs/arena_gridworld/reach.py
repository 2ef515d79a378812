"""Which cells a walker can get to: a flood fill from the starts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["reached_from"]

Mask = npt.NDArray[np.bool_]


def reached_from(starts: npt.NDArray[Any], blocked: Mask, final: Mask, columns: int) -> Mask:
    """The cells that a walk by single moves up, right, down and left enters.

    Args:
        starts: indices of the cells that walks begin in.
        blocked: shape (cells,): cells that no walk enters.
        final: shape (cells,): cells that no walk leaves by a move.
        columns: cells in a row.

    Returns:
        bool, shape (cells,).
    """
    reached = np.zeros(len(blocked), dtype=np.bool_)
    reached[starts] = True
    queue = np.empty(len(blocked), dtype=np.int64)
    queue[: len(starts)] = starts
    _flood(queue, len(starts), reached, blocked, final, columns)
    return reached


@njit(cache=True)
def _flood(queue, end, reached, blocked, final, columns):  # type: ignore[no-untyped-def]
    """Breadth first; each cell enters the queue once. numpy would need a pass a step of the longest walk."""
    begin, count = 0, len(reached)
    while begin < end:
        cell = queue[begin]
        begin += 1
        if final[cell]:
            continue
        column = cell % columns
        for action in range(4):
            if action == 0 and cell >= columns:
                neighbour = cell - columns
            elif action == 1 and column < columns - 1:
                neighbour = cell + 1
            elif action == 2 and cell < count - columns:
                neighbour = cell + columns
            elif action == 3 and column > 0:
                neighbour = cell - 1
            else:
                continue
            if not reached[neighbour] and not blocked[neighbour]:
                reached[neighbour] = True
                queue[end] = neighbour
                end += 1
