"""Sum tree: updates of weights, and sampling in proportion to them, in logarithmic time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["SumTree"]

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


class SumTree:
    """Binary tree over the weights of `size` leaves, all zero at first; each node is the sum of its children.

    Inner nodes are recomputed from their two children, so that rounding errors do not accumulate.

    Source: Schaul et al. 2016, appendix B.2.1.

    Args:
        size: number of leaves.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._base = 1 << (size - 1).bit_length()
        self._nodes = np.zeros(2 * self._base)

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return float(self._nodes[1])

    @property
    def leaves(self) -> Float:
        """Weights of the leaves, shape (size,): a view, to be changed by `assign` only."""
        return self._nodes[self._base : self._base + self.size]

    def assign(self, leaf: Int, weight: Float) -> None:
        """Set weights of leaves, 0 or more, both of shape (k,); for a repeated leaf the last weight counts."""
        _assign(self._nodes, self._base, leaf, weight)

    def find(self, mass: Float) -> Int:
        """Leaves whose intervals contain the masses, when the weights are laid end to end: shape (k,).

        A leaf of weight zero is never found, as long as the total is positive.

        Args:
            mass: in [0, total), shape (k,).
        """
        return np.asarray(_find(self._nodes, self._base, mass))


@njit(cache=True)
def _assign(nodes: Any, base: int, leaf: Any, weight: Any) -> None:  # pragma: no cover - compiled
    for k in range(len(leaf)):
        node = base + leaf[k]
        nodes[node] = weight[k]
        node >>= 1
        while node:
            nodes[node] = nodes[2 * node] + nodes[2 * node + 1]
            node >>= 1


@njit(cache=True)
def _find(nodes: Any, base: int, mass: Any) -> Any:  # pragma: no cover - compiled
    found = np.empty(len(mass), np.int64)
    for k in range(len(mass)):
        rest, node = mass[k], 1
        while node < base:
            node *= 2
            # Rounding may put the mass beyond the last weight: never descend into a half without any.
            if rest >= nodes[node] and nodes[node + 1] > 0.0:
                rest -= nodes[node]
                node += 1
        found[k] = node - base
    return found
