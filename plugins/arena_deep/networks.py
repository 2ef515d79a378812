"""Network layers of every deep agent: a body from observations to features, and a recurrent layer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from arena.config.options import Between
from arena.encoders.preprocessing import Numbers, image_shape

__all__ = [
    "ACTIVATIONS",
    "Body",
    "NetworkOptions",
    "Recurrent",
    "flatten_parameters",
    "mlp",
    "stored_dtype",
    "to_tensor",
]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}

#: Smallest side of an image, in pixels, that the three layers of Mnih et al. 2015 can process.
MIN_NATURE_SIDE = 36


@dataclass(frozen=True)
class NetworkOptions:
    """Hyperparameters of an agent's network; a mixin of its `Config`."""

    hidden_sizes: tuple[Annotated[int, Between(1, None)], ...] = (64, 64)
    """Number of units of each hidden layer; an empty list: a linear network. Images pass through convolutions first."""

    activation: Literal["relu", "tanh"] = "relu"
    """Activation function between the layers: rectified linear or hyperbolic tangent."""

    memory: Annotated[int, Between(0, None)] = 0
    """Number of units of a recurrent layer (GRU) behind the hidden layers, for partially observable tasks; 0: none."""


class Body(nn.Module):
    """Layers from observations to features: convolutions for images, then the hidden layers.

    Bytes are divided by the greatest value of the space. Images are uint8 of shape (height, width, channels), or
    with the channels first, as stacks of frames are. Those of 36 pixels or more go through the three layers of Mnih et
    al. 2015; smaller ones, such as gridworlds, through two layers of 3 × 3, which combine neighbouring cells.

    Args:
        space: space of one observation: a `Box` of any shape and type.
        options: the layers; `memory` is not part of the body.
        features: a module to use in place of the convolutions, from observations (batch, *space.shape) to arrays
            (batch, …). It is trained with the other layers.

    Attributes:
        feature_extractor: the layers before the hidden layers.
        layers: the hidden layers.
        width: number of features.
    """

    def __init__(
        self, space: gym.Space[Any], options: NetworkOptions, features: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.feature_extractor = (
            _feature_extractor(space, ACTIVATIONS[options.activation]) if features is None else features
        )
        size = _output_size(self.feature_extractor, space)
        self.layers = mlp((size, *options.hidden_sizes), options.activation)
        self.width = (size, *options.hidden_sizes)[-1]

    def forward(self, observation: Tensor) -> Tensor:
        """Shape (batch, *space.shape), any type, to (batch, width)."""
        features: Tensor = self.layers(self.feature_extractor(observation).flatten(1))
        return features


class Recurrent(nn.Module):
    """Gated recurrent unit over sequences in which episodes may start; its output is its memory.

    Source: Cho et al. 2014; over sequences of a replay, Kapturowski et al. 2019 (R2D2).

    Args:
        width: number of features.
        units: number of units of the memory.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.gru = nn.GRU(width, units)

    def initial(self, batch: int) -> Tensor:
        """Memory at the start of an episode: zeros, shape (batch, units)."""
        return next(self.gru.parameters()).new_zeros((batch, self.units))

    def forward(self, features: Tensor, memory: Tensor, begin: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs for whole sequences.

        Args:
            features: shape (T, batch, width).
            memory: memory before the first step: shape (batch, units).
            begin: bool, shape (T, batch): true where an episode starts, with an empty memory.

        Returns:
            The outputs, shape (T, batch, units), and the memory after the last step, shape (batch, units).
        """
        # All steps between two starts of episodes take one call.
        starts = [0, *(np.flatnonzero(begin[1:].any(dim=1).cpu().numpy()) + 1).tolist(), len(features)]
        outputs = []
        for start, stop in itertools.pairwise(starts):
            memory = memory.masked_fill(begin[start].unsqueeze(1), 0.0)
            output, last = self.gru(features[start:stop], memory.unsqueeze(0))
            memory = last.squeeze(0)
            outputs.append(output)
        return torch.cat(outputs), memory

    def step(self, features: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Output and memory after one step, from features (batch, width) and memory (batch, units) or None."""
        memory = self.initial(len(features)) if memory is None else memory
        output, _ = self.gru(features.unsqueeze(0), memory.unsqueeze(0))
        return output.squeeze(0), output.squeeze(0)


def mlp(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Multilayer perceptron: a linear layer from each size to the next, each with an activation."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


def to_tensor(observation: npt.NDArray[Any], device: str | torch.device) -> Tensor:
    """Tensor of a batch of observations: uint8 stays uint8, all else becomes float32; without a copy where possible."""
    array = np.ascontiguousarray(observation, dtype=stored_dtype(observation.dtype))
    # torch warns about read-only memory.
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)


def stored_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Type in which networks and replay buffers hold observations: uint8 for bytes, float32 for all else."""
    return np.dtype(np.uint8 if dtype == np.uint8 else np.float32)


def flatten_parameters(module: nn.Module) -> nn.Parameter:
    """Parameters of a module as one vector: they become views of it, and their gradients views of its gradient.

    Operations on all parameters (Adam, limiting the gradient, the update of a target network) then take one call. Call
    it when the module is on its device; loading a state keeps the views. Clear the gradient by
    ``vector.grad.zero_()``: setting it to None would separate it from its views.
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


def _feature_extractor(space: gym.Space[Any], activation: type[nn.Module]) -> nn.Module:
    """Convolutions for images, `Numbers` for all other observations."""
    image = image_shape(space)
    if image is None:
        return Numbers(space)
    channels, *sides = image
    nature, cells = [(32, 8, 4, 0), (64, 4, 2, 0), (64, 3, 1, 0)], [(16, 3, 1, 1), (32, 3, 2, 1)]
    layers: list[nn.Module] = [Numbers(space)]
    for filters, size, stride, padding in nature if min(sides) >= MIN_NATURE_SIDE else cells:
        layers += [nn.Conv2d(channels, filters, size, stride, padding), activation()]
        channels = filters
    return nn.Sequential(*layers)


def _output_size(module: nn.Module, space: gym.Space[Any]) -> int:
    """Number of outputs of a module for one observation, found by a trial."""
    training = module.training
    module.eval()
    with torch.no_grad():
        row = torch.zeros(
            (1, *(space.shape or ())), dtype=torch.uint8 if space.dtype == np.uint8 else torch.float32
        )
        size = int(module(row).flatten(1).shape[1])
    module.train(training)
    return size
