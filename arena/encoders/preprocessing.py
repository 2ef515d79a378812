"""Preprocessing of observations for networks: scaled numbers, images with channels first; and the inverse."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from arena.errors import ArenaError

__all__ = ["Numbers", "image_shape", "nearest_observation", "observations"]


def image_shape(space: gym.Space[Any]) -> tuple[int, int, int] | None:
    """Channels, height and width of the images in a space; None if it holds no images.

    An image is an array of bytes of shape (height, width, channels), or (channels, height, width) as in frame stacks.
    Channels come last if there are no more of them than rows and columns.
    """
    shape = space.shape or ()
    if space.dtype != np.uint8 or len(shape) != 3:
        return None
    return (shape[2], *shape[:2]) if _channels_last(shape) else (shape[0], *shape[1:])


class Numbers(nn.Module):
    """Observations as float32, with bytes divided by the space's greatest value, and channels of images first.

    Args:
        space: space of one observation.

    Attributes:
        scale: factor of the scaling.
        shape: shape of the numbers of one observation.

    Raises:
        ArenaError: observations are not arrays.
    """

    def __init__(self, space: gym.Space[Any]) -> None:
        super().__init__()
        if not isinstance(space, gym.spaces.Box):
            problem = f"a network cannot read observations of {space}"
            raise ArenaError(problem, "use array observations (a Box)")
        self.scale = 1.0 / max(1, int(space.high.max())) if space.dtype == np.uint8 else 1.0
        image = image_shape(space)
        self.shape: tuple[int, ...] = image or space.shape
        self._channels_last = image is not None and _channels_last(space.shape)

    def forward(self, observation: Tensor) -> Tensor:
        """Numbers (batch, *shape) of observations (batch, *space.shape) of any type."""
        numbers = observation.float()
        numbers = numbers if self.scale == 1.0 else numbers * self.scale
        return numbers.permute(0, 3, 1, 2) if self._channels_last else numbers


def observations(numbers: Tensor, space: gym.spaces.Box) -> Tensor:
    """Inverse of `Numbers`: the nearest observations in the space.

    Args:
        numbers: scaled numbers, shape (…, *Numbers(space).shape).
        space: space of one observation.

    Returns:
        Observations of the space's type, shape (…, *space.shape).
    """
    layout = Numbers(space)
    if layout._channels_last:
        numbers = numbers.movedim(-3, -1)
    values = numbers / layout.scale
    return nearest_observation(values, space)


def nearest_observation(values: Tensor, space: gym.spaces.Box) -> Tensor:
    """Nearest observations of a space, and of its type: values are rounded for whole numbers, and clipped."""
    low, high = (torch.as_tensor(side, device=values.device) for side in (space.low, space.high))
    dtype: torch.dtype = getattr(torch, str(space.dtype))
    if not dtype.is_floating_point and values.is_floating_point():
        values = values.round()
    return values.clamp(low.to(values.dtype), high.to(values.dtype)).to(dtype)


def _channels_last(shape: tuple[int, ...]) -> bool:
    return shape[2] <= min(shape[:2])
