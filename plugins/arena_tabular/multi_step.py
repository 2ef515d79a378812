"""What learners that reach further back than one step share: a memory of several records in every lane."""

from __future__ import annotations

from typing import Any

import numpy as np

from arena.agents.base import Problem
from arena.environments.tabular import TableVectorEnv
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Stream, Transition
from arena_tabular import kernels
from arena_tabular.learner import in_table
from arena_tabular.table import MAX_CELLS, Float
from arena_tabular.temporal_difference import OneStep

__all__ = ["MultiStep", "gathered", "room", "scattered"]

Records = np.ndarray[Any, Any]


class MultiStep(OneStep):
    """Makes a one-step learner one of several steps; comes before it among a class's bases.

    The one-step learner says what is learned, how it acts and which action a target supposes; the family's
    compiled module, `family`, says how far back a step reaches. Both ways of driving it are here.
    """

    #: The family's compiled functions `drive` and `learn_all`.
    family: Any

    #: What those take beside tables, rules and accounts: the records of all lanes one after another come last.
    _records: tuple[Records, ...]

    @property
    def _learned(self) -> Float:
        """The table that is learned: V as one column in prediction, else Q."""
        return self._estimates if self.algorithm == kernels.PREDICTION else self._q

    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        self.family.drive(
            self._q,
            self._learned,
            self._visits,
            self._rules,
            self._learners,
            self._memories,
            *self._records,
            *tabular.tables,
            tabular.lanes,
            tabular.limit,
            stream.episode_account,
            stream.totals,
            vector_steps,
        )

    def _learn(self, transition: Transition) -> None:
        lane = self.family.learn_all(
            self._q,
            self._learned,
            self._visits,
            self._rules,
            self._learners,
            self._memories,
            *self._records,
            transition.observation,
            transition.reward,
            transition.terminated,
            transition.truncated,
            transition.next_observation,
        )
        in_table(lane, transition.next_observation, self.num_states)


def room(problem: Problem, each: int, dtype: np.dtype[Any], remedy: str) -> Records:
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


def gathered(records: Records, heads: Records, lengths: Records) -> State:
    """What is in use of rings of records, a column a field: lane after lane, each from its head on."""
    each = len(records) // len(lengths)
    index = [
        lane * each + (head + np.arange(length)) % each
        for lane, (head, length) in enumerate(zip(heads, lengths, strict=True))
    ]
    used = records[np.concatenate(index).astype(np.int64)]
    return {"length": lengths.copy(), **{name: used[name].copy() for name in records.dtype.names or ()}}


def scattered(what: str, records: Records, lengths: Records, state: State) -> None:
    """The inverse of `gathered`, every head at 0.

    Raises:
        ArenaError: if they do not fit: they are those of another number of lanes, or of other options.
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
