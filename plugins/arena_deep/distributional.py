"""Distributional values: what an action is worth as a distribution over fixed atoms (C51)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError

__all__ = ["Categorical", "project"]

Array = npt.NDArray[Any]


class Categorical:
    """Outputs are the logits of probabilities over atoms z_i, equally spaced from `low` to `high`.

    Source: Bellemare, Dabney & Munos 2017, "A Distributional Perspective on Reinforcement Learning", algorithm 1.

    Args:
        low: the least return that can be told.
        high: the greatest.
        atoms: how many values between them, both included.

    Raises:
        ArenaError: the range is empty.
    """

    def __init__(self, low: float, high: float, atoms: int) -> None:
        if low >= high:
            raise ArenaError(
                f"returns from v_min {low:g} to v_max {high:g} are none",
                "give bounds that the returns stay between",
            )
        self.size = atoms
        self.support = np.linspace(low, high, atoms, dtype=np.float32)

    def expectation(self, outputs: Array) -> Array:
        """Q = Σ p_i z_i."""
        return np.asarray(softmax(outputs) @ self.support)

    def target(self, reward: Array, discount: Array, following: Array) -> Array:
        """The distribution of r + γ Z, brought back onto the atoms."""
        return project(reward[:, None] + discount[:, None] * self.support, softmax(following), self.support)

    def loss(self, outputs: Array, target: Array) -> tuple[Array, Array, Array]:
        """The cross entropy −Σ m_i log p_i, which is also the error; its gradient by the logits is p − m."""
        shifted = outputs - outputs.max(axis=-1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        loss = (target * (log_sum - shifted)).sum(axis=-1)
        return loss, np.exp(shifted - log_sum) - target, loss


def project(value: Array, probability: Array, support: Array) -> Array:
    """Shares the probability of each value among the two atoms that it lies between.

    Total probability is kept, and so is the mean of whatever lies within the support; the rest goes to its ends.

    Source: Bellemare et al. 2017, equation 7.

    Args:
        value: shape (batch, n).
        probability: of each value, shape (batch, n).
        support: the atoms, equally spaced, shape (m,), m ≥ 2.

    Returns:
        float32, shape (batch, m).
    """
    batch, atoms = len(value), len(support)
    place = (value - support[0]) * ((atoms - 1) / (support[-1] - support[0]))
    place = place.clip(0, atoms - 1)
    lower = np.minimum(place.astype(np.int64), atoms - 2)
    share = place - lower
    cell = (lower + atoms * np.arange(batch)[:, None]).ravel()
    size = batch * atoms
    mass = np.bincount(cell, (probability * (1 - share)).ravel(), size)
    mass += np.bincount(cell + 1, (probability * share).ravel(), size)
    return mass.reshape(batch, atoms).astype(np.float32)


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis."""
    weight = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))
