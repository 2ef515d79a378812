"""A chain of linear layers in plain arrays: the same numbers as torch's modules, without their overhead.

For a small network on a CPU most of torch's time is spent around the arithmetic. What is here shares its memory with
the modules, so that neither has to be told what the other did; it is used wherever it can be, never now and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import nn

__all__ = ["Chain"]

Float32 = npt.NDArray[np.float32]


class _Layer(NamedTuple):
    weight: Float32
    bias: Float32
    weight_gradient: Float32 | None
    bias_gradient: Float32 | None
    activation: type[nn.Module] | None


class Chain:
    """Linear layers with ReLU or Tanh between them, forward and backward.

    Args:
        modules: `nn.Linear`, each followed by its activation if it has one; on the CPU. What gradients they have
            (`arena_deep.networks.as_vector` gives them some) is what `backward` writes to.

    Example:
        >>> layers = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 2))
        >>> Chain(layers)(np.zeros((1, 4), np.float32)).shape
        (1, 2)
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        self._layers: list[_Layer] = []
        for module in modules:
            if isinstance(module, nn.Linear):
                arrays = [parameter.detach().numpy() for parameter in (module.weight, module.bias)]
                grads = [parameter.grad for parameter in (module.weight, module.bias)]
                slopes = [None if grad is None else grad.numpy() for grad in grads]
                self._layers.append(_Layer(*arrays, *slopes, None))
            else:
                self._layers[-1] = self._layers[-1]._replace(activation=type(module))
        self._inputs: list[Float32] = []
        self._outputs: list[Float32] = []

    @staticmethod
    def takes(modules: Iterable[nn.Module]) -> bool:
        """Whether all of these are layers that it knows."""
        return all(type(module) in (nn.Linear, nn.ReLU, nn.Tanh) for module in modules)

    def __call__(self, x: Float32) -> Float32:
        """Shape (batch, inputs) to (batch, outputs)."""
        for layer in self._layers:
            x = _forward(layer, x)
        return x

    def forward(self, x: Float32) -> Float32:
        """The same, remembered for `backward`."""
        self._inputs, self._outputs = [], []
        for layer in self._layers:
            self._inputs.append(x)
            x = _forward(layer, x)
            self._outputs.append(x)
        return x

    def backward(self, gradient: Float32) -> None:
        """Sets the gradients of the parameters from that by the last `forward`'s outputs, shape (batch, outputs)."""
        for index in range(len(self._layers) - 1, -1, -1):
            layer, output = self._layers[index], self._outputs[index]
            if layer.activation is nn.ReLU:
                gradient = gradient * (output > 0)
            elif layer.activation is nn.Tanh:
                gradient = gradient * (1 - output * output)
            np.matmul(gradient.T, self._inputs[index], out=layer.weight_gradient)
            np.add.reduce(gradient, axis=0, out=layer.bias_gradient)
            if index:
                gradient = gradient @ layer.weight


def _forward(layer: _Layer, x: Float32) -> Float32:
    y: Float32 = x @ layer.weight.T
    y += layer.bias
    if layer.activation is nn.ReLU:
        np.maximum(y, 0, out=y)
    elif layer.activation is nn.Tanh:
        np.tanh(y, out=y)
    return y
