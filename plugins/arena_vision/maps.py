"""Building blocks of segmentation networks: double convolutions, and padding of sides."""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor, nn

__all__ = ["doubled", "padded"]


def doubled(inputs: int, outputs: int, *, padding: bool = True) -> nn.Sequential:
    """Two convolutions of 3 × 3, each with a ReLU; initial weights have the variance 2 / inputs (He et al. 2015)."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        convolution = nn.Conv2d(channels, outputs, 3, padding=int(padding))
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers)


def padded(x: Tensor, multiple: int) -> Tensor:
    """Image with its last row and column repeated until both sides are multiples of a number."""
    right, down = (-x.shape[-1] % multiple, -x.shape[-2] % multiple)
    return functional.pad(x, (0, right, 0, down), mode="replicate") if right or down else x
