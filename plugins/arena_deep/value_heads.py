"""Value heads: action values, targets and losses from the outputs of a Q-network."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Loss", "ScalarValueHead", "ValueHead"]

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]
Loss = Literal["huber", "squared"]


class ValueHead(Protocol):
    """Interpretation of a Q-network's outputs, shape (batch, num_actions, size).

    Attributes:
        size: number of outputs per action.
    """

    size: int

    def expectation(self, outputs: Array) -> Array:
        """Action values Q(s, a): shape (batch, num_actions)."""
        ...

    def target(self, reward: Array, discount: Array, following: Array) -> Array:
        """Targets of the actions taken.

        Args:
            reward: n-step return without the bootstrap value, shape (batch,).
            discount: weight of the bootstrap value, shape (batch,).
            following: outputs of the target network for the next observation and action, shape (batch, size).

        Returns:
            Targets, shape (batch, size).
        """
        ...

    def loss(self, outputs: Array, target: Array) -> tuple[Array, Array, Array]:
        """Loss of the outputs of the actions taken against their targets, both of shape (batch, size).

        Returns:
            The loss of each, shape (batch,); its gradient by the outputs, shape (batch, size); and the error that sets
            priorities, shape (batch,).
        """
        ...


class ScalarValueHead:
    """Value head with one output per action, its value.

    Source: Mnih et al. 2015, algorithm 1; clipping the error to [−1, 1], as they call it, is the Huber loss.

    Args:
        loss: "huber" (δ²/2 up to |δ| = 1, then |δ| − 1/2) or "squared" (δ²/2).
    """

    size = 1

    def __init__(self, loss: Loss = "huber") -> None:
        self._huber = loss == "huber"

    def expectation(self, outputs: Array) -> Array:
        return np.asarray(outputs[:, :, 0])

    def target(self, reward: Array, discount: Array, following: Array) -> Array:
        return np.asarray((reward + discount * following[:, 0])[:, None])

    def loss(self, outputs: Array, target: Array) -> tuple[Array, Array, Array]:
        delta = outputs - target
        gradient = np.clip(delta, -1, 1) if self._huber else delta
        error = np.abs(delta[:, 0])
        # δ²/2 is g (δ − g/2) for g = δ, and so is |δ| − 1/2 for g = ±1.
        return (gradient * (delta - 0.5 * gradient))[:, 0], gradient, error
