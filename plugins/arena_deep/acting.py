"""Small networks in numpy, on the very memory of their torch parameters.

For the few rows of an action torch's own work (dispatch, autograd's bookkeeping) costs several times the arithmetic.
What numpy cannot do, images and other devices, goes through torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from arena.encoders.preprocessing import Numbers
from arena_deep.fast import Chain
from arena_deep.networks import Body, Recurrent, observe

__all__ = ["Evaluation", "evaluation"]

Array = npt.NDArray[Any]

#: Observations (batch, *shape) and memory (batch, units) or None, to outputs (batch, k) and the memory after.
Evaluation = Callable[[Array, Array | None], tuple[Array, Array | None]]


def evaluation(body: Body, recurrent: Recurrent | None, last: nn.Linear) -> Evaluation:
    """A body, a memory and a last layer as one function of arrays, without gradients.

    It reads the parameters where they are: make it when they have their place, and change them in place.
    """
    plain = last.weight.device.type == "cpu" and Chain.takes(body.layers)
    if not plain or not isinstance(body.eyes, Numbers):
        return _by_torch(body, recurrent, last)
    scale, layers, output = np.float32(body.eyes.scale), Chain(body.layers), Chain([last])
    step = None if recurrent is None else _gru(recurrent)

    def evaluate(observation: Array, memory: Array | None) -> tuple[Array, Array | None]:
        x = observation.reshape(len(observation), -1).astype(np.float32, copy=False)
        x = layers(x if scale == 1 else x * scale)
        if step is not None:
            x = memory = step(x, memory)
        return output(x), memory

    return evaluate


def _by_torch(body: Body, recurrent: Recurrent | None, last: nn.Linear) -> Evaluation:
    device = last.weight.device

    def evaluate(observation: Array, memory: Array | None) -> tuple[Array, Array | None]:
        with torch.no_grad():
            features = body(observe(observation, device))
            if recurrent is None:
                return last(features).cpu().numpy(), None
            before = None if memory is None else torch.from_numpy(memory).to(device)
            features, after = recurrent.step(features, before)
            return last(features).cpu().numpy(), after.cpu().numpy()

    return evaluate


def _gru(recurrent: Recurrent) -> Callable[[Array, Array | None], Array]:
    """One step of `torch.nn.GRU`, by the equations of its documentation."""
    gru, units = recurrent.gru, recurrent.units
    weight_x, weight_h = gru.weight_ih_l0.detach().numpy().T, gru.weight_hh_l0.detach().numpy().T
    bias_x, bias_h = gru.bias_ih_l0.detach().numpy(), gru.bias_hh_l0.detach().numpy()

    def step(x: Array, memory: Array | None) -> Array:
        h = np.zeros((len(x), units), dtype=np.float32) if memory is None else memory
        from_x, from_h = x @ weight_x + bias_x, h @ weight_h + bias_h
        gates = from_x[:, : 2 * units] + from_h[:, : 2 * units]
        reset, update = np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1)
        new = np.tanh(from_x[:, 2 * units :] + reset * from_h[:, 2 * units :])
        return np.asarray((1 - update) * new + update * h)

    return step
