"""A sum tree: weights that change, and draws in proportion to them, both in logarithmic time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["SumTree"]

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


class SumTree:
    """Weights of `size` leaves, all zero at first.

    Every inner node is recomputed from its two children, so that rounding does not add up however often weights change.

    Source: Schaul et al. 2016, appendix B.2.1.

    Args:
        size: how many leaves.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._base = 1 << (size - 1).bit_length()
        self._nodes = np.zeros(2 * self._base)

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return float(self._nodes[1])

    @property
    def leaves(self) -> Float:
        """The weights, shape (size,): a view; change them by `assign`."""
        return self._nodes[self._base : self._base + self.size]

    def assign(self, leaf: Int, weight: Float) -> None:
        """Gives leaves weights of zero or more, both of shape (k,); of a leaf named twice the last counts."""
        _assign(self._nodes, self._base, leaf, weight)

    def find(self, mass: Float) -> Int:
        """The leaves in whose stretch each mass lies when all weights lie end to end: shape (k,).

        A leaf of weight zero is never found, provided the total is positive.

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
            # By rounding the mass may reach past the last weight: never into a half that has none.
            if rest >= nodes[node] and nodes[node + 1] > 0.0:
                rest -= nodes[node]
                node += 1
        found[k] = node - base
    return found
