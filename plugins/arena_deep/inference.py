"""Inference with small networks in NumPy, on the memory of their torch parameters.

For the few rows of an action, the overhead of torch (dispatch, autograd) costs several times the arithmetic. Images and
other devices go through torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from arena.encoders.preprocessing import Numbers
from arena_deep.networks import Body, Recurrent, to_tensor
from arena_deep.numpy_mlp import NumpyMLP

__all__ = ["Inference", "inference_function"]

Array = npt.NDArray[Any]

#: Function from observations (batch, *shape) and memory (batch, units) or None to outputs (batch, k) and next memory.
Inference = Callable[[Array, Array | None], tuple[Array, Array | None]]


def inference_function(body: Body, recurrent: Recurrent | None, last: nn.Linear) -> Inference:
    """Forward pass of a body, a recurrent layer and a last layer as one function of arrays, without gradient.

    It reads the parameters in place: create it after `flatten_parameters`, and change parameters only in place.
    """
    supported = last.weight.device.type == "cpu" and NumpyMLP.supports(body.layers)
    if not supported or not isinstance(body.feature_extractor, Numbers):
        return _by_torch(body, recurrent, last)
    scale, layers, output = np.float32(body.feature_extractor.scale), NumpyMLP(body.layers), NumpyMLP([last])
    step = None if recurrent is None else _gru(recurrent)

    def evaluate(observation: Array, memory: Array | None) -> tuple[Array, Array | None]:
        x = observation.reshape(len(observation), -1).astype(np.float32, copy=False)
        x = layers(x if scale == 1 else x * scale)
        if step is not None:
            x = memory = step(x, memory)
        return output(x), memory

    return evaluate


def _by_torch(body: Body, recurrent: Recurrent | None, last: nn.Linear) -> Inference:
    """Inference through torch, for every network and device."""
    device = last.weight.device

    def evaluate(observation: Array, memory: Array | None) -> tuple[Array, Array | None]:
        with torch.no_grad():
            features = body(to_tensor(observation, device))
            if recurrent is None:
                return last(features).cpu().numpy(), None
            before = None if memory is None else torch.from_numpy(memory).to(device)
            features, after = recurrent.step(features, before)
            return last(features).cpu().numpy(), after.cpu().numpy()

    return evaluate


def _gru(recurrent: Recurrent) -> Callable[[Array, Array | None], Array]:
    """One step of `torch.nn.GRU` in NumPy, by the equations of its documentation."""
    units = recurrent.units
    arrays = {name: parameter.detach().numpy() for name, parameter in recurrent.gru.named_parameters()}
    weight_x, weight_h = arrays["weight_ih_l0"].T, arrays["weight_hh_l0"].T
    bias_x, bias_h = arrays["bias_ih_l0"], arrays["bias_hh_l0"]

    def step(x: Array, memory: Array | None) -> Array:
        h = np.zeros((len(x), units), dtype=np.float32) if memory is None else memory
        from_x, from_h = x @ weight_x + bias_x, h @ weight_h + bias_h
        gates = from_x[:, : 2 * units] + from_h[:, : 2 * units]
        reset, update = np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1)
        new = np.tanh(from_x[:, 2 * units :] + reset * from_h[:, 2 * units :])
        return np.asarray((1 - update) * new + update * h)

    return step
