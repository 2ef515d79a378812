"""Encoders that learn to tell a label of the whole frame; their code is what they tell it from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from arena.encoders.base import Batch, Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers
from arena_vision.heads import Head, head
from arena_vision.labels import chosen, truth
from arena_vision.trunk import Image, Trunk, evaluating, images

__all__ = ["Supervised", "code_space"]


class Supervised(Encoder):
    """A recognition network and a last layer: label = head(trunk(frame)), code = trunk(frame).

    A code is always computed as in evaluation, without dropout and by what batch norm has learned, so that using it
    changes nothing. A loss also lets the trunk learn by its rule, if it has one.

    Attributes:
        latent: the space of codes.
        label: what it learns to tell.
        trunk: the network without its last layer.
        heads: the last layer, and those of auxiliary heads.
    """

    @dataclass(frozen=True)
    class Config:
        """The hyperparameter of all of them."""

        label: str = ""
        """What it learns to tell: a label's name; by default the only one that is a class (Discrete)."""

    called: ClassVar[str]

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        image = images(space, self.called)
        self.label = chosen(self.labels, config.label, self.called)
        self.needs = (self.label,)
        self.numbers = Numbers(space)
        self.trunk = self._trunk(image)
        self.heads = nn.ModuleList(self._head() for _ in self.trunk.weights)
        self.latent = code_space(self.trunk.width)

    @classmethod
    def asks(cls, config: Any) -> tuple[str, ...]:
        return (config.label,) if config.label else ()

    @abstractmethod
    def _trunk(self, image: Image) -> Trunk:
        """The network for frames of a shape."""

    def _head(self) -> Head:
        space, trunk = self.labels[self.label], self.trunk
        return head(space, self.label, trunk.width, standardise=trunk.self_taught)

    def loss(self, batch: Batch) -> Tensor:
        x, target = self.numbers(batch.observation), truth(batch, self.label, self.called)
        if self.training:
            self.trunk.learn(x)
        views = zip(self.trunk.weights, self.heads, self.trunk.views(x), strict=True)
        losses = [(weight, *head.loss(view, target)) for weight, head, view in views]  # type: ignore[operator]
        self.metrics = dict(losses[0][2])
        return torch.stack([weight * loss for weight, loss, _ in losses]).sum()

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """The trunk's features, shape (batch, width)."""
        with evaluating(self):
            return PointMass(self.trunk(self.numbers(x)))

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """The label, of its space's type and shape."""
        main = self.heads[0]
        assert isinstance(main, Head)
        with evaluating(self):
            return {self.label: main.perceive(self.trunk(self.numbers(x)))}


def code_space(width: int) -> gym.spaces.Box:
    """Codes of any numbers."""
    return gym.spaces.Box(-np.inf, np.inf, (width,), np.float32)
