"""What a network's outputs say about the value of an action: here, that they are it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Loss", "Scalar", "Values"]

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]
Loss = Literal["huber", "squared"]


class Values(Protocol):
    """How outputs, shape (batch, num_actions, size), are read and corrected.

    Attributes:
        size: how many outputs an action has.
    """

    size: int

    def expectation(self, outputs: Array) -> Array:
        """Q(s, a): shape (batch, num_actions)."""
        ...

    def target(self, reward: Array, discount: Array, following: Array) -> Array:
        """What a transition says that an action is worth.

        Args:
            reward: the return before the bootstrap, shape (batch,).
            discount: what the value there counts, shape (batch,).
            following: the target network's outputs there for the action chosen, shape (batch, size).

        Returns:
            Shape (batch, size).
        """
        ...

    def loss(self, outputs: Array, target: Array) -> tuple[Array, Array, Array]:
        """How far the outputs of the actions taken are from their targets, both of shape (batch, size).

        Returns:
            The loss of each, shape (batch,); its gradient by the outputs, shape (batch, size); and the error that
            prioritized replay goes by, shape (batch,).
        """
        ...


class Scalar:
    """One output an action: its value.

    Source: Mnih et al. 2015, algorithm 1; what they call clipping the error to [−1, 1] is Huber's loss.

    Args:
        loss: "huber" (δ²/2 up to |δ| = 1, then |δ| − 1/2) or "squared" (δ²/2).
    """

    size = 1

    def __init__(self, loss: Loss = "huber") -> None:
        self._huber = loss == "huber"

    def expectation(self, outputs: Array) -> Array:
        return outputs[:, :, 0]

    def target(self, reward: Array, discount: Array, following: Array) -> Array:
        return (reward + discount * following[:, 0])[:, None]

    def loss(self, outputs: Array, target: Array) -> tuple[Array, Array, Array]:
        delta = outputs - target
        gradient = np.clip(delta, -1, 1) if self._huber else delta
        error = np.abs(delta[:, 0])
        # δ²/2 is g (δ − g/2) for g = δ, and so is |δ| − 1/2 for g = ±1.
        return (gradient * (delta - 0.5 * gradient))[:, 0], gradient, error
