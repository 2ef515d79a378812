"""Where a move ends and what moves lead to, cell by cell in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["ENDS", "ENTERS", "LEAVES", "RETURNS", "flood", "resting_cells"]

#: What entering a cell does to a walk that floods the map.
ENTERS, ENDS, RETURNS, LEAVES = range(4)

Cells = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


def resting_cells(
    blocked: Mask,
    ice: Mask,
    partner: Cells,
    push: npt.NDArray[np.int64],
    directions: npt.NDArray[np.int64],
    gusts: npt.NDArray[np.int64],
) -> Cells:
    """The cell in which a walker rests after each step.

    A step is a move of one cell, then on over ice, then the wind's push, then a teleport's jump. Walls, closed
    doors and the edge stop each of them; cells that are only passed have no effect.

    Args:
        blocked: shape (rows, columns): cells that nobody enters.
        ice: shape (rows, columns): cells that a move slides over.
        partner: shape (rows · columns,): the cell that entering a cell leads to; its own but for teleports.
        push: shape (rows · columns, 3): the direction, down and right, and the strength of the wind that a step
            from each cell meets.
        directions: shape (directions, 2): rows down and columns right.
        gusts: shape (gusts,): what may be added to the wind's strength where there is wind.

    Returns:
        int32, shape (rows · columns, directions, gusts).
    """
    rest = np.empty((blocked.size, len(directions), len(gusts)), dtype=np.int32)
    _rest(blocked, ice, partner, push, directions, gusts, rest)
    return rest


def flood(first: Mask, rest: Cells, effect: npt.NDArray[np.int8], starts: npt.NDArray[Any]) -> Mask:
    """The cells that a walk enters.

    Args:
        first: shape (cells,): where walks begin.
        rest: shape (cells, directions, gusts), of `resting_cells`.
        effect: shape (cells,): `ENTERS`; `ENDS` or `LEAVES`, where the walk stops; or `RETURNS`, from where it
            goes on in the starts.
        starts: the cells that it goes on in.

    Returns:
        bool, shape (cells,).
    """
    entered = first.copy()
    queue = np.empty(len(first), dtype=np.int64)
    begin = np.flatnonzero(first)
    queue[: len(begin)] = begin
    _flood(queue, len(begin), entered, rest.reshape(len(first), -1), effect, starts)
    return entered


@njit(cache=True)
def _travel(blocked, row, column, down, right, most, ice):  # type: ignore[no-untyped-def]
    """At most so many cells in a direction, and on as long as `ice` says; where that ends."""
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
def _rest(blocked, ice, partner, push, directions, gusts, rest):  # type: ignore[no-untyped-def]
    rows, columns = blocked.shape
    dry = np.zeros_like(ice)
    for cell in range(rows * columns):
        for d in range(len(directions)):
            down, right = directions[d]
            row, column = cell // columns, cell % columns
            if down or right:
                row, column = _travel(blocked, row, column, down, right, 1, ice)
            for gust in range(len(gusts)):
                strength = push[cell, 2]
                if strength:
                    strength += gusts[gust]
                blown = _travel(blocked, row, column, push[cell, 0], push[cell, 1], strength, dry)
                end = blown[0] * columns + blown[1]
                rest[cell, d, gust] = end if end == cell else partner[end]


@njit(cache=True)
def _flood(queue, end, entered, rest, effect, starts):  # type: ignore[no-untyped-def]
    """Breadth first; each cell enters the queue once. numpy would need a pass a step of the longest walk."""
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
        if effect[cell] != ENTERS:
            continue
        for j in range(rest.shape[1]):
            neighbour = rest[cell, j]
            if not entered[neighbour]:
                entered[neighbour] = True
                queue[end] = neighbour
                end += 1
