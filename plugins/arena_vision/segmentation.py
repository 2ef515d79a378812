"""Encoders that tell what is where: the class of every pixel or cell, which is their code too."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena.config.options import Between
from arena.encoders.base import Batch, Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers
from arena.errors import ArenaError
from arena_vision.fcn import FCN
from arena_vision.labels import present, truth
from arena_vision.trunk import evaluating, images
from arena_vision.unet import UNet

__all__ = ["FCNEncoder", "Segmenter", "UNetEncoder", "intersection_over_union"]


class Segmenter(Encoder):
    """Learns the class of every place by cross-entropy; its code is the map of classes as it believes it to be.

    Rare classes count for more, so that what is small is not given up (Ronneberger et al. 2015, section 3). The label
    may be coarser than the frame, such as a class a cell of several pixels: logits are averaged over each of its
    places. The code has the probability of each class in each place, flattened; of maps with more than `grid` ×
    `grid` places, the mean probabilities in so many fields.

    Attributes:
        latent: the space of codes: classes · rows · columns numbers in [0, 1].
        network: frames to logits.
    """

    @dataclass(frozen=True)
    class Config:
        """The network, and the code."""

        label: str = "semantic"
        """What it learns to tell: the name of a label that is a map of classes."""

        channels: Annotated[int, Between(1, None)] = 16
        """Channels of the first level; each further one has twice as many."""

        depth: Annotated[int, Between(1, None)] = 2
        """How many times it halves the sides."""

        balance: Annotated[float, Between(0, 1)] = 0.5
        """How much rare classes count for more: a place counts as its class's frequency to the power of −balance."""

        grid: Annotated[int, Between(1, None)] = 16
        """At most how many rows and columns the code has."""

    called: ClassVar[str]

    @classmethod
    def asks(cls, config: Any) -> tuple[str, ...]:
        return (config.label,)

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        inputs, *sides = images(space, self.called)
        if 2**config.depth > 2 * min(sides):
            deepest = int(np.log2(2 * min(sides)))
            raise ArenaError(
                f"{self.called} of depth {config.depth} halves sides of {min(sides)} pixels to less than one",
                f"give frames of {2 ** (config.depth - 1)} pixels, or --encoder.depth {deepest} at most",
            )
        self.needs = (config.label,)
        self.map_space = _map_space(
            present(self.labels, config.label, self.called), config.label, self.called
        )
        self.classes = int(self.map_space.high.max()) + 1
        self.numbers = Numbers(space)
        self.network = self._network(inputs)
        height, width = self.map_space.shape
        rows, columns = min(config.grid, height), min(config.grid, width)
        self.cells, self.places = (rows, columns), (height, width)
        self.latent = gym.spaces.Box(0, 1, (self.classes * rows * columns,), np.float32)

    @abstractmethod
    def _network(self, inputs: int) -> nn.Module:
        """Frames of so many channels to a logit for each class and pixel."""

    def logits(self, x: Tensor) -> Tensor:
        """Observations to logits in the label's places, shape (batch, classes, *label space's shape)."""
        return functional.adaptive_avg_pool2d(self.network(self.numbers(x)), self.places)

    def loss(self, batch: Batch) -> Tensor:
        target = truth(batch, self.config.label, self.called).long()
        logits = self.logits(batch.observation)
        found = logits.detach().argmax(dim=1)
        self.metrics = {
            "accuracy": (found == target).float().mean(),
            "iou": intersection_over_union(found, target, self.classes),
        }
        frequency = torch.bincount(target.flatten(), minlength=self.classes).float()
        weight = frequency.clamp(min=1).pow(-self.config.balance)
        return functional.cross_entropy(logits, target, weight)

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """The probabilities of classes in places, shape (batch, classes · rows · columns)."""
        with evaluating(self):
            probabilities = self.logits(x).softmax(dim=1)
            return PointMass(functional.adaptive_avg_pool2d(probabilities, self.cells).flatten(1))

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """The most probable class of every place: the label's type and shape."""
        with evaluating(self):
            kind: torch.dtype = getattr(torch, str(self.map_space.dtype))
            return {self.config.label: self.logits(x).argmax(dim=1).to(kind)}


class FCNEncoder(Segmenter):
    """`FCN`."""

    called = "fcn"

    def _network(self, inputs: int) -> nn.Module:
        return FCN(inputs, self.classes, self.config.channels, self.config.depth)


class UNetEncoder(Segmenter):
    """`UNet`, in its padded form."""

    @dataclass(frozen=True)
    class Config(Segmenter.Config):
        """The way up."""

        upsampling: Literal["transposed", "nearest", "nails", "max"] = "transposed"
        """By what the way up doubles sides: a transposed convolution, or one of the three unpoolings."""

    called = "unet"

    def _network(self, inputs: int) -> nn.Module:
        config: UNetEncoder.Config = self.config
        way = None if config.upsampling == "transposed" else config.upsampling
        return UNet(inputs, self.classes, config.channels, config.depth, padding=True, upsampling=way)


def intersection_over_union(found: Tensor, target: Tensor, classes: int) -> Tensor:
    """|found ∩ target| / |found ∪ target| of each class, averaged over the classes that occur in either.

    Args:
        found: maps of classes, of any shape.
        target: the true ones.
        classes: how many there are.
    """
    pairs = torch.bincount(target.flatten().long() * classes + found.flatten().long(), minlength=classes**2)
    table = pairs.view(classes, classes).float()
    both = table.diagonal()
    either = table.sum(dim=0) + table.sum(dim=1) - both
    return (both / either)[either > 0].mean()


def _map_space(space: gym.Space[Any], name: str, who: str) -> gym.spaces.Box:
    whole = space.dtype is not None and np.issubdtype(space.dtype, np.integer)
    if isinstance(space, gym.spaces.Box) and whole and len(space.shape) == 2 and (space.low >= 0).all():
        return space
    raise ArenaError(
        f"{who} learns a map of classes, and the label {name!r} is {space}",
        "name one with --encoder.label that has a whole number from 0 for every place, such as 'semantic'",
    )
