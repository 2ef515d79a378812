"""What all recognition networks share: images in, features out; a width; what to do about small frames."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import gymnasium as gym
from torch import Tensor, nn

from arena.encoders.preprocessing import image_shape
from arena.errors import ArenaError
from arena_vision.unpooling import nearest

__all__ = ["Enlarge", "Image", "Trunk", "evaluating", "images", "small_stride", "wide"]

#: Channels, height and width of an image.
Image = tuple[int, int, int]

#: From this side on a network begins as its paper has it.
LARGE = 128


class Trunk(nn.Module, ABC):
    """A recognition network without its last layer: images of shape (batch, channels, height, width) to features.

    Attributes:
        width: how many features.
        weights: how much each of `views` counts in a loss; the first is what the network is for.
        self_taught: whether no gradient trains it, but `learn` does. The last layer then standardises features first,
            since nothing else makes them suit it.
    """

    width: int
    self_taught: ClassVar[bool] = False
    weights: ClassVar[tuple[float, ...]] = (1.0,)

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Features, shape (batch, width)."""

    def views(self, x: Tensor) -> list[Tensor]:
        """All features that a loss reads, of shape (batch, width): those of auxiliary heads too."""
        return [self(x)]

    def learn(self, x: Tensor) -> None:
        """What it learns of images by a rule of its own, without gradients: by default nothing."""


class Enlarge(nn.Module):
    """Repeats pixels a whole number of times, so that small frames are large enough: no information is lost.

    Args:
        image: the frames' shape.
        least: the shortest side that will do.

    Attributes:
        image: the shape of enlarged frames.
    """

    def __init__(self, image: Image, least: int) -> None:
        super().__init__()
        channels, height, width = image
        self.times = -(-least // min(height, width))
        self.image: Image = (channels, height * self.times, width * self.times)

    def forward(self, x: Tensor) -> Tensor:
        return x if self.times == 1 else nearest(x, self.times)


def small_stride(image: Image) -> int | None:
    """The stride of the 3 × 3 convolution that small frames get in the place of a paper's first layers.

    Those reduce 224 pixels to 56 before anything is recognised. Frames under 64 pixels are not reduced at first, those
    under 128 by two; None says that the paper's own layers fit.
    """
    side = min(image[1:])
    if side >= LARGE:
        return None
    return 2 if 2 * side >= LARGE else 1


def wide(channels: int, share: float) -> int:
    """A share of a paper's number of channels, at least one."""
    return max(1, round(channels * share))


def images(space: gym.Space[Any], who: str) -> Image:
    """The shape of a space's frames.

    Raises:
        ArenaError: observations are no images.
    """
    image = image_shape(space)
    if image is None:
        raise ArenaError(
            f"{who} sees images, bytes of shape (height, width, channels), and observations are {space}",
            "choose such observations, as with --env.observation pixels",
        )
    return image


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Within it a module computes as in evaluation: no dropout, batch norm by what it has learned, nothing updated."""
    training = module.training
    if training:
        module.eval()
    try:
        yield
    finally:
        if training:
            module.train()
