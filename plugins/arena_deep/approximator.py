"""Q-networks as functions of NumPy arrays: forward pass, backward pass and update of a target network.

Targets, losses and priorities are little arithmetic on small arrays: they are written once, in NumPy, for every way to
compute the network.
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
from arena_deep.networks import flatten_parameters, to_tensor
from arena_deep.noisy import Noise
from arena_deep.numpy_mlp import NumpyMLP
from arena_deep.q_network import LinearHead, QNetwork

__all__ = ["Approximator", "NumpyApproximator", "online_and_target"]

Array = npt.NDArray[Any]


class Approximator:
    """Q-network computed by torch, on any device.

    Attributes:
        network: the module.
        vector: the parameters of the module, as one vector with a gradient.
    """

    def __init__(self, network: QNetwork, device: str) -> None:
        self.network = network.to(device)
        self.device = device
        self.vector = flatten_parameters(self.network)
        self._encoders = [part for part in self.network.modules() if isinstance(part, Features)]

    def __call__(self, observation: Array, noise: Noise | None = None) -> Array:
        """Outputs without gradient: shape (batch, actions, size)."""
        with torch.no_grad():
            return np.asarray(self.network(to_tensor(observation, self.device), noise).cpu().numpy())

    def forward(self, observation: Array, noise: Noise | None = None) -> Array:
        """Outputs, shape (batch, actions, size), kept for `backward`."""
        return self.keep_outputs(self.network(to_tensor(observation, self.device), noise))

    def keep_outputs(self, outputs: Tensor) -> Array:
        """Keep outputs that the caller computed, of any shape, for `backward`; return them as an array."""
        self._outputs = outputs
        return np.asarray(outputs.detach().cpu().numpy())

    def backward(self, gradient: Array) -> None:
        """Set `vector.grad` from the gradient with respect to the kept outputs, of their shape."""
        assert self.vector.grad is not None
        self.vector.grad.zero_()
        auxiliary = [loss for part in self._encoders if (loss := part.auxiliary_loss()) is not None]
        gradients = [torch.from_numpy(gradient).to(self.device), *map(torch.ones_like, auxiliary)]
        torch.autograd.backward([self._outputs, *auxiliary], gradients)

    def update_towards(self, other: Approximator, tau: float) -> None:
        """Update of a target network, θ ← θ + τ (θ' − θ): a copy of the other network at τ = 1."""
        if tau == 1.0:
            self.vector.data.copy_(other.vector.data)
        else:
            self.vector.data.lerp_(other.vector.data, tau)
        for mine, its in zip(self.network.buffers(), other.network.buffers(), strict=True):
            mine.copy_(its)

    def state_dict(self) -> State:
        """Copies of the module's parameters and buffers."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def load_state_dict(self, state: State) -> None:
        """Restore parameters and buffers, in place."""
        self.network.load_state_dict(state)


class NumpyApproximator(Approximator):
    """Q-network of linear layers computed by `NumpyMLP`, on the CPU."""

    def __init__(self, network: QNetwork, device: str) -> None:
        super().__init__(network, device)
        feature_extractor, head = network.body.feature_extractor, network.head
        assert isinstance(feature_extractor, Numbers) and isinstance(head, LinearHead)
        self._mlp = NumpyMLP(_layers(network))
        self._scale = feature_extractor.scale
        self._shape = (-1, head.actions, head.size)

    @staticmethod
    def supports(network: QNetwork, device: str) -> bool:
        """True where this class can compute the network on that device."""
        plain = isinstance(network.body.feature_extractor, Numbers) and isinstance(network.head, LinearHead)
        return device == "cpu" and plain and network.memory is None and NumpyMLP.supports(_layers(network))

    def __call__(self, observation: Array, noise: Noise | None = None) -> Array:
        return self._mlp(self._numbers(observation)).reshape(self._shape)

    def forward(self, observation: Array, noise: Noise | None = None) -> Array:
        return self._mlp.forward(self._numbers(observation)).reshape(self._shape)

    def backward(self, gradient: Array) -> None:
        self._mlp.backward(gradient.reshape(len(gradient), -1))

    def _numbers(self, observation: Array) -> Array:
        numbers = observation.reshape(len(observation), -1).astype(np.float32, copy=False)
        return numbers if self._scale == 1.0 else numbers * np.asarray(self._scale, np.float32)


def online_and_target(network: QNetwork, device: str) -> tuple[Approximator, Approximator]:
    """Online network and target network, a copy of it, each computed the fastest way that supports it."""
    kind = NumpyApproximator if NumpyApproximator.supports(network, device) else Approximator
    twin = copy.deepcopy(network)
    return kind(network, device), kind(twin, device)


def _layers(network: QNetwork) -> list[nn.Module]:
    """Hidden layers and the last layer of a network with a `LinearHead`."""
    assert isinstance(network.head, LinearHead)
    return [*network.body.layers, network.head.layer]
