"""Recognition networks by name."""

from __future__ import annotations

from typing import Annotated, Literal

from arena.config.options import Between
from arena_vision.trunk import Image, Trunk

__all__ = ["Architecture", "UntrainedArchitecture", "WidthMultiplier", "trunk"]

Architecture = Literal["lenet", "alexnet", "googlenet", "resnet18", "resnet50", "hmax", "neocognitron"]

#: Networks whose output is not zero before training.
UntrainedArchitecture = Literal["lenet", "alexnet", "googlenet", "resnet18", "resnet50", "hmax"]

#: Ratio of a network's channels to those of its paper.
WidthMultiplier = Annotated[float, Between(0, 4, open_low=True)]


def trunk(architecture: Architecture, image: Image, width_multiplier: float) -> Trunk:
    """Create a recognition network, with initial weights from torch's global generator.

    Args:
        architecture: name of the network.
        image: shape of the frames.
        width_multiplier: ratio of channels to those of the paper; LeNet, HMAX and Neocognitron ignore it.
    """
    from arena_vision.alexnet import AlexNet
    from arena_vision.googlenet import GoogLeNet
    from arena_vision.hmax import HMAX
    from arena_vision.lenet import LeNet5
    from arena_vision.neocognitron import Neocognitron
    from arena_vision.resnet import ResNet

    match architecture:
        case "lenet":
            return LeNet5(image)
        case "alexnet":
            return AlexNet(image, width_multiplier)
        case "googlenet":
            return GoogLeNet(image, width_multiplier)
        case "resnet18":
            return ResNet(image, 18, width_multiplier)
        case "resnet50":
            return ResNet(image, 50, width_multiplier)
        case "hmax":
            return HMAX(image)
        case "neocognitron":
            return Neocognitron(image)
