"""The rows of a transition model from where steps end: counted, then written, by one compiled loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from arena.errors import ArenaError

__all__ = ["Entry", "Outcomes", "Steps", "outcomes_of"]

#: The most outcomes that steps onto cliff may have together (1.5 GB of tables).
MOST_RETURNS = 1 << 26

Mask = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]


class Steps(NamedTuple):
    """Where steps from each cell end, and how likely each is.

    Attributes:
        rest: int32, shape (cells, directions, gusts).
        directions: int64, shape (actions, turns): the directions that an action may take.
        chance: float64, shape (actions, turns): their probabilities; zeros are left out.
        windy: bool, shape (cells,): where all gusts blow, equally likely; elsewhere the middle one alone does.
        acting: bool, shape (cells,): where episodes act; elsewhere every action stays, ends and pays nothing.
    """

    rest: npt.NDArray[np.int32]
    directions: npt.NDArray[np.int64]
    chance: Float
    windy: Mask
    acting: Mask


class Entry(NamedTuple):
    """What entering each cell does, all of shape (cells,).

    Attributes:
        reward: float64: of the step.
        ends: bool: whether the episode ends.
        returns: bool: whether it goes on in a start.
        offset: int64: what a cell's index becomes a state's by.
    """

    reward: Float
    ends: Mask
    returns: Mask
    offset: npt.NDArray[np.int64]


class Outcomes(NamedTuple):
    """Rows of a transition model, the actions of cell 0 first.

    Attributes:
        lengths: int64, shape (cells · actions,): how many outcomes each row has.
        successor: int32, shape (outcomes,), like the others.
        probability: float64.
        reward: float64.
        terminated: bool.
    """

    lengths: npt.NDArray[np.int64]
    successor: npt.NDArray[np.int32]
    probability: Float
    reward: Float
    terminated: Mask


def outcomes_of(steps: Steps, entry: Entry, starts: npt.NDArray[Any], own: int, name: str) -> Outcomes:
    """A layer's rows.

    Args:
        steps: where its steps end.
        entry: what entering a cell does.
        starts: the states that an outcome which returns is split over, in this order.
        own: what a cell's index becomes a state's by, for a step that goes nowhere because nobody acts.
        name: what errors call the map.

    Raises:
        ArenaError: there are so many starts, and so many ways to return to them, that the table would not fit.
    """
    lengths = np.zeros(len(steps.rest) * len(steps.directions), dtype=np.int64)
    nothing = _arrays(lengths, 0)
    returned = _write(*steps, *entry, starts, own, *nothing, False)
    if returned * (len(starts) - 1) > MOST_RETURNS:
        raise ArenaError(f"{name} has {len(starts):,} starts that its cliff sends back to", "keep a few")
    found = _arrays(lengths, int(lengths.sum()))
    _write(*steps, *entry, starts, own, *found, True)
    return found


def _arrays(lengths: npt.NDArray[np.int64], count: int) -> Outcomes:
    return Outcomes(
        lengths,
        np.empty(count, dtype=np.int32),
        np.empty(count),
        np.empty(count),
        np.empty(count, dtype=np.bool_),
    )


@njit(cache=True)
def _write(  # type: ignore[no-untyped-def]
    rest,
    directions,
    chance,
    windy,
    acting,
    reward_of,
    ends,
    returns,
    offset,
    starts,
    own,
    lengths,
    successor,
    probability,
    reward,
    terminated,
    write,
):
    """Counts the outcomes of each row, or writes them; how many of them return to the starts."""
    actions, turns = directions.shape
    gusts = rest.shape[2]
    at, returned = 0, 0
    for cell in range(len(rest)):
        low, high = (0, gusts) if windy[cell] else (gusts // 2, gusts // 2 + 1)
        for action in range(actions):
            row = at
            if not acting[cell]:
                if write:
                    successor[at], probability[at], reward[at], terminated[at] = own + cell, 1.0, 0.0, True
                at += 1
            else:
                for turn in range(turns):
                    if chance[action, turn] <= 0:
                        continue
                    for gust in range(low, high):
                        end = rest[cell, directions[action, turn], gust]
                        share = chance[action, turn] / (high - low)
                        split = len(starts) if returns[end] else 1
                        if write:
                            for j in range(split):
                                successor[at + j] = starts[j] if returns[end] else end + offset[end]
                                probability[at + j] = share / split
                                reward[at + j] = reward_of[end]
                                terminated[at + j] = ends[end]
                        returned += returns[end]
                        at += split
            if not write:
                lengths[cell * actions + action] = at - row
    return returned
