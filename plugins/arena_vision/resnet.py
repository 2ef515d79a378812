"""Residual networks: each block adds its output to its input."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from arena_vision.trunk import Image, Trunk, small_stride, wide

__all__ = ["Basic", "Block", "Bottleneck", "ResNet"]


class ResNet(Trunk):
    """Residual network: four stages of residual blocks, each with half the sides and twice the channels of the last.

    With a last layer of 1000 classes, 18 layers have 11,689,512 parameters and 50 have 25,557,032.

    Source: He, Zhang, Ren & Sun 2016, "Deep Residual Learning for Image Recognition", table 1; the stride of a
    bottleneck in its 3 × 3 convolution, as in common implementations (Goyal et al. 2017).

    Args:
        image: shape of the frames. For small frames a 3 × 3 convolution replaces the first, 7 × 7, and the pooling.
        layers: number of layers, 18 or 50.
        width_multiplier: ratio of channels to those of the paper.
        identity: initialize every block with a plain shortcut as the identity (Goyal et al. 2017, 5.1).
    """

    def __init__(
        self,
        image: Image,
        layers: Literal[18, 50] = 18,
        width_multiplier: float = 1.0,
        *,
        identity: bool = False,
    ) -> None:
        super().__init__()
        kind: type[Block] = Basic if layers == 18 else Bottleneck
        blocks = (2, 2, 2, 2) if layers == 18 else (3, 4, 6, 3)
        inputs = wide(64, width_multiplier)
        self.stem = _stem(image, inputs)
        stages: list[nn.Module] = []
        for stage, count in enumerate(blocks):
            channels = wide(64 * 2**stage, width_multiplier)
            for i in range(count):
                stages.append(kind(inputs, channels, 2 if stage and not i else 1))
                inputs = channels * kind.expansion
        self.stages = nn.Sequential(*stages)
        self.average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.width = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, Block) and identity:
                module.zero_residual()

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.average(self.stages(self.stem(x)))
        return features


class Block(nn.Module):
    """Residual block y = ReLU(F(x) + x), where a 1 × 1 convolution projects x if the shape changes.

    Attributes:
        expansion: ratio of output channels to inner channels.
        residual: F, which ends with batch norm.
    """

    expansion = 1
    residual: nn.Sequential

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        outputs = channels * self.expansion
        self.residual = self._residual(inputs, channels, stride)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(*_normalized(inputs, outputs, 1, stride))
        self.relu = nn.ReLU()

    def _residual(self, inputs: int, channels: int, stride: int) -> nn.Sequential:
        raise NotImplementedError

    def zero_residual(self) -> None:
        """Set the last batch norm to zero: F is 0, and the block is ReLU(shortcut)."""
        last = self.residual[-1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.residual(x) + self.shortcut(x))
        return y


class Basic(Block):
    """Basic block: two convolutions of 3 × 3."""

    def _residual(self, inputs: int, channels: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            *_normalized(inputs, channels, 3, stride), nn.ReLU(), *_normalized(channels, channels, 3)
        )


class Bottleneck(Block):
    """Bottleneck block: a convolution of 3 × 3 on a quarter of the channels, between two of 1 × 1."""

    expansion = 4

    def _residual(self, inputs: int, channels: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            *(*_normalized(inputs, channels, 1), nn.ReLU()),
            *(*_normalized(channels, channels, 3, stride), nn.ReLU()),
            *_normalized(channels, channels * self.expansion, 1),
        )


def _normalized(inputs: int, outputs: int, size: int, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """Convolution with padding that keeps the sides (up to the stride), and batch norm in place of its bias."""
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)


def _stem(image: Image, channels: int) -> nn.Sequential:
    stride = small_stride(image)
    if stride is not None:
        return nn.Sequential(*_normalized(image[0], channels, 3, stride), nn.ReLU())
    return nn.Sequential(*_normalized(image[0], channels, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
