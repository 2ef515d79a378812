"""The recognition networks by name, for encoders that take any of them."""

from __future__ import annotations

from typing import Annotated, Literal

from arena.config.options import Between
from arena_vision.trunk import Image, Trunk

__all__ = ["RandomShape", "Shape", "Share", "trunk"]

Shape = Literal["lenet", "alexnet", "googlenet", "resnet18", "resnet50", "hmax", "neocognitron"]

#: Those that see something before they have learned anything.
RandomShape = Literal["lenet", "alexnet", "googlenet", "resnet18", "resnet50", "hmax"]

#: How many of a paper's channels a network has.
Share = Annotated[float, Between(0, 4, open_low=True)]


def trunk(shape: Shape, image: Image, share: float) -> Trunk:
    """The network of a name for frames of a shape, with weights drawn from torch's global generator.

    Args:
        shape: its name.
        image: the frames' shape.
        share: of the paper's channels, in the networks that are wide.
    """
    from arena_vision.alexnet import AlexNet
    from arena_vision.googlenet import GoogLeNet
    from arena_vision.hmax import HMAX
    from arena_vision.lenet import LeNet5
    from arena_vision.neocognitron import Neocognitron
    from arena_vision.resnet import ResNet

    match shape:
        case "lenet":
            return LeNet5(image)
        case "alexnet":
            return AlexNet(image, share)
        case "googlenet":
            return GoogLeNet(image, share)
        case "resnet18":
            return ResNet(image, 18, share)
        case "resnet50":
            return ResNet(image, 50, share)
        case "hmax":
            return HMAX(image)
        case "neocognitron":
            return Neocognitron(image)
