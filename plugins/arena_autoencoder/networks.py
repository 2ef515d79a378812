"""The networks between numbers and codes: there, back, and to a Gaussian."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from arena_autoencoder.codes import DiagonalNormal
from arena_autoencoder.options import Layers

__all__ = ["Analysis", "GaussianNetwork", "Synthesis"]

#: No ln σ of a code goes beyond, so that a bad start gives no infinity.
LOG_DEVIATION = 10.0


class Analysis(nn.Sequential):
    """Numbers to features: convolutions of 4 × 4 that halve an image, then fully connected layers.

    Args:
        shape: of the numbers of one observation, images with their channels first.
        layers: which; without any it flattens.

    Attributes:
        width: the number of features.
    """

    def __init__(self, shape: Sequence[int], layers: Layers) -> None:
        channels = [shape[0], *_channels(shape, layers)]
        steps: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            steps += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
        sizes = (math.prod(_inner(shape, layers)), *layers.hidden)
        super().__init__(*_rectified([*steps, nn.Flatten(), *_multilayer(sizes)]))
        self.width = sizes[-1]


class Synthesis(nn.Sequential):
    """Codes to numbers: the layers of `Analysis` mirrored, the last of them linear.

    An odd side loses its last pixel when it is halved, and has it back here, so images may have any size.

    Args:
        width: of a code.
        shape: of the numbers of one observation.
        layers: those of the analysis.
    """

    def __init__(self, width: int, shape: Sequence[int], layers: Layers) -> None:
        inner = _inner(shape, layers)
        sizes = (width, *reversed(layers.hidden))
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
        """Shape (…, width) to (…, *shape)."""
        numbers: Tensor = super().forward(code.reshape(-1, code.shape[-1]))  # type: ignore[no-untyped-call]
        return numbers.reshape(*code.shape[:-1], *numbers.shape[1:])


class _ChannelsLast(nn.Unflatten):
    """Features to an image, of which a pixel's channels lie side by side in memory.

    Frames do, and what comes of them through convolutions; a transposed one may take a third longer otherwise.
    """

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).contiguous(memory_format=torch.channels_last)


class GaussianNetwork(nn.Module):
    """N(μ(h), diag σ²(h)) of features h, by a multilayer perceptron whose last layer says μ and ln σ.

    Args:
        width: of the features.
        hidden: units of the layers between; none makes μ and ln σ linear.
        size: the dimension of the Gaussian.
    """

    def __init__(self, width: int, hidden: Sequence[int], size: int) -> None:
        super().__init__()
        sizes = (width, *hidden)
        self.layers = nn.Sequential(*_rectified(_multilayer(sizes)))
        self.head = nn.Linear(sizes[-1], 2 * size)

    def forward(self, features: Tensor) -> DiagonalNormal:
        """Shape (…, width) to a distribution over (…, size)."""
        mean, log_deviation = self.head(self.layers(features)).chunk(2, dim=-1)
        return DiagonalNormal(mean, log_deviation.clamp(-LOG_DEVIATION, LOG_DEVIATION).exp())


def _rectified(steps: list[nn.Module]) -> list[nn.Module]:
    """The same steps, those before a ReLU begun so that signals keep their size.

    torch's own beginning shrinks them at every layer, and a variational autoencoder then learns to do without its code.

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
    """How many numbers one output of a layer adds up; at stride 2, 4 of the 16 weights of a transposed kernel."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    return layer.in_channels * (16 if isinstance(layer, nn.Conv2d) else 4)


def _multilayer(sizes: Sequence[int]) -> list[nn.Module]:
    """Linear layers from each size to the next, a ReLU behind each."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return layers


def _channels(shape: Sequence[int], layers: Layers) -> tuple[int, ...]:
    """Those of the convolutions, unless the numbers are no image or one too small to halve so often."""
    fits = len(shape) == 3 and min(shape[1:]) >= 2 ** (len(layers.channels) + 1)
    return layers.channels if fits else ()


def _inner(shape: Sequence[int], layers: Layers) -> torch.Size:
    """The shape between convolutions and fully connected layers."""
    channels = _channels(shape, layers)
    return torch.Size([channels[-1], *(side >> len(channels) for side in shape[1:])] if channels else shape)
