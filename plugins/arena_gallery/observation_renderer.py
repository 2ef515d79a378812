"""Drawing of observations as cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from arena.encoders.preprocessing import Numbers, image_shape
from arena.errors import ArenaError
from arena.palette import classes
from arena_gallery.cells import Bars, Caption, Cell, Picture

__all__ = ["ObservationRenderer", "class_colours", "is_class", "is_class_map", "is_picture"]

#: The largest number of numbers of an observation that is drawn as a curve.
MOST_NUMBERS = 4096

#: Vectors with more numbers are drawn as one quantity over many positions, and not as a list of quantities.
MANY = 32

#: Smallest distance, summed over channels, between mean colours that count as different.
ALIKE = 30

Array = npt.NDArray[Any]


class ObservationRenderer:
    """Draws the observations of a space: images as pictures, vectors as bars or lines.

    Args:
        space: space of one observation.
        seen: observations that determine the range of bars: shape (count, *space.shape).

    Attributes:
        image: channels, height and width of images; otherwise None.
        few: whether an observation is a list of several quantities.

    Raises:
        ArenaError: an observation cannot be drawn.
    """

    def __init__(self, space: gym.Space[Any], seen: Array) -> None:
        self.numbers = Numbers(space)
        self.image = image_shape(space)
        count = int(np.prod(self.numbers.shape))
        self.few = self.image is None and count <= MANY
        if self.image is None and not 0 < count <= MOST_NUMBERS:
            raise ArenaError(
                f"observations of the shape {space.shape} are neither images nor few enough to be a curve",
                f"fit to images of bytes, or to {MOST_NUMBERS:,} numbers at most",
            )
        flat = self.scaled(seen).reshape(len(seen), -1)
        one_scale = count > MANY
        self.low = flat.min() if one_scale else flat.min(axis=0)
        reach = (flat.max() if one_scale else flat.max(axis=0)) - self.low
        self.reach = np.where(reach > 0, reach, 1.0)

    @property
    def note(self) -> str:
        """A note on how observations are drawn."""
        if self.image is None:
            return "each number from its least to its greatest" if self.few else ""
        return "" if self.image[0] in (1, 3) else f"the last of {self.image[0]} channels"

    def cells(
        self, observations: Array, captions: Sequence[Caption | None] | None = None
    ) -> tuple[Cell, ...]:
        """A cell for each observation: shape (count, *space.shape)."""
        captions = [None] * len(observations) if captions is None else captions
        scaled = self.scaled(observations)
        if self.image is None:
            values = (scaled.reshape(len(scaled), -1) - self.low) / self.reach
            return tuple(Bars(row.clip(0, 1), caption) for row, caption in zip(values, captions, strict=True))
        pixels = np.rint(np.moveaxis(scaled, 1, 3) * 255).clip(0, 255).astype(np.uint8)
        if pixels.shape[3] != 3:
            pixels = pixels[..., -1:].repeat(3, axis=3)
        return tuple(Picture(frame, caption) for frame, caption in zip(pixels, captions, strict=True))

    def scaled(self, observations: Array) -> Array:
        """Observations scaled by `Numbers`: shape (count, *numbers.shape)."""
        taken = np.asarray(observations)
        native = taken.astype(taken.dtype.newbyteorder("="))  # a copy, since torch needs writable memory
        found: Array = self.numbers(torch.from_numpy(native)).numpy()
        return found


def is_class(space: gym.Space[Any]) -> bool:
    """Whether a label is a class."""
    return isinstance(space, gym.spaces.Discrete)


def is_class_map(space: gym.Space[Any]) -> bool:
    """Whether a label is a class for every pixel."""
    return _is_box(space, 2) and np.issubdtype(space.dtype, np.integer)


def is_picture(space: gym.Space[Any]) -> bool:
    """Whether a label is a number for every pixel, such as a depth."""
    return _is_box(space, 2) and np.issubdtype(space.dtype, np.floating) and min(space.shape or ()) > 1


def class_colours(count: int, maps: Array, frames: tuple[Cell, ...]) -> Array:
    """Colour of each class of a class map: the mean colour of its pixels.

    If two classes have similar mean colours, or there are no images, all classes get colours of a palette.

    Args:
        count: number of classes.
        maps: class of each pixel, shape (frames, height, width).
        frames: the observations of the maps.

    Returns:
        uint8, shape (count, 3).
    """
    colours = classes(count)
    pixels = [frame.pixels for frame in frames if isinstance(frame, Picture)]
    height, width = maps.shape[1:]
    if not pixels or pixels[0].shape[0] % height or pixels[0].shape[1] % width:
        return colours
    taken = np.stack(pixels).astype(np.float64)
    n, tall, wide, _ = taken.shape
    means = taken.reshape(n, height, tall // height, width, wide // width, 3).mean(axis=(2, 4))
    seen = np.unique(maps)
    found = np.stack([means[maps == number].mean(axis=0) for number in seen])
    apart = np.abs(found[:, None] - found[None]).sum(axis=2) + np.eye(len(seen)) * 1e9
    if apart.min() < ALIKE:
        return colours
    colours[seen] = np.rint(found).astype(np.uint8)
    return colours


def _is_box(space: gym.Space[Any], dims: int) -> bool:
    return isinstance(space, gym.spaces.Box) and len(space.shape) == dims
