"""Base class of recognition networks, and the handling of small frames."""

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

#: Smallest side of frames for which a network has its paper's first layers.
LARGE = 128


class Trunk(nn.Module, ABC):
    """Recognition network without its last layer: images (batch, channels, height, width) to features.

    Attributes:
        width: number of features.
        weights: weights of the losses on each of `views`; the first are the main features.
        self_taught: true if `learn` trains it, without gradients. The last layer then standardizes the features first,
            because training does not scale them.
    """

    width: int
    self_taught: ClassVar[bool] = False
    weights: ClassVar[tuple[float, ...]] = (1.0,)

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Features, shape (batch, width)."""

    def views(self, x: Tensor) -> list[Tensor]:
        """Features for the loss, each of shape (batch, width): the main features, and those of auxiliary heads."""
        return [self(x)]

    def learn(self, x: Tensor) -> None:
        """Update by a learning rule without gradients; by default none."""


class Enlarge(nn.Module):
    """Enlargement of small frames by an integer factor, by repeating pixels.

    Args:
        image: shape of the frames.
        least: smallest side that is large enough.

    Attributes:
        image: shape of enlarged frames.
    """

    def __init__(self, image: Image, least: int) -> None:
        super().__init__()
        channels, height, width = image
        self.times = -(-least // min(height, width))
        self.image: Image = (channels, height * self.times, width * self.times)

    def forward(self, x: Tensor) -> Tensor:
        return x if self.times == 1 else nearest(x, self.times)


def small_stride(image: Image) -> int | None:
    """Stride of the 3 × 3 convolution that replaces a paper's first layers for small frames; None: not replaced.

    The paper's layers reduce 224 pixels to 56. Frames under 64 pixels are not reduced at first (stride 1), those under
    128 by two.
    """
    side = min(image[1:])
    if side >= LARGE:
        return None
    return 2 if 2 * side >= LARGE else 1


def wide(channels: int, width_multiplier: float) -> int:
    """Number of channels scaled by a factor, rounded, at least one."""
    return max(1, round(channels * width_multiplier))


def images(space: gym.Space[Any], who: str) -> Image:
    """Shape of the images in a space.

    Raises:
        ArenaError: the space holds no images.
    """
    image = image_shape(space)
    if image is None:
        raise ArenaError(
            f"{who} needs images, bytes of shape (height, width, channels), and observations are {space}",
            "choose image observations, as with --env.observation pixels",
        )
    return image


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Context in which a module is in evaluation mode: no dropout, and batch norm with its running statistics."""
    training = module.training
    if training:
        module.eval()
    try:
        yield
    finally:
        if training:
            module.train()
