"""Semantic segmentation encoders: predict the class of every pixel or cell, which is also their code."""

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
from arena_vision.labels import label_space, target_of
from arena_vision.trunk import evaluating, images
from arena_vision.unet import UNet

__all__ = ["FCNEncoder", "Segmenter", "UNetEncoder", "intersection_over_union"]


class Segmenter(Encoder):
    """Base class of segmentation encoders, trained by cross-entropy; the code is the map of class probabilities.

    Rare classes have larger weights, so that small objects are learned (Ronneberger et al. 2015, section 3). The label
    may be coarser than the frame, with one class per cell of several pixels: logits are averaged over each cell. The
    code has the probability of each class in each cell, flattened; maps larger than `grid_size` × `grid_size` are
    averaged to that size.

    Attributes:
        latent: space of codes: classes · rows · columns numbers in [0, 1].
        network: network from frames to logits.
    """

    @dataclass(frozen=True)
    class Config:
        """Options of the network, the loss and the code."""

        label: str = "semantic"
        """Name of the label to predict, a map of classes."""

        channels: Annotated[int, Between(1, None)] = 16
        """Channels of the first level; each further level has twice as many."""

        depth: Annotated[int, Between(1, None)] = 2
        """Number of levels that halve the sides; a larger depth has a larger receptive field."""

        class_balance: Annotated[float, Between(0, 1)] = 0.5
        """Exponent in [0, 1] of the class weights frequency^(−class_balance); 0: equal weights, larger values weight
        rare classes more."""

        grid_size: Annotated[int, Between(1, None)] = 16
        """Largest number of rows and of columns of the code; larger maps are averaged."""

    called: ClassVar[str]

    @classmethod
    def requested_labels(cls, config: Any) -> tuple[str, ...]:
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
                f"use frames of {2 ** (config.depth - 1)} pixels or more, or --encoder.depth {deepest} at most",
            )
        self.required_labels = (config.label,)
        self.map_space = _map_space(
            label_space(self.labels, config.label, self.called), config.label, self.called
        )
        self.classes = int(self.map_space.high.max()) + 1
        self.numbers = Numbers(space)
        self.network = self._network(inputs)
        height, width = self.map_space.shape
        rows, columns = min(config.grid_size, height), min(config.grid_size, width)
        self.cells, self.places = (rows, columns), (height, width)
        self.latent = gym.spaces.Box(0, 1, (self.classes * rows * columns,), np.float32)

    @abstractmethod
    def _network(self, inputs: int) -> nn.Module:
        """Create the network from frames with `inputs` channels to a logit for each class and pixel."""

    def logits(self, x: Tensor) -> Tensor:
        """Logits of observations in the label's cells: shape (batch, classes, *label space's shape)."""
        return functional.adaptive_avg_pool2d(self.network(self.numbers(x)), self.places)

    def loss(self, batch: Batch) -> Tensor:
        target = target_of(batch, self.config.label, self.called).long()
        logits = self.logits(batch.observation)
        found = logits.detach().argmax(dim=1)
        self.metrics = {
            "accuracy": (found == target).float().mean(),
            "iou": intersection_over_union(found, target, self.classes),
        }
        frequency = torch.bincount(target.flatten(), minlength=self.classes).float()
        weight = frequency.clamp(min=1).pow(-self.config.class_balance)
        return functional.cross_entropy(logits, target, weight)

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """Class probabilities of all cells, shape (batch, classes · rows · columns)."""
        with evaluating(self):
            probabilities = self.logits(x).softmax(dim=1)
            return PointMass(functional.adaptive_avg_pool2d(probabilities, self.cells).flatten(1))

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """Most likely class of every cell, of the label's type and shape."""
        with evaluating(self):
            kind: torch.dtype = getattr(torch, str(self.map_space.dtype))
            return {self.config.label: self.logits(x).argmax(dim=1).to(kind)}


class FCNEncoder(Segmenter):
    """Segmentation encoder with a fully convolutional network."""

    called = "fcn"

    def _network(self, inputs: int) -> nn.Module:
        return FCN(inputs, self.classes, self.config.channels, self.config.depth)


class UNetEncoder(Segmenter):
    """Segmentation encoder with a padded U-Net."""

    @dataclass(frozen=True)
    class Config(Segmenter.Config):
        """Options of U-Net's expanding path."""

        upsampling: Literal["transposed", "nearest", "nails", "max"] = "transposed"
        """Upsampling in the expanding path: transposed convolution, nearest neighbor, bed of nails, or max
        unpooling."""

    called = "unet"

    def _network(self, inputs: int) -> nn.Module:
        config: UNetEncoder.Config = self.config
        way = None if config.upsampling == "transposed" else config.upsampling
        return UNet(inputs, self.classes, config.channels, config.depth, padding=True, upsampling=way)


def intersection_over_union(found: Tensor, target: Tensor, classes: int) -> Tensor:
    """Intersection over union |found ∩ target| / |found ∪ target|, averaged over the classes that occur in either.

    Args:
        found: predicted maps of classes, of any shape.
        target: true maps of classes.
        classes: number of classes.
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
        f"{who} learns to predict a map of classes, and the label {name!r} is {space}",
        "choose a two-dimensional label of classes with --encoder.label, such as 'semantic'",
    )
