"""Distributional values (C51): a categorical distribution over fixed atoms for the return of each action."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError

__all__ = ["CategoricalValueHead", "project"]

Array = npt.NDArray[Any]


class CategoricalValueHead:
    """Value head of C51: outputs are logits of probabilities of atoms z_i, equally spaced from `low` to `high`.

    Source: Bellemare, Dabney & Munos 2017, "A Distributional Perspective on Reinforcement Learning", algorithm 1.

    Args:
        low: the smallest atom.
        high: the greatest atom.
        atoms: number of atoms, both ends included.

    Raises:
        ArenaError: if the range is empty.
    """

    def __init__(self, low: float, high: float, atoms: int) -> None:
        if low >= high:
            raise ArenaError(
                f"v_min {low:g} is not below v_max {high:g}",
                "give bounds that contain the returns",
            )
        self.size = atoms
        self.support = np.linspace(low, high, atoms, dtype=np.float32)

    def expectation(self, outputs: Array) -> Array:
        """Expected return Q = Σ p_i z_i: shape (batch, num_actions)."""
        return np.asarray(softmax(outputs) @ self.support)

    def target(self, reward: Array, discount: Array, following: Array) -> Array:
        """Distribution of r + γ Z, projected onto the atoms."""
        return project(reward[:, None] + discount[:, None] * self.support, softmax(following), self.support)

    def loss(self, outputs: Array, target: Array) -> tuple[Array, Array, Array]:
        """Cross entropy −Σ m_i log p_i as loss and as error; its gradient by the logits is p − m."""
        shifted = outputs - outputs.max(axis=-1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        loss = (target * (log_sum - shifted)).sum(axis=-1)
        return loss, np.exp(shifted - log_sum) - target, loss


def project(value: Array, probability: Array, support: Array) -> Array:
    """Projection of a distribution onto atoms: each probability is split between the two nearest atoms.

    Total probability is kept, and so is the mean of values within the support; values outside go to its ends.

    Source: Bellemare et al. 2017, equation 7.

    Args:
        value: values, shape (batch, n).
        probability: probability of each value, shape (batch, n).
        support: atoms, equally spaced, shape (m,), m ≥ 2.

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
    """Softmax along the last axis: probabilities from logits."""
    weight = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))
