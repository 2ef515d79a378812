"""What every deep agent is made of: a body that turns observations into features, a memory, an optimiser."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from arena.config import Between
from arena.pixels import Numbers, image_shape

__all__ = [
    "ACTIVATIONS",
    "Body",
    "NetworkOptions",
    "Recurrent",
    "as_vector",
    "multilayer",
    "observe",
    "optimizer",
    "stored_dtype",
]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}

#: The smallest image for which the layers of Mnih et al. 2015 leave anything.
NATURE = 36


@dataclass(frozen=True)
class NetworkOptions:
    """The hyperparameters of an agent's network; a mixin of its `Config`."""

    hidden_sizes: tuple[Annotated[int, Between(1, None)], ...] = (64, 64)
    """Units of each hidden layer; an empty list: linear. In front of them an image goes through convolutions."""

    activation: Literal["relu", "tanh"] = "relu"
    """What stands between the layers."""

    memory: Annotated[int, Between(0, None)] = 0
    """Units of a recurrent layer (GRU) behind the hidden ones, for what one observation does not show; 0: none."""


class Body(nn.Module):
    """Observations to features: convolutions for images, then the hidden layers.

    Bytes are divided by the greatest value that the space has. Images are uint8 of shape (height, width, channels), or
    with the channels first, as stacks of frames are. Those of 36 pixels or more go through the three layers of Mnih et
    al. 2015; for smaller ones, such as gridworlds', two layers of 3 × 3 see neighbouring cells together.

    Args:
        space: of one observation: a `Box` of any shape and type.
        options: the layers; `memory` is not part of the body.
        features: a module to use in place of the convolutions: observations (batch, *space.shape) in, an array a row
            out. It is trained with the rest.

    Attributes:
        eyes: what comes before the hidden layers.
        layers: the hidden layers.
        width: the number of features.
    """

    def __init__(
        self, space: gym.Space[Any], options: NetworkOptions, features: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.eyes = _eyes(space, ACTIVATIONS[options.activation]) if features is None else features
        size = _width(self.eyes, space)
        self.layers = multilayer((size, *options.hidden_sizes), options.activation)
        self.width = (size, *options.hidden_sizes)[-1]

    def forward(self, observation: Tensor) -> Tensor:
        """Shape (batch, *space.shape), any type, to (batch, width)."""
        features: Tensor = self.layers(self.eyes(observation).flatten(1))
        return features


class Recurrent(nn.Module):
    """A gated recurrent unit over sequences in which episodes begin; its output is its memory.

    Source: Cho et al. 2014; over sequences of a replay, Kapturowski et al. 2019 (R2D2).

    Args:
        width: of the features.
        units: of the memory.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.gru = nn.GRU(width, units)

    def initial(self, batch: int) -> Tensor:
        """The memory at the beginning of an episode: zeros, shape (batch, units)."""
        return self.gru.weight_hh_l0.new_zeros((batch, self.units))

    def forward(self, features: Tensor, memory: Tensor, begin: Tensor) -> tuple[Tensor, Tensor]:
        """A whole sequence.

        Args:
            features: shape (T, batch, width).
            memory: before the first step: shape (batch, units).
            begin: bool, shape (T, batch): an episode begins with this step, and knows nothing of those before.

        Returns:
            The outputs, shape (T, batch, units), and the memory after the last step, shape (batch, units).
        """
        # Between two instants at which any episode begins, all steps are one call.
        starts = [0, *(np.flatnonzero(begin[1:].any(dim=1).cpu().numpy()) + 1).tolist(), len(features)]
        outputs = []
        for start, stop in itertools.pairwise(starts):
            memory = memory.masked_fill(begin[start].unsqueeze(1), 0.0)
            output, last = self.gru(features[start:stop], memory.unsqueeze(0))
            memory = last.squeeze(0)
            outputs.append(output)
        return torch.cat(outputs), memory

    def step(self, features: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """One step: features (batch, width) and memory (batch, units), or None at the beginning; output and memory."""
        memory = self.initial(len(features)) if memory is None else memory
        output, _ = self.gru(features.unsqueeze(0), memory.unsqueeze(0))
        return output.squeeze(0), output.squeeze(0)


def multilayer(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Linear layers from each size to the next, an activation behind each; of one size alone, the identity."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


def observe(observation: npt.NDArray[Any], device: str | torch.device) -> Tensor:
    """A batch of observations as a tensor: bytes stay bytes, all else is float32; without a copy where possible."""
    array = np.ascontiguousarray(observation, dtype=stored_dtype(observation.dtype))
    # torch warns of memory that it may not write to.
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)


def stored_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The type in which a network reads observations, and a replay keeps them: bytes, or else float32."""
    return np.dtype(np.uint8 if dtype == np.uint8 else np.float32)


def optimizer(
    parameters: Iterable[Tensor], learning_rate: float, *, epsilon: float = 1e-8
) -> torch.optim.Optimizer:
    """Adam, in one fused call for all parameters where the device has that.

    Source: Kingma & Ba 2015.
    """
    parameters = list(parameters)
    fused = {parameter.device.type for parameter in parameters} <= {"cpu", "cuda"}
    return torch.optim.Adam(parameters, lr=learning_rate, eps=epsilon, fused=fused)


def as_vector(module: nn.Module) -> nn.Parameter:
    """All parameters of a module as one vector, of which they become views; likewise their gradients.

    Whatever treats parameters alike (Adam, clipping, a target's update) then takes one call in place of one a
    parameter. Do it when the module is on its device; loading a state keeps the views. Clear the gradient by
    ``vector.grad.zero_()``: setting it to None would tear the two apart.
    """
    parameters = list(module.parameters())
    vector = nn.Parameter(torch.cat([parameter.detach().reshape(-1) for parameter in parameters]))
    vector.grad = torch.zeros_like(vector)
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = vector.data[start:stop].view_as(parameter)
        parameter.grad = vector.grad[start:stop].view_as(parameter)
        start = stop
    return vector


def _eyes(space: gym.Space[Any], activation: type[nn.Module]) -> nn.Module:
    image = image_shape(space)
    if image is None:
        return Numbers(space)
    channels, *sides = image
    nature, cells = [(32, 8, 4, 0), (64, 4, 2, 0), (64, 3, 1, 0)], [(16, 3, 1, 1), (32, 3, 2, 1)]
    layers: list[nn.Module] = [Numbers(space)]
    for filters, size, stride, padding in nature if min(sides) >= NATURE else cells:
        layers += [nn.Conv2d(channels, filters, size, stride, padding), activation()]
        channels = filters
    return nn.Sequential(*layers)


def _width(module: nn.Module, space: gym.Space[Any]) -> int:
    """How many numbers a module makes of an observation, found by trying."""
    training = module.training
    module.eval()
    with torch.no_grad():
        row = torch.zeros(
            (1, *(space.shape or ())), dtype=torch.uint8 if space.dtype == np.uint8 else torch.float32
        )
        width = module(row).flatten(1).shape[1]
    module.train(training)
    return width
