"""Fully convolutional network (FCN) for semantic segmentation."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena_vision.maps import doubled, padded
from arena_vision.trunk import Image

__all__ = ["FCN", "as_convolution", "bilinear"]


class FCN(nn.Module):
    """Fully convolutional network: stages that halve the sides, convolutional hidden layers, and upsampled skip scores.

    A 1 × 1 convolution computes class scores from every stage's maps. From the coarsest stage on, scores are upsampled
    by two by a transposed convolution, initialized as bilinear interpolation, and added to the scores of the finer
    stage, initialized as zeros. The last upsampling is fixed bilinear interpolation.

    Source: Long, Shelhamer & Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation", sections 3 and 4.
    Their stages are VGG's; these have two convolutions each.

    Args:
        inputs: channels of the frames.
        classes: number of classes.
        channels: channels of the first stage; each stage has twice as many as the one before.
        depth: number of stages.
    """

    def __init__(self, inputs: int, classes: int, channels: int = 16, depth: int = 3) -> None:
        super().__init__()
        self.depth = depth
        widths = [channels * 2**stage for stage in range(depth)]
        self.stages = nn.ModuleList()
        for width in widths:
            self.stages.append(nn.Sequential(doubled(inputs, width), nn.MaxPool2d(2)))
            inputs = width
        hidden = 2 * inputs
        self.hidden = nn.Sequential(
            *(nn.Conv2d(inputs, hidden, 3, padding=1), nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU())
        )
        self.score = nn.Conv2d(hidden, classes, 1)
        self.skips = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in widths[:-1])
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(classes, classes, 4, 2, 1, bias=False) for _ in widths[:-1]
        )
        for skip in self.skips:
            for parameter in skip.parameters():
                nn.init.zeros_(parameter)
        for up in self.ups:
            assert isinstance(up, nn.ConvTranspose2d)
            up.weight.data.copy_(torch.eye(classes)[:, :, None, None] * bilinear(2))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, classes, height, width) of frames (batch, inputs, height, width)."""
        height, width = x.shape[-2:]
        x, maps = padded(x, 2**self.depth), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        scores: Tensor = self.score(self.hidden(x))
        for up, skip, kept in reversed(list(zip(self.ups, self.skips, maps, strict=False))):
            scores = up(scores) + skip(kept)
        scores = functional.interpolate(scores, scale_factor=2, mode="bilinear")
        return scores[..., :height, :width]


def as_convolution(layer: nn.Linear, image: Image) -> nn.Conv2d:
    """Convolution equal to a linear layer on flattened maps, with the same weights.

    On maps of that size its single position has the layer's outputs; on larger maps every position has the outputs of
    the layer for the window there.

    Args:
        layer: linear layer with the input ``maps.flatten(1)``.
        image: shape of these maps.
    """
    channels, *window = image
    rows, columns = window
    convolution = nn.Conv2d(channels, layer.out_features, (rows, columns), bias=layer.bias is not None)
    convolution = convolution.to(layer.weight)
    with torch.no_grad():
        convolution.weight.copy_(layer.weight.view_as(convolution.weight))
        if convolution.bias is not None:
            convolution.bias.copy_(layer.bias)
    return convolution


def bilinear(factor: int) -> Tensor:
    """Kernel of side 2 · factor with which a transposed convolution of that stride interpolates bilinearly."""
    centre = factor - 0.5
    tent = 1 - (torch.arange(2 * factor) - centre).abs() / factor
    return tent[:, None] * tent
