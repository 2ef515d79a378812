"""GoogLeNet: Inception modules, and two auxiliary heads at intermediate layers."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from arena_vision.trunk import Image, Trunk, small_stride, wide

__all__ = ["GoogLeNet", "Inception"]

#: Channels of an Inception module: 1 × 1; reduction and 3 × 3; reduction and second 3 × 3; after the pooling.
Branches = tuple[int, int, int, int, int, int]

THREE: tuple[Branches, ...] = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64))
FOUR: tuple[Branches, ...] = (
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
)
FIVE: tuple[Branches, ...] = ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))


class GoogLeNet(Trunk):
    """GoogLeNet: three convolutions, nine Inception modules, and global average pooling.

    With its last layer and both auxiliary heads it has 13,004,888 parameters at 1000 classes. The auxiliary heads read
    modules 4a and 4d, have the weight 0.3 each in the loss, and are used in training only.

    As in common implementations, there is batch norm, and the branch of 5 × 5 has 3 × 3 kernels.

    Source: Szegedy et al. 2015, "Going Deeper with Convolutions", table 1; batch norm from Ioffe & Szegedy 2015.

    Args:
        image: shape of the frames. For small frames a 3 × 3 convolution replaces all layers before the modules but
            the reduction by two.
        width_multiplier: ratio of channels to those of the paper.
    """

    weights: ClassVar[tuple[float, ...]] = (1.0, 0.3, 0.3)

    def __init__(self, image: Image, width_multiplier: float = 1.0) -> None:
        super().__init__()
        self.stem = _stem(image, width_multiplier)
        self.pool = (
            nn.MaxPool2d(3, 2, ceil_mode=True) if small_stride(image) is None else nn.MaxPool2d(3, 2, 1)
        )
        self.three, channels = _modules(THREE, wide(192, width_multiplier), width_multiplier)
        self.four_a, after_a = _modules(FOUR[:1], channels, width_multiplier)
        self.four_b_to_d, after_d = _modules(FOUR[1:4], after_a, width_multiplier)
        self.four_e, channels = _modules(FOUR[4:], after_d, width_multiplier)
        self.last_pool = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.five, self.width = _modules(FIVE, channels, width_multiplier)
        self.average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        self.auxiliary = nn.ModuleList(
            _auxiliary(maps, self.width, width_multiplier) for maps in (after_a, after_d)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self._upper(self._middle(x)[-1])

    def views(self, x: Tensor) -> list[Tensor]:
        a, d = self._middle(x)
        return [self._upper(d), self.auxiliary[0](a), self.auxiliary[1](d)]

    def _middle(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Maps of the modules 4a and 4d."""
        a = self.four_a(self.pool(self.three(self.stem(x))))
        return a, self.four_b_to_d(a)

    def _upper(self, d: Tensor) -> Tensor:
        features: Tensor = self.average(self.five(self.last_pool(self.four_e(d))))
        return features


class Inception(nn.Module):
    """Inception module: four parallel branches with concatenated outputs: 1 × 1, 3 × 3, a larger kernel, and pooling.

    Convolutions of 1 × 1 reduce the channels first, so that large kernels are affordable.

    Args:
        inputs: channels of the input.
        branches: channels of the branches, as in `Branches`.
        width_multiplier: factor of these channels.
    """

    def __init__(self, inputs: int, branches: Branches, width_multiplier: float = 1.0) -> None:
        super().__init__()
        channels = [wide(count, width_multiplier) for count in branches]
        one, reduce_three, three, reduce_five, five, pooled = channels
        self.one = _unit(inputs, one, 1)
        self.three = nn.Sequential(_unit(inputs, reduce_three, 1), _unit(reduce_three, three, 3))
        self.five = nn.Sequential(_unit(inputs, reduce_five, 1), _unit(reduce_five, five, 3))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), _unit(inputs, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.one(x), self.three(x), self.five(x), self.pooled(x)), dim=1)


def _unit(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU, with padding that keeps the sides (up to the stride)."""
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, eps=0.001), nn.ReLU())


def _stem(image: Image, width_multiplier: float) -> nn.Sequential:
    a, b, stride = wide(64, width_multiplier), wide(192, width_multiplier), small_stride(image)
    if stride is not None:
        return nn.Sequential(_unit(image[0], a, 3, stride), _unit(a, b, 3))
    return nn.Sequential(
        *(_unit(image[0], a, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(_unit(a, a, 1), _unit(a, b, 3), nn.MaxPool2d(3, 2, ceil_mode=True)),
    )


def _modules(
    modules: tuple[Branches, ...], inputs: int, width_multiplier: float
) -> tuple[nn.Sequential, int]:
    """Sequence of Inception modules, and the channels of its output."""
    layers = []
    for branches in modules:
        layers.append(Inception(inputs, branches, width_multiplier))
        inputs = sum(wide(branches[i], width_multiplier) for i in (0, 2, 4, 5))
    return nn.Sequential(*layers), inputs


def _auxiliary(inputs: int, width: int, width_multiplier: float) -> nn.Sequential:
    """Layers of an auxiliary head before its last one."""
    reduced = wide(128, width_multiplier)
    return nn.Sequential(
        *(nn.AdaptiveAvgPool2d(4), nn.Conv2d(inputs, reduced, 1, bias=False)),
        *(nn.BatchNorm2d(reduced, eps=0.001), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(reduced * 16, width), nn.ReLU(), nn.Dropout(0.7)),
    )
