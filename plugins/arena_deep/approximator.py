"""A Q-network as a function of arrays: outputs from observations, and gradients from those of the outputs.

What comes behind a network's outputs (targets, losses, priorities) is little arithmetic on small arrays: it is written
once, in NumPy, whatever computes the network.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from arena.encoders.features_extractor import Features
from arena.encoders.preprocessing import Numbers
from arena.storage.codec import State
from arena_deep.fast import Chain
from arena_deep.networks import as_vector, observe
from arena_deep.noisy import Noise
from arena_deep.q_network import Plain, QNetwork

__all__ = ["Approximator", "Perceptron", "approximator"]

Array = npt.NDArray[Any]


class Approximator:
    """Computed by torch, on any device.

    Attributes:
        network: the module.
        vector: its parameters, as one vector with a gradient.
    """

    def __init__(self, network: QNetwork, device: str) -> None:
        self.network = network.to(device)
        self.device = device
        self.vector = as_vector(self.network)
        self._encoders = [part for part in self.network.modules() if isinstance(part, Features)]

    def __call__(self, observation: Array, noise: Noise | None = None) -> Array:
        """Outputs, shape (batch, actions, size); nothing is remembered."""
        with torch.no_grad():
            return np.asarray(self.network(observe(observation, self.device), noise).cpu().numpy())

    def forward(self, observation: Array, noise: Noise | None = None) -> Array:
        """The same, remembered for `backward`."""
        return self.remember(self.network(observe(observation, self.device), noise))

    def remember(self, outputs: Tensor) -> Array:
        """Outputs that were computed otherwise, as an array; `backward` begins at them."""
        self._outputs = outputs
        return np.asarray(outputs.detach().cpu().numpy())

    def backward(self, gradient: Array) -> None:
        """Sets `vector.grad` from the gradient by the outputs remembered, of their shape."""
        assert self.vector.grad is not None
        self.vector.grad.zero_()
        auxiliary = [loss for part in self._encoders if (loss := part.auxiliary_loss()) is not None]
        gradients = [torch.from_numpy(gradient).to(self.device), *map(torch.ones_like, auxiliary)]
        torch.autograd.backward([self._outputs, *auxiliary], gradients)

    def follow(self, other: Approximator, rate: float) -> None:
        """θ ← θ + rate (θ' − θ): a copy of the other at a rate of one."""
        if rate == 1.0:
            self.vector.data.copy_(other.vector.data)
        else:
            self.vector.data.lerp_(other.vector.data, rate)
        for mine, its in zip(self.network.buffers(), other.network.buffers(), strict=True):
            mine.copy_(its)

    def state_dict(self) -> State:
        """The module's parameters and buffers, as copies."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def load_state_dict(self, state: State) -> None:
        """Takes them back, in place."""
        self.network.load_state_dict(state)


class Perceptron(Approximator):
    """Computed by `Chain`: linear layers over numbers, on the CPU."""

    def __init__(self, network: QNetwork, device: str) -> None:
        super().__init__(network, device)
        self._chain = Chain(_layers(network))
        self._scale = network.body.eyes.scale
        self._shape = (-1, network.head.actions, network.head.size)

    @staticmethod
    def takes(network: QNetwork, device: str) -> bool:
        """Whether it can compute this network there."""
        plain = isinstance(network.body.eyes, Numbers) and isinstance(network.head, Plain)
        return device == "cpu" and plain and network.memory is None and Chain.takes(_layers(network))

    def __call__(self, observation: Array, noise: Noise | None = None) -> Array:
        return self._chain(self._numbers(observation)).reshape(self._shape)

    def forward(self, observation: Array, noise: Noise | None = None) -> Array:
        return self._chain.forward(self._numbers(observation)).reshape(self._shape)

    def backward(self, gradient: Array) -> None:
        self._chain.backward(gradient.reshape(len(gradient), -1))

    def _numbers(self, observation: Array) -> Array:
        numbers = observation.reshape(len(observation), -1).astype(np.float32, copy=False)
        return numbers if self._scale == 1.0 else numbers * np.float32(self._scale)


def approximator(network: QNetwork, device: str) -> tuple[Approximator, Approximator]:
    """A network as it is computed best there, and a copy of it: the online one and the target."""
    kind = Perceptron if Perceptron.takes(network, device) else Approximator
    twin = copy.deepcopy(network)
    return kind(network, device), kind(twin, device)


def _layers(network: QNetwork) -> list[nn.Module]:
    return [*network.body.layers, network.head.layer]
