"""Prioritized replay: transitions are drawn the more often, the worse they were predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.codec import State
from arena_deep.replay import Replay
from arena_deep.sum_tree import SumTree

__all__ = ["Priorities"]

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

#: What is added to an error, so that no transition is lost for ever.
LEAST = 1e-6


class Priorities:
    """P(i) = p_i^α / Σ p^α, where p is the last error of a transition, or the greatest so far if it has none.

    Source: Schaul et al. 2016, "Prioritized Experience Replay", equations 1 and 2, the proportional variant.

    Args:
        replay: whose rows these are.
        exponent: α; 0 draws uniformly.
    """

    def __init__(self, replay: Replay, exponent: float) -> None:
        self._replay, self._exponent = replay, exponent
        self._tree = SumTree(replay.steps.capacity)
        self._greatest = 1.0
        self._known = 0  # rows before this number have a priority

    def extend(self) -> None:
        """Gives those that can newly be drawn the greatest priority, and takes that of overwritten ones away.

        Call it after every `Replay.append`.
        """
        replay, capacity = self._replay, self._tree.size
        # A row appended takes the place of the oldest, and cannot itself be drawn yet.
        self._fill(np.arange(max(self._known, replay.last), replay.steps.total) % capacity, 0.0)
        self._fill(np.arange(self._known, replay.last) % capacity, self._greatest**self._exponent)
        self._known = replay.last

    def draw(self, generator: np.random.Generator, count: int, correction: float) -> tuple[Int, Float]:
        """Rows and their importance weights, both of shape (count,); one row from each of `count` equal strata.

        Args:
            generator: of the draws.
            count: how many.
            correction: β of the weights w_i = (N P(i))^−β / max_j w_j.
        """
        tree = self._tree
        slot = tree.find((np.arange(count) + generator.random(count)) * (tree.total / count))
        chance = tree.leaves[slot] / tree.total
        weight = (len(self._replay) * chance) ** -correction
        # A row has the number in its slot that is alive.
        row = self._replay.first + (slot - self._replay.first) % tree.size
        return row, weight / weight.max()

    def update(self, row: Int, error: npt.NDArray[Any]) -> None:
        """Notes how wrong the predictions of these rows were: |δ|, shape (batch,)."""
        priority = np.abs(error).astype(np.float64) + LEAST
        self._greatest = max(self._greatest, float(priority.max()))
        self._tree.assign(row % self._tree.size, priority**self._exponent)

    def state_dict(self) -> State:
        """The weights of the slots filled so far."""
        return {
            "weights": self._tree.leaves[: len(self._replay.steps)].copy(),
            "greatest": self._greatest,
            "known": self._known,
        }

    def load_state_dict(self, state: State) -> None:
        """Takes them back; the replay must have its state already."""
        self._tree = SumTree(self._replay.steps.capacity)
        self._fill(np.arange(len(state["weights"])), state["weights"])
        self._greatest, self._known = state["greatest"], state["known"]

    def _fill(self, slot: Int, weight: float | Float) -> None:
        self._tree.assign(slot, np.broadcast_to(np.asarray(weight, np.float64), slot.shape).copy())
