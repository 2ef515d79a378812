"""Output heads: last layers that predict a label from features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena.errors import ArenaError

__all__ = ["Classes", "Head", "Metrics", "Values", "classes_in", "head"]

#: Largest number of values of an integer label that is treated as a class.
MOST_CLASSES = 4096

Metrics = Mapping[str, Tensor]


class Head(nn.Module, ABC):
    """Output head that predicts a label from features of shape (batch, width)."""

    @abstractmethod
    def loss(self, features: Tensor, truth: Tensor) -> tuple[Tensor, Metrics]:
        """Loss, a scalar, and metrics: scalars without gradient."""

    @abstractmethod
    def perceive(self, features: Tensor) -> Tensor:
        """Predicted label, of its space's type: shape (batch, *label space's shape)."""


class Classes(Head):
    """Classification head, trained by the cross-entropy −ln p(class | features).

    Args:
        space: space of the label: `Discrete`, or a `Box` with one integer.
        layer: module from features to one logit per class.
    """

    def __init__(self, space: gym.Space[Any], layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.first = (
            int(space.start) if isinstance(space, gym.spaces.Discrete) else int(_box(space).low.min())
        )
        self.shape, self.dtype = space.shape or (), _torch_dtype(space)

    def loss(self, features: Tensor, truth: Tensor) -> tuple[Tensor, Metrics]:
        logits, target = self.layer(features), truth.flatten().long() - self.first
        accuracy = (logits.detach().argmax(dim=1) == target).float().mean()
        return functional.cross_entropy(logits, target), {"accuracy": accuracy}

    def perceive(self, features: Tensor) -> Tensor:
        label: Tensor = self.layer(features).argmax(dim=1) + self.first
        return label.to(self.dtype).view(-1, *self.shape)


class Values(Head):
    """Regression head, trained by the mean squared error in units of each number's range where that is finite.

    Args:
        space: space of the label, a `Box`.
        layer: module from features to the label's numbers.
    """

    low: Tensor
    range: Tensor

    def __init__(self, space: gym.spaces.Box, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.space = layer, space
        low, high = (torch.as_tensor(side, dtype=torch.float32).flatten() for side in (space.low, space.high))
        bounded = torch.isfinite(high - low) & (high > low)
        self.register_buffer("low", torch.where(bounded, low, 0.0))
        self.register_buffer("range", torch.where(bounded, high - low, 1.0))

    def loss(self, features: Tensor, truth: Tensor) -> tuple[Tensor, Metrics]:
        target = (truth.flatten(1).to(self.low) - self.low) / self.range
        error = functional.mse_loss(self.layer(features), target)
        return error, {"error": error.detach().sqrt()}

    def perceive(self, features: Tensor) -> Tensor:
        values: Tensor = (self.layer(features) * self.range + self.low).view(-1, *self.space.shape)
        if np.issubdtype(self.space.dtype, np.integer):
            values = values.round()
        sides = (torch.as_tensor(side, device=values.device) for side in (self.space.low, self.space.high))
        low, high = (side.to(values.dtype) for side in sides)
        return values.clamp(low, high).to(_torch_dtype(self.space))


def classes_in(space: gym.Space[Any]) -> int | None:
    """Number of classes of a label; None for a label that is not a class."""
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n)
    if not isinstance(space, gym.spaces.Box) or not np.issubdtype(space.dtype, np.integer):
        return None
    count = int(space.high.max()) - int(space.low.min()) + 1
    return count if space.low.size == 1 and count <= MOST_CLASSES else None


def head(space: gym.Space[Any], name: str, width: int, *, standardize: bool = False) -> Head:
    """Linear output head for a label: classification or regression, depending on its space.

    Args:
        space: space of the label.
        name: name of the label, for the error message.
        width: number of features.
        standardize: standardize features to mean 0 and variance 1 before the layer.

    Raises:
        ArenaError: the label is neither a class nor numbers.
    """
    classes = classes_in(space)
    if classes is not None:
        return Classes(space, _linear(width, classes, standardize))
    if isinstance(space, gym.spaces.Box):
        return Values(space, _linear(width, int(np.prod(space.shape)), standardize))
    raise ArenaError(
        f"the label {name!r} is {space}, neither one class (Discrete) nor numbers (a Box)",
        "choose another label with --encoder.label",
    )


def _linear(width: int, outputs: int, standardize: bool) -> nn.Module:
    layer = nn.Linear(width, outputs)
    return nn.Sequential(nn.BatchNorm1d(width, affine=False), layer) if standardize else layer


def _box(space: gym.Space[Any]) -> gym.spaces.Box:
    assert isinstance(space, gym.spaces.Box)
    return space


def _torch_dtype(space: gym.Space[Any]) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, str(np.dtype(space.dtype)))
    return dtype
