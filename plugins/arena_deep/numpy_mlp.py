"""Multilayer perceptron in NumPy, on the memory of torch modules: equal results without the overhead of torch.

For a small network on a CPU torch spends most of its time around the arithmetic. Since both share their memory, no
parameter or gradient is ever copied between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import nn

__all__ = ["NumpyMLP"]

Float32 = npt.NDArray[np.float32]


class _Layer(NamedTuple):
    weight: Float32
    bias: Float32
    weight_gradient: Float32 | None
    bias_gradient: Float32 | None
    activation: type[nn.Module] | None


class NumpyMLP:
    """Forward and backward pass of linear layers with ReLU or Tanh between them.

    Args:
        modules: `nn.Linear`, each followed by its activation if it has one; on the CPU. `backward` writes to their
            gradients (`arena_deep.networks.flatten_parameters` gives them some).

    Example:
        >>> layers = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 2))
        >>> NumpyMLP(layers)(np.zeros((1, 4), np.float32)).shape
        (1, 2)
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        self._layers: list[_Layer] = []
        for module in modules:
            if isinstance(module, nn.Linear):
                weight, bias = module.weight, module.bias
                self._layers.append(
                    _Layer(
                        weight.detach().numpy(),
                        bias.detach().numpy(),
                        None if weight.grad is None else weight.grad.numpy(),
                        None if bias.grad is None else bias.grad.numpy(),
                        None,
                    )
                )
            else:
                self._layers[-1] = self._layers[-1]._replace(activation=type(module))
        self._inputs: list[Float32] = []
        self._outputs: list[Float32] = []

    @staticmethod
    def supports(modules: Iterable[nn.Module]) -> bool:
        """True where every module is a linear layer or a supported activation."""
        return all(type(module) in (nn.Linear, nn.ReLU, nn.Tanh) for module in modules)

    def __call__(self, x: Float32) -> Float32:
        """Outputs, shape (batch, outputs), for inputs of shape (batch, inputs)."""
        for layer in self._layers:
            x = _forward(layer, x)
        return x

    def forward(self, x: Float32) -> Float32:
        """Outputs, shape (batch, outputs), with all activations kept for `backward`."""
        self._inputs, self._outputs = [], []
        for layer in self._layers:
            self._inputs.append(x)
            x = _forward(layer, x)
            self._outputs.append(x)
        return x

    def backward(self, gradient: Float32) -> None:
        """Set the gradients of the parameters from the gradient by the outputs of `forward`, shape (batch, outputs)."""
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
