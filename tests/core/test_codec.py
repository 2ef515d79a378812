"""The codec's law: what comes back is what went in, to the type, the bit, the order and the alias."""

from __future__ import annotations

import json
import math
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arena.storage import codec
from arena.storage.codec import decode, encode

NUMPY_DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
TORCH_DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64,
    torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.complex128, torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
]  # fmt: skip


def round_trip(state: dict[Any, Any]) -> dict[Any, Any]:
    return decode(encode(state))


def assert_same(before: Any, after: Any, paired: dict[int, Any] | None = None) -> None:
    """Equal in type, dtype, shape, bits, order and aliasing (an object seen twice is one object twice)."""
    paired = {} if paired is None else paired
    if isinstance(before, (np.ndarray, torch.Tensor)):
        assert paired.setdefault(id(before), after) is after
        others = [other for key, other in paired.items() if key != id(before)]
        assert not any(other is after for other in others), "two objects became one"
    if isinstance(before, np.ndarray):
        assert type(after) is np.ndarray
        assert after.dtype == before.dtype.newbyteorder("=")
        assert after.dtype.isnative
        assert after.shape == before.shape
        assert after.astype(before.dtype).tobytes() == before.tobytes()
        assert after.flags.owndata
        assert after.flags.writeable
        assert after.flags.c_contiguous
    elif isinstance(before, torch.Tensor):
        assert type(after) is torch.Tensor
        assert not after.requires_grad
        assert after.device.type == "cpu"
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert bits(after) == bits(before)
    else:
        assert type(after) is (dict if type(before) is OrderedDict else type(before))
        if isinstance(before, dict):
            assert len(before) == len(after)
            for (key, value), (key_after, value_after) in zip(before.items(), after.items(), strict=True):
                assert_same(key, key_after, paired)
                assert_same(value, value_after, paired)
        elif isinstance(before, (list, tuple)):
            assert len(before) == len(after)
            for one, other in zip(before, after, strict=True):
                assert_same(one, other, paired)
        elif isinstance(before, np.generic):
            assert before.tobytes() == after.tobytes()
        elif isinstance(before, float):
            if math.isnan(before):
                assert math.isnan(after)
            else:
                assert struct.pack("d", before) == struct.pack("d", after)
        else:
            assert before == after


def bits(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy().tobytes()


SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@st.composite
def arrays(draw: Any) -> np.ndarray[Any, Any]:
    dtype = np.dtype(draw(st.sampled_from(NUMPY_DTYPES)))
    shape = draw(SHAPES)
    count = math.prod(shape)
    if dtype.kind == "b":
        array = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    else:
        size = count * dtype.itemsize
        array = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype).copy()
    array = array.reshape(shape)
    match draw(
        st.sampled_from(["plain", "fortran", "reversed", "sliced", "transposed", "broadcast", "swapped"])
    ):
        case "fortran":
            return np.asfortranarray(array)
        case "reversed" if array.ndim:
            return array[::-1]
        case "sliced" if array.ndim:
            return array[..., ::2]
        case "transposed":
            return array.T
        case "broadcast":
            return np.broadcast_to(array, (2, *shape))
        case "swapped":
            return array.astype(dtype.newbyteorder(">"))
    return array


@st.composite
def tensors(draw: Any) -> torch.Tensor:
    dtype = draw(st.sampled_from(TORCH_DTYPES))
    shape = draw(SHAPES)
    raw = draw(st.binary(min_size=(n := math.prod(shape) * dtype.itemsize), max_size=n))
    tensor = torch.empty(shape, dtype=dtype)
    tensor.reshape(-1).view(torch.uint8).copy_(
        torch.tensor([b & 1 for b in raw] if dtype is torch.bool else list(raw))
    )
    match draw(st.sampled_from(["plain", "transposed", "expanded", "gradient", "parameter", "conjugate"])):
        case "transposed" if tensor.ndim > 1:
            return tensor.transpose(0, -1)
        case "expanded":
            return tensor.expand(2, *shape)
        case "gradient" if dtype.is_floating_point:
            return tensor.requires_grad_()
        case "parameter" if dtype.is_floating_point:
            return torch.nn.Parameter(tensor)
        case "conjugate" if dtype in (torch.complex64, torch.complex128):
            return tensor.conj()
    return tensor


scalars = st.one_of(
    st.builds(np.dtype, st.sampled_from(NUMPY_DTYPES[1:])).flatmap(
        lambda d: st.binary(min_size=d.itemsize, max_size=d.itemsize).map(lambda b: np.frombuffer(b, d)[0])
    ),
    st.booleans().map(np.bool_),
)
text = st.text(st.characters(codec=None), max_size=8)  # lone surrogates too
plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**200), 2**200), st.floats(), text,
    st.binary(max_size=8), scalars,
)  # fmt: skip
keys = st.recursive(plain, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=3)


def states() -> st.SearchStrategy[dict[Any, Any]]:
    @st.composite
    def build(draw: Any) -> dict[Any, Any]:
        pool = draw(st.lists(st.one_of(arrays(), tensors()), max_size=4))
        leaves = st.one_of(plain, st.sampled_from(pool)) if pool else plain
        nested = st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.lists(inner, max_size=4),
                st.lists(inner, max_size=4).map(tuple),
                st.dictionaries(keys, inner, max_size=4),
                st.dictionaries(text, inner, max_size=3).map(OrderedDict),
            ),
            max_leaves=12,
        )
        return draw(st.dictionaries(keys, nested, max_size=4))

    return build()


