"""States of the global generators, for the tests of `arena.random.generators`."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch


def global_states():
    kind, key, *rest = np.random.get_state()
    torch_state = torch.get_rng_state().numpy().tobytes()
    engine = id(np.random.get_bit_generator())
    return random.getstate(), (kind, key.tobytes(), *rest), engine, torch_state, torch.initial_seed()


def draw():
    """An odd number of normals, so that both Python's and NumPy's legacy generators keep a half-used pair."""
    return [random.random(), random.gauss(0, 1), np.random.randn(), torch.randn(3).tolist(), np.random.rand()]


def draw_lent(generators, name="agent", times=1):
    draws = []
    for _ in range(times):
        with generators.lent(name):
            draws.append(draw())
    return draws


@pytest.fixture(autouse=True)
def unusual_globals():
    """The world outside is anywhere in its streams, in the middle of a pair of normals."""
    random.seed(11)
    np.random.seed(12)
    torch.manual_seed(13)
    draw()


def through_json(state):
    """The state as a codec would carry it: arrays as bytes, the rest as JSON; arrays come back read-only."""
    arrays = []

    def pack(value):
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {"array": len(arrays) - 1}
        assert type(value) in (dict, int, str), value
        return {k: pack(v) for k, v in value.items()} if isinstance(value, dict) else value

    def unpack(value):
        if isinstance(value, dict) and value.keys() == {"array"}:
            array = arrays[value["array"]]
            return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
        return {k: unpack(v) for k, v in value.items()} if isinstance(value, dict) else value

    return unpack(json.loads(json.dumps(pack(state))))
