"""Encoder and decoder networks of autoencoders, and networks that output a Gaussian."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from arena_autoencoder.codes import DiagonalNormal
from arena_autoencoder.options import Layers

__all__ = ["Analysis", "GaussianNetwork", "Synthesis"]

#: Bound of |ln σ| of a code, so that a bad initialization gives no infinity.
MAX_LOG_STD = 10.0


class Analysis(nn.Sequential):
    """Encoder network: convolutions of 4 × 4 that halve an image, then fully connected layers.

    Args:
        shape: shape of the numbers of one observation, images with their channels first.
        layers: sizes of the layers; without any, the network only flattens.

    Attributes:
        width: number of features.
    """

    def __init__(self, shape: Sequence[int], layers: Layers) -> None:
        channels = [shape[0], *_channels(shape, layers)]
        steps: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            steps += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
        sizes = (math.prod(_inner(shape, layers)), *layers.hidden_sizes)
        super().__init__(*_rectified([*steps, nn.Flatten(), *_multilayer(sizes)]))
        self.width = sizes[-1]


class Synthesis(nn.Sequential):
    """Decoder network: the layers of `Analysis` in reverse order, the last of them linear.

    Output padding restores the last pixel of odd sides, so images may have any size.

    Args:
        width: size of a code.
        shape: shape of the numbers of one observation.
        layers: layers of the encoder network.
    """

    def __init__(self, width: int, shape: Sequence[int], layers: Layers) -> None:
        inner = _inner(shape, layers)
        sizes = (width, *reversed(layers.hidden_sizes))
        channels = [shape[0], *_channels(shape, layers)]
        unflatten = nn.Unflatten if len(channels) == 1 else _ChannelsLast
        steps = [*_multilayer(sizes), nn.Linear(sizes[-1], math.prod(inner)), unflatten(1, tuple(inner))]
        for level in reversed(range(len(channels) - 1)):
            height, width = (side >> level for side in shape[1:])
            before, after = channels[level + 1], channels[level]
            steps += [
                nn.ReLU(inplace=True),
                nn.ConvTranspose2d(
                    before, after, 4, stride=2, padding=1, output_padding=(height % 2, width % 2)
                ),
            ]
        super().__init__(*_rectified(steps))

    def forward(self, code: Tensor) -> Tensor:
        """Numbers of shape (…, *shape) from codes of shape (…, width)."""
        numbers: Tensor = super().forward(code.reshape(-1, code.shape[-1]))  # type: ignore[no-untyped-call]
        return numbers.reshape(*code.shape[:-1], *numbers.shape[1:])


class _ChannelsLast(nn.Unflatten):
    """Reshape of features to an image in channels-last memory format.

    Frames and their convolutions have this format; with another one a transposed convolution may take a third longer.
    """

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).contiguous(memory_format=torch.channels_last)


class GaussianNetwork(nn.Module):
    """Multilayer perceptron that outputs μ and ln σ of a Gaussian N(μ(h), diag σ²(h)) for features h.

    Args:
        width: number of features.
        hidden_sizes: units of the hidden layers; without any, μ and ln σ are linear.
        size: dimension of the Gaussian.
    """

    def __init__(self, width: int, hidden_sizes: Sequence[int], size: int) -> None:
        super().__init__()
        sizes = (width, *hidden_sizes)
        self.layers = nn.Sequential(*_rectified(_multilayer(sizes)))
        self.head = nn.Linear(sizes[-1], 2 * size)

    def forward(self, features: Tensor) -> DiagonalNormal:
        """Distribution over (…, size), from features of shape (…, width)."""
        mean, log_std = self.head(self.layers(features)).chunk(2, dim=-1)
        return DiagonalNormal(mean, log_std.clamp(-MAX_LOG_STD, MAX_LOG_STD).exp())


def _rectified(steps: list[nn.Module]) -> list[nn.Module]:
    """Initialize the layers before a ReLU so that signals keep their variance; returns the same modules.

    torch's default initialization shrinks signals at every layer, and a variational autoencoder then ignores its code.

    Source: He et al. 2015, "Delving deep into rectifiers", equation 10.
    """
    layers = [step for step in steps if not isinstance(step, nn.Flatten | nn.Unflatten)]
    for layer, following in itertools.pairwise(layers):
        if isinstance(following, nn.ReLU):
            assert isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d) and layer.bias is not None
            nn.init.normal_(layer.weight, std=math.sqrt(2 / _inputs(layer)))
            nn.init.zeros_(layer.bias)
    return steps


def _inputs(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> int:
    """Fan-in of a layer; at stride 2, an output of a transposed convolution uses 4 of the 16 weights of a kernel."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    return layer.in_channels * (16 if isinstance(layer, nn.Conv2d) else 4)


def _multilayer(sizes: Sequence[int]) -> list[nn.Module]:
    """Linear layers from each size to the next, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return layers


def _channels(shape: Sequence[int], layers: Layers) -> tuple[int, ...]:
    """Channels of the convolutions; none for numbers that are no image, or an image too small to halve that often."""
    fits = len(shape) == 3 and min(shape[1:]) >= 2 ** (len(layers.channels) + 1)
    return layers.channels if fits else ()


def _inner(shape: Sequence[int], layers: Layers) -> torch.Size:
    """Shape between convolutions and fully connected layers."""
    channels = _channels(shape, layers)
    return torch.Size([channels[-1], *(side >> len(channels) for side in shape[1:])] if channels else shape)
