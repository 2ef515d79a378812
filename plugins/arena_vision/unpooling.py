"""Max pooling, and three ways back up from it: nearest neighbour, bed of nails, max unpooling.

What holds for all three where nothing is negative, as behind a ReLU: pool(unpool(pool(x))) = pool(x).
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as functional
from torch import Tensor

__all__ = ["Unpooling", "bed_of_nails", "max_pool", "max_unpool", "nearest", "unpool"]

#: The ways to unpool, by name.
Unpooling = Literal["nearest", "nails", "max"]


def max_pool(x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The greatest of each window of size × size, and its switch: where in the map it was.

    Args:
        x: shape (batch, channels, height, width), sides that are multiples of `size`.
        size: of a window; windows do not overlap.

    Returns:
        Both of shape (batch, channels, height / size, width / size).
    """
    pooled, switches = functional.max_pool2d(x, size, return_indices=True)
    return pooled, switches


def nearest(x: Tensor, size: int) -> Tensor:
    """Every value `size` × `size` times."""
    return x.repeat_interleave(size, dim=-2).repeat_interleave(size, dim=-1)


def bed_of_nails(x: Tensor, size: int) -> Tensor:
    """Every value in the upper left corner of its window, zeros elsewhere."""
    nail = x.new_zeros(size, size)
    nail[0, 0] = 1
    return nearest(x, size) * nail.repeat(x.shape[-2], x.shape[-1])


def max_unpool(x: Tensor, switches: Tensor, size: int) -> Tensor:
    """Every value where the maximum had been, zeros elsewhere.

    It is also how the gradient passes back through max pooling: to the one input that was the maximum.
    """
    *batch, height, width = x.shape
    whole = x.new_zeros(*batch, height * size * width * size)
    whole = whole.scatter(-1, switches.flatten(-2), x.flatten(-2))
    return whole.view(*batch, height * size, width * size)


def unpool(x: Tensor, size: int, way: Unpooling, switches: Tensor | None = None) -> Tensor:
    """One of the three ways; `max` needs the switches of the pooling."""
    if way == "nearest":
        return nearest(x, size)
    if way == "nails":
        return bed_of_nails(x, size)
    assert switches is not None, "max unpooling needs the pooling's switches"
    return max_unpool(x, switches, size)