@settings(max_examples=100)
@given(states())
@example({1: "int", "1": "text", (1,): "tuple", None: 0, 1.5: 0, b"1": 0, np.int8(4): -0.0, True + 1: True})
@example({"__metadata__": np.arange(3), "a": {"b": np.arange(2)}, "a.b": np.arange(4), "a.b~2": np.arange(5)})
@example({"\ud800\udc00": "\ud800", 'é\x00"': 10**6000, 10**6000: np.zeros(1)})
def test_round_trip(state: dict[Any, Any]) -> None:
    encoded = encode(state)
    assert_same(state, decode(encoded))
    assert encode(decode(encoded)) == encoded  # also: the bytes depend on nothing but the state


@pytest.mark.parametrize(
    ("owner", "name", "defect"),
    [
        (np, "ascontiguousarray", lambda array, dtype=None: array.astype(dtype or array.dtype).ravel("K")),
        (codec, "_identity", lambda tensor, path: (path,)),
        (codec, "_key", lambda key, path: str(key)),
    ],
)
def test_the_law_catches_a_planted_defect(
    owner: Any, name: str, defect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = torch.arange(3.0)
    state = {0: np.asfortranarray(np.arange(6.0).reshape(2, 3)), "tied": [weight, weight]}
    assert_same(state, round_trip(state))
    monkeypatch.setattr(owner, name, defect)
    with pytest.raises(AssertionError):
        assert_same(state, round_trip(state))


def model_and_optimiser() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    return model, torch.optim.Adam(model.parameters(), lr=0.05, amsgrad=True)


def step(model: torch.nn.Module, optimiser: torch.optim.Optimizer, times: int) -> None:
    for i in range(times):
        optimiser.zero_grad()
        x = torch.linspace(-1, 1, 15).reshape(5, 3) * (i + 1)
        ((model(x) - x.sum(1, keepdim=True)) ** 2).mean().backward()
        optimiser.step()


def test_adam_continues_identically() -> None:
    model, optimiser = model_and_optimiser()
    step(model, optimiser, 3)
    saved = encode({"model": model.state_dict(), "optimiser": optimiser.state_dict()})
    step(model, optimiser, 3)

    resumed, resumed_optimiser = model_and_optimiser()
    state = decode(saved)
    assert list(state["optimiser"]["state"]) == [0, 1, 2, 3]
    resumed.load_state_dict(state["model"])
    resumed_optimiser.load_state_dict(state["optimiser"])
    step(resumed, resumed_optimiser, 3)
    for one, other in zip(model.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)

    forgetful, forgetful_optimiser = model_and_optimiser()  # the check can fail: without moments it differs
    forgetful.load_state_dict(state["model"])
    step(forgetful, forgetful_optimiser, 3)
    assert not torch.equal(next(forgetful.parameters()), next(model.parameters()))


def test_tied_weights_are_stored_once() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    model[1].weight = model[0].weight
    encoded = encode({"model": model.state_dict(), "again": model[0].weight})
    state = decode(encoded)
    assert state["model"]["0.weight"] is state["model"]["1.weight"] is state["again"]
    assert len(json.loads(encoded.arrays[8 : 8 + int.from_bytes(encoded.arrays[:8], "little")])) == 3


def test_overlap_is_not_identity() -> None:
    base = torch.arange(6.0)
    state = {"a": base, "b": base[:3], "c": base[3:], "d": base.view(2, 3), "e": base.view(torch.int32)}
    state |= {"square": (t := torch.eye(2)), "transposed": t.T, "empty": [torch.empty(0), torch.empty(0)]}
    assert_same(state, round_trip(state))


def test_encoding_leaves_the_state_as_it_was() -> None:
    tensor = torch.nn.Parameter(torch.arange(3.0))
    encode({"t": tensor})
    tensor.data.resize_(9)  # torch forbids this for ever once .numpy() was called
    assert tensor.requires_grad


def test_decoded_memory_is_free_to_change() -> None:
    state = {"a": np.arange(3), "b": np.arange(3), "t": torch.arange(3.0)}
    encoded = encode(state)
    first, second = decode(encoded), decode(encoded)
    first["a"] += 1
    first["a"].resize(5, refcheck=False)
    first["t"].resize_(9).zero_()
    assert_same(state, second)
    assert_same(state, decode(encoded))


def test_memory_mapped_arrays(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "m", dtype=np.int16, mode="w+", shape=(2, 3))
    mapped[:] = np.arange(6).reshape(2, 3)
    [array] = round_trip({"m": mapped}).values()
    assert type(array) is np.ndarray
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_decodes_on_the_cpu() -> None:
    weight = torch.arange(6.0, device="cuda").reshape(2, 3)
    state = round_trip({"a": weight, "b": weight.T, "c": weight})
    assert state["a"] is state["c"]
    assert state["a"].device.type == "cpu"
    assert torch.equal(state["b"], weight.T.cpu())
