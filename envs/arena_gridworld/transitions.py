"""Rows of a transition model from the destinations of steps: counted, then filled, by one compiled loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from arena.errors import ArenaError

__all__ = ["CellEffects", "StepDestinations", "TransitionRows", "transition_rows"]

#: Most outcomes that all steps onto cliff may have together (1.5 GB of tables).
MOST_RETURNS = 1 << 26

Mask = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]


class StepDestinations(NamedTuple):
    """Destinations of the steps from each cell, with their probabilities.

    Attributes:
        destination: destination of a step, int32, shape (cells, directions, gusts).
        directions: directions that an action may take, int64, shape (actions, turns).
        chance: probabilities of the directions, float64, shape (actions, turns); zeros are left out.
        windy: cells with wind, bool, shape (cells,): all gusts are equally likely there, elsewhere only the middle one.
        acting: cells in which actions are chosen, bool, shape (cells,); elsewhere every action stays, with reward 0,
            and ends the episode.
    """

    destination: npt.NDArray[np.int32]
    directions: npt.NDArray[np.int64]
    chance: Float
    windy: Mask
    acting: Mask


class CellEffects(NamedTuple):
    """Effects of entering each cell, all of shape (cells,).

    Attributes:
        reward: reward of the step, float64.
        ends: whether the episode ends, bool.
        returns: whether the episode continues in a start, bool.
        offset: number added to the index of a cell to get the index of the state, int64.
    """

    reward: Float
    ends: Mask
    returns: Mask
    offset: npt.NDArray[np.int64]


class TransitionRows(NamedTuple):
    """Rows of a transition model, the actions of cell 0 first.

    Attributes:
        lengths: number of outcomes of each row, int64, shape (cells · actions,).
        successor: next state of each outcome, int32, shape (outcomes,).
        probability: probability of each outcome, float64, shape (outcomes,).
        reward: reward of each outcome, float64, shape (outcomes,).
        terminated: whether each outcome ends the episode, bool, shape (outcomes,).
    """

    lengths: npt.NDArray[np.int64]
    successor: npt.NDArray[np.int32]
    probability: Float
    reward: Float
    terminated: Mask


def transition_rows(
    steps: StepDestinations, entry: CellEffects, starts: npt.NDArray[Any], own: int, name: str
) -> TransitionRows:
    """Transition rows of one layout.

    Args:
        steps: destinations of the steps.
        entry: effects of entering a cell.
        starts: states over which an outcome that returns is split, in this order.
        own: number added to the index of a cell to get the index of the state in this layout.
        name: name of the map in errors.

    Raises:
        ArenaError: too many starts, with too many ways to return to them, for the tables to fit.
    """
    lengths = np.zeros(len(steps.destination) * len(steps.directions), dtype=np.int64)
    nothing = _arrays(lengths, 0)
    returned = _fill_rows(*steps, *entry, starts, own, *nothing, False)
    if returned * (len(starts) - 1) > MOST_RETURNS:
        raise ArenaError(
            f"{name} has {len(starts):,} starts that its cliff sends back to", "keep only a few starts"
        )
    found = _arrays(lengths, int(lengths.sum()))
    _fill_rows(*steps, *entry, starts, own, *found, True)
    return found


def _arrays(lengths: npt.NDArray[np.int64], count: int) -> TransitionRows:
    return TransitionRows(
        lengths,
        np.empty(count, dtype=np.int32),
        np.empty(count),
        np.empty(count),
        np.empty(count, dtype=np.bool_),
    )


@njit(cache=True)
def _fill_rows(  # type: ignore[no-untyped-def]
    destination,
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
    """Count the outcomes of each row, or fill them in; returns how many of them return to the starts."""
    actions, turns = directions.shape
    gusts = destination.shape[2]
    at, returned = 0, 0
    for cell in range(len(destination)):
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
                        end = destination[cell, directions[action, turn], gust]
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
