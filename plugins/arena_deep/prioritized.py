"""Prioritized experience replay: transitions with a large error are sampled more often."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.storage.codec import State
from arena_deep.replay_buffer import ReplayBuffer
from arena_deep.sum_tree import SumTree

__all__ = ["Priorities"]

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

#: Constant added to every error, so that each transition can be sampled.
EPSILON = 1e-6


class Priorities:
    """Sampling probabilities P(i) = p_i^α / Σ p^α, where p is the last error of a transition, or the greatest so far.

    Source: Schaul et al. 2016, "Prioritized Experience ReplayBuffer", equations 1 and 2, the proportional variant.

    Args:
        replay: the replay buffer.
        exponent: α; 0 samples uniformly.
    """

    def __init__(self, replay: ReplayBuffer, exponent: float) -> None:
        self._replay, self._exponent = replay, exponent
        self._tree = SumTree(replay.steps.capacity)
        self._greatest = 1.0
        self._known = 0  # rows before this number have a priority

    def extend(self) -> None:
        """Give new transitions the greatest priority, and overwritten ones none; call it after each append."""
        replay, capacity = self._replay, self._tree.size
        # A new row replaces the oldest one, and cannot be sampled yet.
        self._fill(np.arange(max(self._known, replay.last), replay.steps.total) % capacity, 0.0)
        self._fill(np.arange(self._known, replay.last) % capacity, self._greatest**self._exponent)
        self._known = replay.last

    def sample(self, generator: np.random.Generator, count: int, exponent: float) -> tuple[Int, Float]:
        """Rows and their importance weights, both of shape (count,): one row from each of `count` equal strata.

        Args:
            generator: source of randomness.
            count: number of rows.
            exponent: β of the weights w_i = (N P(i))^−β / max_j w_j.
        """
        tree = self._tree
        slot = tree.find((np.arange(count) + generator.random(count)) * (tree.total / count))
        chance = tree.leaves[slot] / tree.total
        weight = (len(self._replay) * chance) ** -exponent
        # Of all row numbers with this slot, one is stored.
        row = self._replay.first + (slot - self._replay.first) % tree.size
        return row, weight / weight.max()

    def update(self, row: Int, error: npt.NDArray[Any]) -> None:
        """Set the priorities of rows from their errors |δ|, shape (batch,)."""
        priority = np.abs(error).astype(np.float64) + EPSILON
        self._greatest = max(self._greatest, float(priority.max()))
        self._tree.assign(row % self._tree.size, priority**self._exponent)

    def state_dict(self) -> State:
        """Weights of all slots filled so far."""
        return {
            "weights": self._tree.leaves[: len(self._replay.steps)].copy(),
            "greatest": self._greatest,
            "known": self._known,
        }

    def load_state_dict(self, state: State) -> None:
        """Restore the weights, after the replay buffer has been restored."""
        self._tree = SumTree(self._replay.steps.capacity)
        self._fill(np.arange(len(state["weights"])), state["weights"])
        self._greatest, self._known = state["greatest"], state["known"]

    def _fill(self, slot: Int, weight: float | Float) -> None:
        self._tree.assign(slot, np.broadcast_to(np.asarray(weight, np.float64), slot.shape).copy())
