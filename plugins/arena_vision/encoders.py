"""Encoders of whole frames: recognition networks, a regressor, and a baseline with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import gymnasium as gym
import torch
from torch import Tensor

from arena.config.options import Between
from arena.encoders.base import Batch, Encoder, OptimizationGroup
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers
from arena_vision.architectures import Architecture, UntrainedArchitecture, WidthMultiplier, trunk
from arena_vision.heads import Classes, Head, classes_in
from arena_vision.hmax import BANDS, HMAX
from arena_vision.lenet import LeNet5, RadialBasis
from arena_vision.neocognitron import Neocognitron
from arena_vision.resnet import ResNet
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
    """Neocognitron encoder: unsupervised features, and a linear readout that predicts the label."""

    @dataclass(frozen=True)
    class Config(Supervised.Config):
        """Options of the Neocognitron's stages."""

        planes: tuple[Count, ...] = (24, 48, 96)
        """Number of cell planes of each stage; each stage halves the height and the width."""

        thresholds: tuple[Annotated[float, Between(0, 0.99)], ...] = (0.8, 0.6)
        """Threshold θ of each stage's S-cells, in [0, 0.99]: cosine similarity to the learned pattern above which a
        cell responds; the last one is used for further stages."""

    called = "neocognitron"

    def _trunk(self, image: Image) -> Trunk:
        config: NeocognitronEncoder.Config = self.config
        return Neocognitron(image, config.planes, config.thresholds)


class HMAXEncoder(Supervised):
    """HMAX encoder: similarity to prototypical patches, and a linear readout that predicts the label."""

    @dataclass(frozen=True)
    class Config(Supervised.Config):
        """Options of HMAX's prototypes."""

        prototypes: Count = 128
        """Number of prototypes: patches of frames that are stored; also the size of the code."""

        patch_size: Count = 4
        """Side of a prototype, in cells of the layer C1."""

        bands: Annotated[int, Between(1, BANDS)] = 4
        """Largest number of scale bands; bands that do not fit into small frames are omitted."""

    called = "hmax"

    def _trunk(self, image: Image) -> Trunk:
        config: HMAXEncoder.Config = self.config
        return HMAX(image, config.prototypes, config.patch_size, config.bands)


class LeNetEncoder(Supervised):
    """LeNet-5 encoder; classes are predicted by a radial basis layer, as in the paper."""

    called = "lenet"

    def _trunk(self, image: Image) -> Trunk:
        return LeNet5(image)

    def _head(self) -> Head:
        space = self.labels[self.label]
        classes = classes_in(space)
        return super()._head() if classes is None else Classes(space, RadialBasis(self.trunk.width, classes))


class _WidthScaled(Supervised):
    """Base class of encoders whose network has an adjustable width."""

    @dataclass(frozen=True)
    class Config(Supervised.Config):
        """Options of a network with an adjustable width."""

        width_multiplier: WidthMultiplier = 0.25
        """Ratio of the network's channels to those of the paper, in (0, 4]; 1 is the paper's network."""


class AlexNetEncoder(_WidthScaled):
    """AlexNet encoder."""

    called = "alexnet"

    def _trunk(self, image: Image) -> Trunk:
        return trunk("alexnet", image, self.config.width_multiplier)


class GoogLeNetEncoder(_WidthScaled):
    """GoogLeNet encoder; both auxiliary heads are trained with it."""

    called = "googlenet"

    def _trunk(self, image: Image) -> Trunk:
        return trunk("googlenet", image, self.config.width_multiplier)


class ResNet18Encoder(_WidthScaled):
    """ResNet-18 encoder; residual blocks are initialized as the identity."""

    called = "resnet18"

    def _trunk(self, image: Image) -> Trunk:
        return ResNet(image, 18, self.config.width_multiplier, identity=True)


class ResNet50Encoder(_WidthScaled):
    """ResNet-50 encoder; residual blocks are initialized as the identity."""

    called = "resnet50"

    def _trunk(self, image: Image) -> Trunk:
        return ResNet(image, 50, self.config.width_multiplier, identity=True)


class Regressor(Supervised):
    """Encoder of any architecture with a linear layer that predicts the state."""

    @dataclass(frozen=True)
    class Config:
        """Options of the network and the label."""

        label: str = "state"
        """Name of the label to predict."""

        architecture: Architecture = "lenet"
        """Architecture of the network."""

        width_multiplier: WidthMultiplier = 0.25
        """Ratio of the network's channels to those of the paper, in (0, 4]; lenet, hmax and neocognitron ignore it."""

    called = "regressor"

    def _trunk(self, image: Image) -> Trunk:
        return trunk(self.config.architecture, image, self.config.width_multiplier)


class RandomCNN(Encoder):
    """Random network: a baseline with untrained weights.

    The Neocognitron is excluded, since its output is zero before training.

    Attributes:
        latent: space of codes.
        trunk: the network; an agent does not train it either.
    """

    @dataclass(frozen=True)
    class Config:
        """Options of the network."""

        architecture: UntrainedArchitecture = "lenet"
        """Architecture of the network."""

        width_multiplier: WidthMultiplier = 0.25
        """Ratio of the network's channels to those of the paper, in (0, 4]; lenet, hmax and neocognitron ignore it."""

    called: ClassVar[str] = "random-cnn"

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        image = images(space, self.called)
        self.numbers = Numbers(space)
        self.trunk = trunk(config.architecture, image, config.width_multiplier).requires_grad_(False)
        self.latent = code_space(self.trunk.width)
        self.train(False)

    def train(self, mode: bool = True) -> RandomCNN:
        """Evaluation mode, whatever `mode` is."""
        return super().train(False)

    def loss(self, batch: Batch) -> Tensor:
        """Zero, since nothing is learned."""
        return torch.zeros((), device=batch.observation.device)

    def optimization_groups(self) -> Mapping[str, OptimizationGroup]:
        """Optimization groups: none, since nothing is learned."""
        return {}

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """Features of the network, shape (batch, width)."""
        return PointMass(self.trunk(self.numbers(x)))
