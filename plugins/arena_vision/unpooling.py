"""Max pooling, and three kinds of unpooling: nearest neighbor, bed of nails, max unpooling.

For all three and x ≥ 0, as after a ReLU: pool(unpool(pool(x))) = pool(x).
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as functional
from torch import Tensor

__all__ = ["Unpooling", "bed_of_nails", "max_pool", "max_unpool", "nearest", "unpool"]

#: Names of the kinds of unpooling.
Unpooling = Literal["nearest", "nails", "max"]


def max_pool(x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Max pooling over windows of size × size, and the index of each maximum in the map.

    Args:
        x: shape (batch, channels, height, width), sides that are multiples of `size`.
        size: side of a window; windows do not overlap.

    Returns:
        Both of shape (batch, channels, height / size, width / size).
    """
    pooled, switches = functional.max_pool2d(x, size, return_indices=True)
    return pooled, switches


def nearest(x: Tensor, size: int) -> Tensor:
    """Nearest-neighbor unpooling: every value repeated `size` × `size` times."""
    return x.repeat_interleave(size, dim=-2).repeat_interleave(size, dim=-1)


def bed_of_nails(x: Tensor, size: int) -> Tensor:
    """Bed-of-nails unpooling: every value in the upper left corner of its window, zeros elsewhere."""
    nail = x.new_zeros(size, size)
    nail[0, 0] = 1
    return nearest(x, size) * nail.repeat(x.shape[-2], x.shape[-1])


def max_unpool(x: Tensor, switches: Tensor, size: int) -> Tensor:
    """Max unpooling: every value at the index of its maximum, zeros elsewhere.

    The gradient of max pooling has the same form.
    """
    *batch, height, width = x.shape
    whole = x.new_zeros(*batch, height * size * width * size)
    whole = whole.scatter(-1, switches.flatten(-2), x.flatten(-2))
    return whole.view(*batch, height * size, width * size)


def unpool(x: Tensor, size: int, kind: Unpooling, switches: Tensor | None = None) -> Tensor:
    """Unpooling of a kind; `max` needs the indices of the pooling."""
    if kind == "nearest":
        return nearest(x, size)
    if kind == "nails":
        return bed_of_nails(x, size)
    assert switches is not None, "max unpooling needs the indices of the pooling"
    return max_unpool(x, switches, size)
