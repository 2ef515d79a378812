"""The registered encoders of the whole frame: each paper's network, a regressor, and the control without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import gymnasium as gym
import torch
from torch import Tensor

from arena.config.options import Between
from arena.encoders.base import Batch, Encoder, Player
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers
from arena_vision.heads import Classes, Head, classes_in
from arena_vision.hmax import BANDS, HMAX
from arena_vision.lenet import LeNet5, RadialBasis
from arena_vision.neocognitron import Neocognitron
from arena_vision.resnet import ResNet
from arena_vision.shapes import RandomShape, Shape, Share, trunk
from arena_vision.supervised import Supervised, code_space
from arena_vision.trunk import Image, Trunk, images

__all__ = [
    "AlexNetEncoder",
    "GoogLeNetEncoder",
    "HMAXEncoder",
    "LeNetEncoder",
    "NeocognitronEncoder",
    "RandomCNN",
    "Regressor",
    "ResNet18Encoder",
    "ResNet50Encoder",
]

Count = Annotated[int, Between(1, None)]


class NeocognitronEncoder(Supervised):
    """A `Neocognitron`, which organises itself, and a linear readout, which alone learns the label."""

    @dataclass(frozen=True)
    class Config(Supervised.Config):
        """The stages."""

        planes: tuple[Count, ...] = (24, 48, 96)
        """Planes of each stage; a stage halves the sides."""

        thresholds: tuple[Annotated[float, Between(0, 0.99)], ...] = (0.8, 0.6)
        """How similar to what it has learned (a cosine) an S-cell of each stage wants things before it answers."""

    called = "neocognitron"

    def _trunk(self, image: Image) -> Trunk:
        config: NeocognitronEncoder.Config = self.config
        return Neocognitron(image, config.planes, config.thresholds)


class HMAXEncoder(Supervised):
    """`HMAX`, whose prototypes are patches of frames, and a linear readout, which alone learns the label."""

    @dataclass(frozen=True)
    class Config(Supervised.Config):
        """The prototypes."""

        prototypes: Count = 128
        """How many patches it remembers; the code has a number for each."""

        patch: Count = 4
        """Their side, in cells of C1."""

        bands: Annotated[int, Between(1, BANDS)] = 4
        """At most how many bands of scales it sees; those that small frames have no room for are left out."""

    called = "hmax"

    def _trunk(self, image: Image) -> Trunk:
        config: HMAXEncoder.Config = self.config
        return HMAX(image, config.prototypes, config.patch, config.bands)


class LeNetEncoder(Supervised):
    """`LeNet5`; it tells classes by their codes, as the paper does."""

    called = "lenet"

    def _trunk(self, image: Image) -> Trunk:
        return LeNet5(image)

    def _head(self) -> Head:
        space = self.labels[self.label]
        classes = classes_in(space)
        return super()._head() if classes is None else Classes(space, RadialBasis(self.trunk.width, classes))


class _Wide(Supervised):
    """A network with so many channels that small frames are served by a share of them."""

    @dataclass(frozen=True)
    class Config(Supervised.Config):
        """The size."""

        share: Share = 0.25
        """How many of the paper's channels it has; 1 is the paper's network."""


class AlexNetEncoder(_Wide):
    """`arena_vision.alexnet.AlexNet`."""

    called = "alexnet"

    def _trunk(self, image: Image) -> Trunk:
        return trunk("alexnet", image, self.config.share)


class GoogLeNetEncoder(_Wide):
    """`arena_vision.googlenet.GoogLeNet`; both auxiliary heads learn with it."""

    called = "googlenet"

    def _trunk(self, image: Image) -> Trunk:
        return trunk("googlenet", image, self.config.share)


class ResNet18Encoder(_Wide):
    """`ResNet` of 18 layers; blocks begin as the identity."""

    called = "resnet18"

    def _trunk(self, image: Image) -> Trunk:
        return ResNet(image, 18, self.config.share, identity=True)


class ResNet50Encoder(_Wide):
    """`ResNet` of 50 layers; blocks begin as the identity."""

    called = "resnet50"

    def _trunk(self, image: Image) -> Trunk:
        return ResNet(image, 50, self.config.share, identity=True)


class Regressor(Supervised):
    """Any of the networks, with a linear layer that tells the state."""

    @dataclass(frozen=True)
    class Config:
        """The network, and what it learns."""

        label: str = "state"
        """What it learns to tell: a label's name."""

        shape: Shape = "lenet"
        """The network."""

        share: Share = 0.25
        """How many of the paper's channels a wide network has."""

    called = "regressor"

    def _trunk(self, image: Image) -> Trunk:
        return trunk(self.config.shape, image, self.config.share)


class RandomCNN(Encoder):
    """A network with the weights it was drawn with: what a code is worth that nobody learned.

    The Neocognitron is not among them: its cells are silent before they learn.

    Attributes:
        latent: the space of codes.
        trunk: the network; an agent that it is part of does not train it either.
    """

    @dataclass(frozen=True)
    class Config:
        """The network."""

        shape: RandomShape = "lenet"
        """The network."""

        share: Share = 0.25
        """How many of the paper's channels a wide network has."""

    called: ClassVar[str] = "random-cnn"

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        image = images(space, self.called)
        self.numbers = Numbers(space)
        self.trunk = trunk(config.shape, image, config.share).requires_grad_(False)
        self.latent = code_space(self.trunk.width)
        self.train(False)

    def train(self, mode: bool = True) -> RandomCNN:
        """It computes as in evaluation at all times."""
        return super().train(False)

    def loss(self, batch: Batch) -> Tensor:
        """Zero: there is nothing to learn."""
        return torch.zeros((), device=batch.observation.device)

    def players(self) -> Mapping[str, Player]:
        """Nobody."""
        return {}

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """The network's features, shape (batch, width)."""
        return PointMass(self.trunk(self.numbers(x)))
