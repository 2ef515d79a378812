"""GoogLeNet: Inception modules, and two heads half-way that help the lower layers learn."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from arena_vision.trunk import Image, Trunk, small_stride, wide

__all__ = ["GoogLeNet", "Inception"]

#: The channels of each Inception module: 1 × 1; reduction and 3 × 3; reduction and second 3 × 3; behind the pooling.
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
    """Nine Inception modules behind three convolutions, and a mean over all places in front of the last layer.

    With its last layer and both auxiliary heads, at 1000 classes: 13,004,888 parameters. The auxiliary heads read
    modules 4a and 4d and count 0.3 each in a loss; they are for training alone.

    As in the networks that people use, there is batch norm, and the branch of 5 × 5 has 3 × 3 kernels.

    Source: Szegedy et al. 2015, "Going Deeper with Convolutions", table 1; batch norm from Ioffe & Szegedy 2015.

    Args:
        image: the frames' shape. Small ones meet a 3 × 3 convolution in place of everything in front of the modules
            but the reduction by two.
        share: of the paper's channels.
    """

    weights: ClassVar[tuple[float, ...]] = (1.0, 0.3, 0.3)

    def __init__(self, image: Image, share: float = 1.0) -> None:
        super().__init__()
        self.stem = _stem(image, share)
        self.pool = (
            nn.MaxPool2d(3, 2, ceil_mode=True) if small_stride(image) is None else nn.MaxPool2d(3, 2, 1)
        )
        self.three, channels = _modules(THREE, wide(192, share), share)
        self.four_a, after_a = _modules(FOUR[:1], channels, share)
        self.four_b_to_d, after_d = _modules(FOUR[1:4], after_a, share)
        self.four_e, channels = _modules(FOUR[4:], after_d, share)
        self.last_pool = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.five, self.width = _modules(FIVE, channels, share)
        self.average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        self.auxiliary = nn.ModuleList(_auxiliary(maps, self.width, share) for maps in (after_a, after_d))

    def forward(self, x: Tensor) -> Tensor:
        return self._upper(self._middle(x)[-1])

    def views(self, x: Tensor) -> list[Tensor]:
        a, d = self._middle(x)
        return [self._upper(d), self.auxiliary[0](a), self.auxiliary[1](d)]

    def _middle(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The maps of the modules 4a and 4d."""
        a = self.four_a(self.pool(self.three(self.stem(x))))
        return a, self.four_b_to_d(a)

    def _upper(self, d: Tensor) -> Tensor:
        features: Tensor = self.average(self.five(self.last_pool(self.four_e(d))))
        return features


class Inception(nn.Module):
    """Four views of the same maps, side by side: 1 × 1, 3 × 3, a larger one, and a pooling.

    Convolutions of 1 × 1 reduce the channels first, which is what makes the large ones affordable.

    Args:
        inputs: channels.
        branches: channels of the branches, as `Branches` says.
        share: of these channels.
    """

    def __init__(self, inputs: int, branches: Branches, share: float = 1.0) -> None:
        super().__init__()
        one, reduce_three, three, reduce_five, five, pooled = (wide(channels, share) for channels in branches)
        self.one = _unit(inputs, one, 1)
        self.three = nn.Sequential(_unit(inputs, reduce_three, 1), _unit(reduce_three, three, 3))
        self.five = nn.Sequential(_unit(inputs, reduce_five, 1), _unit(reduce_five, five, 3))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), _unit(inputs, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.one(x), self.three(x), self.five(x), self.pooled(x)), dim=1)


def _unit(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution, batch norm and ReLU; sides stay, but for the stride."""
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, eps=0.001), nn.ReLU())


def _stem(image: Image, share: float) -> nn.Sequential:
    a, b, stride = wide(64, share), wide(192, share), small_stride(image)
    if stride is not None:
        return nn.Sequential(_unit(image[0], a, 3, stride), _unit(a, b, 3))
    return nn.Sequential(
        *(_unit(image[0], a, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(_unit(a, a, 1), _unit(a, b, 3), nn.MaxPool2d(3, 2, ceil_mode=True)),
    )


def _modules(modules: tuple[Branches, ...], inputs: int, share: float) -> tuple[nn.Sequential, int]:
    """Inception modules one behind the other, and the channels that come out."""
    layers = []
    for branches in modules:
        layers.append(Inception(inputs, branches, share))
        inputs = sum(wide(branches[i], share) for i in (0, 2, 4, 5))
    return nn.Sequential(*layers), inputs


def _auxiliary(inputs: int, width: int, share: float) -> nn.Sequential:
    """What an auxiliary head has in front of its last layer."""
    reduced = wide(128, share)
    return nn.Sequential(
        *(nn.AdaptiveAvgPool2d(4), nn.Conv2d(inputs, reduced, 1, bias=False)),
        *(nn.BatchNorm2d(reduced, eps=0.001), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(reduced * 16, width), nn.ReLU(), nn.Dropout(0.7)),
    )
