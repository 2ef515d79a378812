"""Which bytes the codec writes, and what it refuses: values no state can hold, bytes no codec wrote."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ArenaError
from arena.storage.codec import Encoded, decode, encode

SCRIPT = """
import hashlib, sys
import numpy as np
import arena.storage.codec
assert "torch" not in sys.modules
state = {k: {i: np.arange(i), "s": {"x": i, "y": (1, 2.5)}} for i, k in enumerate("qwertyuiop")}
encoded = arena.storage.codec.encode(state)
assert arena.storage.codec.decode(encoded)["q"]["s"] == {"x": 0, "y": (1, 2.5)}
assert "torch" not in sys.modules
print(hashlib.sha256(encoded.arrays + encoded.tree).hexdigest())
"""


def test_bytes_are_deterministic_and_torch_is_not_imported() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(digests) == 1


class Colour(enum.IntEnum):
    RED = 1


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()]), np.array(["a"]), np.array([(1, 2)], "i4,i4"), np.datetime64(1, "s"),
        np.array([1], "M8[s]"), np.longdouble(1), np.str_("a"), np.ma.masked_array([1], [True]),
        lambda: 0, object(), {1, 2}, Colour.RED, Point(1, 2), bytearray(b"1"), 1j, torch.float32,
        torch.device("cpu"), torch.empty(2, device="meta"), torch.eye(2).to_sparse(),
        torch.nn.Linear(1, 1), torch.Generator(),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_unsupported_values_are_named(value: Any) -> None:
    with pytest.raises(ArenaError) as error:
        encode({"agent": [0, {"table": value}]})
    assert str(error.value).startswith("state['agent'][1]['table'] is ")
    assert error.value.remedy
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", [object(), torch.zeros(1), frozenset(), (1, object())])
def test_unsupported_keys_are_named(key: Any) -> None:
    with pytest.raises(ArenaError, match=r"^a key of state\['agent'\]"):
        encode({"agent": {key: 1}})


def nest(depth: int, wrap: Any) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}])
def test_depth(wrap: Any) -> None:
    state = {"s": nest(99, wrap)}
    assert decode(encode(state)) == state
    for depth in (100, 5000):
        with pytest.raises(ArenaError, match="nested"):
            encode({"s": nest(depth, wrap)})


def test_loops_and_deep_keys() -> None:
    loop: list[Any] = []
    loop += [loop, loop]
    with pytest.raises(ArenaError, match="nested"):
        encode({"loop": loop})
    key = nest(98, lambda v: (v,))
    assert decode(encode({key: 1})) == {key: 1}
    with pytest.raises(ArenaError, match="nested"):
        encode({nest(600, lambda v: (v,)): 1})


@pytest.mark.parametrize("state", [[], None, 1, "x"])
def test_a_state_is_a_dictionary(state: Any) -> None:
    with pytest.raises(ArenaError, match="must be a dict"):
        encode(state)


GOOD = encode({"a": np.arange(4.0), "b": torch.ones(2, dtype=torch.bfloat16), "c": {1: (2**80, b"x", 1.5)}})


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "1", "null", "{", "[" * 100_000, '{"dict":1}', '{"dict":[1]}', '{"dict":[[[],1]]}',
        '{"dict":[["a",1],["a",2]]}', '{"dict":"ab"}', '{"dict":{}}x', '{"dict":[["a",NaN]]}', "{}",
        '{"list":[]}',
        '{"dict":[],"tuple":[]}', '{"dict":[["a",{"array":["zz","float64"]}]]}',
        '{"dict":[["a",{"array":[]}]]}',
        '{"dict":[["a",{"array":["a","float32"]}]]}', '{"dict":[["a",{"array":["a","object"]}]]}',
        '{"dict":[["a",{"array":["b","bfloat16"]}]]}', '{"dict":[["a",{"tensor":["a","bfloat16"]}]]}',
        '{"dict":[["a",{"tensor":["a","nn"]}]]}', '{"dict":[["a",{"array":[["a"],{}]}]]}',
        '{"dict":[["a",{"scalar":["object","00"]}]]}', '{"dict":[["a",{"scalar":["int32","00"]}]]}',
        '{"dict":[["a",{"int":"q"}]]}', '{"dict":[["a",{"int":5}]]}', '{"dict":[["a",{"float":"q"}]]}',
        '{"dict":[["a",{"bytes":"*"}]]}', '{"dict":[["a",{"text":"zz"}]]}', '{"dict":[["a",{"tuple":3}]]}',
        '{"dict":[["a",' + "9" * 5000 + "]]}", '{"dict":[["a",' + "[" * 150 + "]" * 150 + "]]}",
        '{"dict":[["a",' + "[" * 3000 + "]" * 3000 + "]]}", '{"tuple":[]}',
    ],
    ids=lambda body: body[:30],
)  # fmt: skip
def test_hostile_trees(body: str) -> None:
    for tree in (body, f'{{"format":1,"state":{body}}}'):
        with pytest.raises(ArenaError) as error:
            decode(Encoded(GOOD.arrays, tree.encode()))
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 500


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(ArenaError, match="format 2"):
        decode(Encoded(GOOD.arrays, GOOD.tree.replace(b'"format":1', b'"format":2')))


@settings(max_examples=150)
@given(st.data())
def test_damaged_bytes_raise_nothing_else(data: st.DataObject) -> None:
    parts = {"arrays": GOOD.arrays, "tree": GOOD.tree}
    part = data.draw(st.sampled_from(sorted(parts)))
    raw = bytearray(parts[part])
    place = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[place] = data.draw(st.integers(0, 255))
    else:
        del raw[place:]
    try:
        state = decode(Encoded(**{**parts, part: bytes(raw)}))
    except ArenaError:
        return
    assert type(state) is dict  # undetected damage is the checkpoint's digests' business


TAGS = ["dict", "tuple", "int", "float", "text", "bytes", "scalar", "array", "tensor", "journal", "zz"]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["a", "b", "00"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(TAGS), inner, min_size=1, max_size=1),
    ),
)


@settings(max_examples=100)
@given(json_values)
def test_arbitrary_json_raises_nothing_else(body: Any) -> None:
    try:
        decode(Encoded(GOOD.arrays, json.dumps({"format": 1, "state": {"dict": [["a", body]]}}).encode()))
    except ArenaError:
        return
