"""Transition model of a finite Markov decision process (MDP), which planners use instead of a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError

__all__ = ["TransitionModel"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TransitionModel:
    """Transitions of a finite MDP in compressed rows; row ``s * num_actions + a`` holds the outcomes of (s, a).

    The order of a row's outcomes and its duplicates are kept as given, so that sampling by the cumulative
    probability reproduces the simulator that the model was read from.

    Attributes:
        indptr: int64, shape (num_states · num_actions + 1,): row r is the slice ``indptr[r]:indptr[r + 1]``.
        successor: int32, shape (transitions,): the next state.
        probability: float64, shape (transitions,): sums to one in every row.
        reward: float64, shape (transitions,).
        terminated: bool, shape (transitions,): whether the episode ends there, so that nothing is bootstrapped.
        initial: float64, shape (num_states,): the distribution of an episode's first state.

    Raises:
        ArenaError: shapes, successors or probabilities do not make an MDP; the message names the first bad row.

    Source: Puterman, *Markov Decision Processes* (1994), chapter 2.
    """

    num_states: int
    num_actions: int
    indptr: npt.NDArray[np.int64]
    successor: npt.NDArray[np.int32]
    probability: Float
    reward: Float
    terminated: npt.NDArray[np.bool_]
    initial: Float

    def __post_init__(self) -> None:
        if self.num_states < 1 or self.num_actions < 1:
            raise ArenaError("a transition model needs at least one state and one action")
        # Before the cast to 32 bits, which would wrap a wild successor into the state space.
        successor = np.asarray(self.successor)
        if successor.size and not 0 <= successor.min() <= successor.max() < self.num_states:
            wild = successor[(successor < 0) | (successor >= self.num_states)][0]
            remedy = f"keep successors in [0, {self.num_states})"
            raise ArenaError(f"a transition leads to state {wild}", remedy)
        types = {"indptr": np.int64, "successor": np.int32, "terminated": np.bool_}
        for name in ("indptr", "successor", "probability", "reward", "terminated", "initial"):
            dtype = types.get(name, np.float64)
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
        self._validate()

    @property
    def transitions(self) -> int:
        """Number of outcomes in all rows together."""
        return len(self.successor)

    @classmethod
    def from_rows(
        cls,
        num_states: int,
        num_actions: int,
        rows: Sequence[Sequence[tuple[float, int, float, bool]]],
        initial: npt.ArrayLike,
    ) -> TransitionModel:
        """Build a model from one list of ``(probability, successor, reward, terminated)`` per state–action pair.

        Args:
            num_states: number of states.
            num_actions: number of actions.
            rows: ``num_states · num_actions`` lists, the actions of state 0 first.
            initial: shape (num_states,), probabilities of the first state.
        """
        lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        flat = [outcome for row in rows for outcome in row]
        probability, successor, reward, terminated = zip(*flat, strict=True) if flat else ((), (), (), ())
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        arrays: Any = (indptr, successor, probability, reward, terminated, initial)
        return cls(num_states, num_actions, *arrays)  # converted to arrays of their types there

    @classmethod
    def from_gymnasium(
        cls,
        table: Mapping[int, Mapping[int, Sequence[tuple[Any, ...]]]],
        initial: npt.ArrayLike,
    ) -> TransitionModel:
        """Build a model from the dictionary ``P[s][a] = [(p, s', r, done), …]`` of a Gymnasium toy-text environment."""
        num_states, num_actions = len(table), len(table[0])
        rows = [
            [(float(p), int(next_s), float(r), bool(done)) for p, next_s, r, done in table[s][a]]
            for s in range(num_states)
            for a in range(num_actions)
        ]
        return cls.from_rows(num_states, num_actions, rows, initial)

    def row(self, state: int, action: int) -> slice:
        """Slice of the transition arrays with the outcomes of (state, action)."""
        r = state * self.num_actions + action
        return slice(int(self.indptr[r]), int(self.indptr[r + 1]))

    def expected_reward(self) -> Float:
        """Expected reward r(s, a) = Σ p r: shape (num_states, num_actions)."""
        return self._row_sums(self.probability * self.reward).reshape(self.num_states, self.num_actions)

    def dense(self) -> tuple[Float, Float]:
        """Dense arrays of transition probabilities and expected rewards.

        Returns:
            ``P`` of shape (num_states, num_actions, num_states), without terminating transitions, so that the Bellman
            equation is ``V = max(R + discount * P @ V)``; and ``R`` of shape (num_states, num_actions).
        """
        pairs = self.num_states * self.num_actions
        matrix = np.zeros((pairs, self.num_states))
        rows = np.repeat(np.arange(pairs), np.diff(self.indptr))
        np.add.at(matrix, (rows, self.successor), self.probability * ~self.terminated)
        return matrix.reshape(self.num_states, self.num_actions, self.num_states), self.expected_reward()

    def _row_sums(self, values: Float) -> Float:
        # Correct because no row is empty (validated).
        return np.asarray(np.add.reduceat(values, self.indptr[:-1]), dtype=np.float64)

    def _validate(self) -> None:
        pairs, n = self.num_states * self.num_actions, len(self.successor)
        if self.indptr.shape != (pairs + 1,) or self.indptr[0] != 0 or self.indptr[-1] != n:
            raise ArenaError(f"indptr must hold {pairs + 1} offsets from 0 to {n}, not {self.indptr.shape}")
        for name in ("probability", "reward", "terminated"):
            if getattr(self, name).shape != (n,):
                raise ArenaError(f"{name} must have shape ({n},), not {getattr(self, name).shape}")
        if self.initial.shape != (self.num_states,):
            raise ArenaError(f"initial must have shape ({self.num_states},), not {self.initial.shape}")
        lengths = np.diff(self.indptr)
        self._refuse(lengths < 1, "has no outcome", "give every state–action pair at least one")
        rows = np.repeat(np.arange(pairs), lengths)
        infinite = ~np.isfinite(self.reward)
        self._refuse(rows[infinite], "has a reward that is not finite", "give finite rewards")
        negative = ~(self.probability >= 0)
        self._refuse(rows[negative], "has a negative or missing probability", "give probabilities in [0, 1]")
        total = self._row_sums(self.probability)
        self._refuse(np.abs(total - 1) > 1e-9, "has probabilities that do not sum to one", "normalize it")
        if np.any(~(self.initial >= 0)) or abs(float(self.initial.sum()) - 1) > 1e-9:
            raise ArenaError("the initial distribution is not a distribution", "make it sum to one")

    def _refuse(self, rows: npt.NDArray[Any], what: str, remedy: str) -> None:
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        if len(rows):
            state, action = divmod(int(rows[0]), self.num_actions)
            raise ArenaError(f"the transition model's row (state {state}, action {action}) {what}", remedy)
