"""Last layers: from features to a label, whatever its space is."""

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

__all__ = ["Classes", "Head", "Values", "classes_in", "head"]

#: A whole number with more values than this is no class.
MOST_CLASSES = 4096

Metrics = Mapping[str, Tensor]


class Head(nn.Module, ABC):
    """Tells a label from features of shape (batch, width)."""

    @abstractmethod
    def loss(self, features: Tensor, truth: Tensor) -> tuple[Tensor, Metrics]:
        """How wrong it is, a scalar, and what people ask of it: scalars without gradient."""

    @abstractmethod
    def perceive(self, features: Tensor) -> Tensor:
        """What it takes the label to be: of the label's type, shape (batch, *label space's shape)."""


class Classes(Head):
    """Tells one of several classes; it learns by cross-entropy, −ln p(class | features).

    Args:
        space: of the label: `Discrete`, or a `Box` with one whole number.
        layer: features to a logit a class.
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
    """Tells numbers; it learns by the mean squared error, in units of each number's range where that is finite.

    Args:
        space: of the label: a `Box`.
        layer: features to a number for each of the label's.
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
    """How many classes a label tells apart; None if it is not one class."""
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n)
    if not isinstance(space, gym.spaces.Box) or not np.issubdtype(space.dtype, np.integer):
        return None
    count = int(space.high.max()) - int(space.low.min()) + 1
    return count if space.low.size == 1 and count <= MOST_CLASSES else None


def head(space: gym.Space[Any], name: str, width: int, *, standardise: bool = False) -> Head:
    """The last layer for a label: linear, and of the kind that its space asks for.

    Args:
        space: of the label.
        name: of the label, for the error.
        width: of the features.
        standardise: whether features have mean 0 and variance 1 before the layer.

    Raises:
        ArenaError: for a label that is neither a class nor numbers.
    """
    classes = classes_in(space)
    if classes is not None:
        return Classes(space, _linear(width, classes, standardise))
    if isinstance(space, gym.spaces.Box):
        return Values(space, _linear(width, int(np.prod(space.shape)), standardise))
    raise ArenaError(
        f"the label {name!r} is {space}, neither one class (Discrete) nor numbers (a Box)",
        "learn another one with --encoder.label",
    )


def _linear(width: int, outputs: int, standardise: bool) -> nn.Module:
    layer = nn.Linear(width, outputs)
    return nn.Sequential(nn.BatchNorm1d(width, affine=False), layer) if standardise else layer


def _box(space: gym.Space[Any]) -> gym.spaces.Box:
    assert isinstance(space, gym.spaces.Box)
    return space


def _torch_dtype(space: gym.Space[Any]) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, str(np.dtype(space.dtype)))
    return dtype
