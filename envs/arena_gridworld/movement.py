"""Movement on a map, in compiled code: the destination of every step, and the cells that can be reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["CHANGES_LAYOUT", "CONTINUES", "ENDS", "RETURNS", "reachable_cells", "step_destinations"]

#: Effect of entering a cell: the episode continues there, ends, returns to a start, or goes on in another layout.
CONTINUES, ENDS, RETURNS, CHANGES_LAYOUT = range(4)

Cells = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


def step_destinations(
    blocked: Mask,
    ice: Mask,
    teleport_exit: Cells,
    push: npt.NDArray[np.int64],
    directions: npt.NDArray[np.int64],
    gusts: npt.NDArray[np.int64],
) -> Cells:
    """Destination of each step: the cell in which it ends.

    A step is a move of one cell, then on over ice, then the wind's push, then a teleport's jump. Walls, closed
    doors and the edge stop each of them; cells on the way have no effect.

    Args:
        blocked: cells that cannot be entered, shape (rows, columns).
        ice: cells that a move slides over, shape (rows, columns).
        teleport_exit: cell that entering a cell leads to, the cell itself except for teleports, shape
            (rows · columns,).
        push: wind on a step from each cell: direction, down and right, and strength, shape (rows · columns, 3).
        directions: rows down and columns right of each direction, shape (directions, 2).
        gusts: numbers that may be added to the strength of the wind where there is wind, shape (gusts,).

    Returns:
        int32, shape (rows · columns, directions, gusts).
    """
    destination = np.empty((blocked.size, len(directions), len(gusts)), dtype=np.int32)
    _fill_destinations(blocked, ice, teleport_exit, push, directions, gusts, destination)
    return destination


def reachable_cells(
    first: Mask, destination: Cells, effect: npt.NDArray[np.int8], starts: npt.NDArray[Any]
) -> Mask:
    """Cells that can be reached.

    Args:
        first: cells in which episodes begin, shape (cells,).
        destination: destinations from `step_destinations`, shape (cells, directions, gusts).
        effect: effect of entering each cell, shape (cells,): `CONTINUES`; `ENDS` or `CHANGES_LAYOUT`, where the search
            stops; or `RETURNS`, from where it goes on in the starts.
        starts: the starts.

    Returns:
        bool, shape (cells,).
    """
    entered = first.copy()
    queue = np.empty(len(first), dtype=np.int64)
    begin = np.flatnonzero(first)
    queue[: len(begin)] = begin
    _fill_reachable(queue, len(begin), entered, destination.reshape(len(first), -1), effect, starts)
    return entered


@njit(cache=True)
def _slide(blocked, row, column, down, right, most, ice):  # type: ignore[no-untyped-def]
    """Move up to ``most`` cells in a direction, not counting cells of ice; returns the last cell."""
    rows, columns = blocked.shape
    while most > 0:
        r, c = row + down, column + right
        if r < 0 or r >= rows or c < 0 or c >= columns or blocked[r, c]:
            break
        row, column = r, c
        if not ice[row, column]:
            most -= 1
    return row, column


@njit(cache=True)
def _fill_destinations(blocked, ice, teleport_exit, push, directions, gusts, destination):  # type: ignore[no-untyped-def]
    rows, columns = blocked.shape
    dry = np.zeros_like(ice)
    for cell in range(rows * columns):
        for d in range(len(directions)):
            down, right = directions[d]
            row, column = cell // columns, cell % columns
            if down or right:
                row, column = _slide(blocked, row, column, down, right, 1, ice)
            for gust in range(len(gusts)):
                strength = push[cell, 2]
                if strength:
                    strength += gusts[gust]
                blown = _slide(blocked, row, column, push[cell, 0], push[cell, 1], strength, dry)
                end = blown[0] * columns + blown[1]
                destination[cell, d, gust] = end if end == cell else teleport_exit[end]


@njit(cache=True)
def _fill_reachable(queue, end, entered, destination, effect, starts):  # type: ignore[no-untyped-def]
    """Breadth-first search; each cell enters the queue once."""
    begin, returned = 0, False
    while begin < end:
        cell = queue[begin]
        begin += 1
        if effect[cell] == RETURNS and not returned:
            returned = True
            for start in starts:
                if not entered[start]:
                    entered[start] = True
                    queue[end] = start
                    end += 1
        if effect[cell] != CONTINUES:
            continue
        for j in range(destination.shape[1]):
            neighbour = destination[cell, j]
            if not entered[neighbour]:
                entered[neighbour] = True
                queue[end] = neighbour
                end += 1
