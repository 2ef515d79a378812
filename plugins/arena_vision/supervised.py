"""Supervised encoders: predict a label of the whole frame; the code is the last hidden layer."""

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
from arena_vision.heads import Head, Metrics, head
from arena_vision.labels import select_label, target_of
from arena_vision.trunk import Image, Trunk, evaluating, images

__all__ = ["Supervised", "code_space"]


class Supervised(Encoder):
    """Base class of supervised encoders: label = head(trunk(frame)), code = trunk(frame).

    A code is always computed in evaluation mode, without dropout and with the running statistics of batch norm, so that
    encoding changes nothing. In training, `loss` also calls the trunk's own learning rule, if it has one.

    Attributes:
        latent: space of codes.
        label: name of the label to predict.
        trunk: network without its last layer.
        heads: output head, followed by auxiliary heads.
    """

    @dataclass(frozen=True)
    class Config:
        """Options of every supervised encoder."""

        label: str = ""
        """Name of the label to predict; empty: the only label that is a class (Discrete)."""

    called: ClassVar[str]

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        image = images(space, self.called)
        self.label = select_label(self.labels, config.label, self.called)
        self.required_labels = (self.label,)
        self.numbers = Numbers(space)
        self.trunk = self._trunk(image)
        self.heads = nn.ModuleList(self._head() for _ in self.trunk.weights)
        self.latent = code_space(self.trunk.width)

    @classmethod
    def requested_labels(cls, config: Any) -> tuple[str, ...]:
        return (config.label,) if config.label else ()

    @abstractmethod
    def _trunk(self, image: Image) -> Trunk:
        """Create the network for frames of a shape."""

    def _head(self) -> Head:
        space, trunk = self.labels[self.label], self.trunk
        return head(space, self.label, trunk.width, standardize=trunk.self_taught)

    def loss(self, batch: Batch) -> Tensor:
        x, target = self.numbers(batch.observation), target_of(batch, self.label, self.called)
        if self.training:
            self.trunk.learn(x)
        views = zip(self.trunk.weights, self.heads, self.trunk.views(x), strict=True)
        losses: list[Tensor] = []
        metrics: list[Metrics] = []
        for weight, part, view in views:
            assert isinstance(part, Head)
            loss, found = part.loss(view, target)
            losses.append(weight * loss)
            metrics.append(found)
        self.metrics = dict(metrics[0])
        return torch.stack(losses).sum()

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """Features of the trunk, shape (batch, width)."""
        with evaluating(self):
            return PointMass(self.trunk(self.numbers(x)))

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """Predicted label, of its space's type and shape."""
        main = self.heads[0]
        assert isinstance(main, Head)
        with evaluating(self):
            return {self.label: main.perceive(self.trunk(self.numbers(x)))}


def code_space(width: int) -> gym.spaces.Box:
    """Space of codes of a width, without bounds."""
    return gym.spaces.Box(-np.inf, np.inf, (width,), np.float32)
