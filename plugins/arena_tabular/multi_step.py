"""Records of past steps in every lane: n-step queues and eligibility traces."""

from __future__ import annotations

from typing import Any

import numpy as np

from arena.agents.base import Problem
from arena.errors import ArenaError
from arena.storage.codec import State
from arena_tabular import records as codes
from arena_tabular.table import MAX_CELLS, Float
from arena_tabular.temporal_difference import OneStep

__all__ = ["MultiStep", "flat_records", "pack", "unpack"]

Records = np.ndarray[Any, Any]


class MultiStep(OneStep):
    """Turns a one-step learner into one of several steps; comes before it among a class's bases.

    The one-step learner defines what is learned, how it acts and which action a target assumes; the subclass how far
    back an update reaches.
    """

    #: The records of all lanes, one lane after another.
    _records: Records

    @property
    def _learned(self) -> Float:
        """The table that is learned: V as one column in prediction, else Q."""
        return self._estimates if self.algorithm == codes.PREDICTION else self._q


def flat_records(problem: Problem, each: int, dtype: np.dtype[Any], remedy: str) -> Records:
    """Zeros for `each` records in every lane, one lane after another.

    Raises:
        ArenaError: if they would not fit in memory.
    """
    if problem.num_envs * each > MAX_CELLS:
        gib = problem.num_envs * each * dtype.itemsize / 2**30
        raise ArenaError(
            f"{problem.num_envs} environments × {each} records of past steps take {gib:.3g} GiB", remedy
        )
    return np.zeros(problem.num_envs * each, dtype=dtype)


def pack(records: Records, heads: Records, lengths: Records) -> State:
    """The part of rings of records that is in use, a column a field: lane after lane, each from its head on."""
    each = len(records) // len(lengths)
    index = [
        lane * each + (head + np.arange(length)) % each
        for lane, (head, length) in enumerate(zip(heads, lengths, strict=True))
    ]
    used = records[np.concatenate(index).astype(np.int64)]
    return {"length": lengths.copy(), **{name: used[name].copy() for name in records.dtype.names or ()}}


def unpack(what: str, records: Records, lengths: Records, state: State) -> None:
    """The inverse of `pack`, every head at 0.

    Raises:
        ArenaError: if they were saved with another number of lanes, or with other options.
    """
    each, saved = len(records) // len(lengths), np.asarray(state["length"])
    if saved.shape != lengths.shape or (saved > each).any():
        raise ArenaError(
            f"the saved {what} have shape {saved.shape} and up to {saved.max(initial=0)} records, not "
            f"{lengths.shape} and {each}",
            "load them with the options and --envs they were saved with",
        )
    lengths[...] = saved
    index = np.concatenate([lane * each + np.arange(length) for lane, length in enumerate(saved)])
    for name in records.dtype.names or ():
        records[name][index.astype(np.int64)] = state[name]
