"""Laws of the views through which an agent sees a space."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array, iterate
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.environments.spaces import BOX, DISCRETE, Flat, Identity, Index, view
from arena.errors import ArenaError

sizes = st.integers(1, 4)
shapes = st.lists(st.integers(1, 2), min_size=1, max_size=2).map(tuple)
# Not uint64, which Gymnasium itself does not flatten; `test_unsigned…` has it.
integer_types = st.sampled_from([np.int8, np.uint8, np.int32, np.int64])


@st.composite
def discrete(draw):
    return spaces.Discrete(draw(sizes), start=draw(st.integers(-3, 3)))


@st.composite
def multi_discrete(draw):
    nvec = np.array(draw(st.lists(sizes, min_size=4, max_size=4))[: draw(st.sampled_from([1, 2, 4]))])
    if len(nvec) == 4:
        nvec = nvec.reshape(2, 2)
    start = np.full(nvec.shape, draw(st.integers(0, 3)))
    return spaces.MultiDiscrete(nvec, dtype=draw(integer_types), start=start)


@st.composite
def box(draw):
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64, np.uint8, np.int16, np.int32]))
    return spaces.Box(0, 100, shape=draw(shapes | st.just(())), dtype=dtype)


binary = st.one_of(sizes, shapes).map(spaces.MultiBinary)
finite_leaf = st.one_of(discrete(), multi_discrete(), binary)


def nested(leaf):
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple),
            st.dictionaries(st.sampled_from("zyx"), inner, min_size=1, max_size=3).map(spaces.Dict),
        ),
        max_leaves=4,
    )


def batch(space, n=3, seed=0):
    space.seed(seed)
    samples = [space.sample() for _ in range(n)]
    return samples, concatenate(space, samples, create_empty_array(space, n))


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


@settings(max_examples=150)
@given(nested(finite_leaf), st.integers(0, 99))
def test_index_round_trip(space, seed):
    seen = Index(space)
    _, given_ = batch(space, 3, seed)
    encoded = seen.encode(given_)
    assert encoded.shape == (3,)
    assert encoded.dtype == seen.outer.dtype == np.int64
    assert all(seen.outer.contains(index) for index in encoded)
    assert same(seen.decode(encoded), given_)


@settings(max_examples=60)
@given(nested(finite_leaf))
def test_index_is_a_bijection(space):
    seen = Index(space)
    everything = np.arange(seen.outer.n)[:500]
    decoded = seen.decode(everything)
    np.testing.assert_array_equal(seen.encode(decoded), everything)
    from gymnasium.vector.utils import batch_space

    assert all(space.contains(item) for item in iterate(batch_space(space, len(everything)), decoded))


@settings(max_examples=150)
@given(nested(st.one_of(finite_leaf, box())), st.integers(0, 99))
def test_flat_equals_gymnasium_and_comes_back(space, seed):
    seen = Flat(space)
    samples, given_ = batch(space, 3, seed)
    encoded = seen.encode(given_)
    assert encoded.dtype == seen.outer.dtype
    for row, sample in zip(encoded, samples, strict=True):
        np.testing.assert_array_equal(row, spaces.flatten(space, sample))
        assert seen.outer.contains(row)
    assert same(seen.decode(encoded), given_)


def test_the_last_digit_varies_fastest():
    seen = Index(spaces.MultiDiscrete([[2, 3], [4, 5]]))
    np.testing.assert_array_equal(seen.decode(np.array([1]))[0], [[0, 0], [0, 1]])
    assert seen.outer.n == 120


def test_unsigned_and_small_types_do_not_overflow():
    """nvec has the space's type: as uint8 its product is 0, beside int64 uint64 makes float64."""
    small = spaces.MultiDiscrete(np.array([200, 200, 200]), dtype=np.uint8)
    assert view(small, (DISCRETE,)).outer.n == 8_000_000
    mixed = spaces.Tuple((spaces.MultiDiscrete(np.array([3]), dtype=np.uint64), spaces.Discrete(2)))
    assert Index(mixed).encode((np.array([[2]], dtype=np.uint64), np.array([1]))).dtype == np.int64


@pytest.mark.parametrize(
    ("part", "dtype"), [(np.uint8, np.float32), (np.int32, np.float64), (np.int64, np.float64)]
)
def test_flat_holds_integers_exactly(part, dtype):
    high = min(np.iinfo(part).max, 2**53)
    space = spaces.Tuple((spaces.Box(0, high, (1,), part), spaces.Discrete(2)))
    value = (np.array([[high]], part), np.array([1]))
    seen = Flat(space)
    assert seen.outer.dtype == dtype
    assert same(seen.decode(seen.encode(value)), value)


def test_flat_of_images_stays_bytes():
    image = spaces.Box(0, 255, (2, 2), np.uint8)
    assert Flat(spaces.Dict(a=image, b=image)).outer.dtype == np.uint8


CHOICES = [
    (spaces.Discrete(3), (DISCRETE, BOX), Identity),
    (spaces.Discrete(3, start=1), (DISCRETE,), Index),
    (spaces.Discrete(3, dtype=np.int32), (DISCRETE,), Index),
    (spaces.Discrete(3), (BOX,), Flat),
    (spaces.Box(0, 1, (2,)), (DISCRETE, BOX), Identity),
    (spaces.Box(0, 1, (2,)), (DISCRETE,), type(None)),
    (spaces.MultiBinary(40), (DISCRETE, BOX), Flat),
    (spaces.MultiBinary(31), (DISCRETE,), type(None)),
    (spaces.MultiBinary(30), (DISCRETE,), Index),
    (spaces.Discrete(2**40), (DISCRETE, BOX), type(None)),
    (spaces.Tuple((spaces.Discrete(3), spaces.Box(0, 1, (2,)))), (DISCRETE, BOX), Flat),
]


@pytest.mark.parametrize(("space", "kinds", "expected"), CHOICES)
def test_view_chooses(space, kinds, expected):
    assert type(view(space, kinds)) is expected


def test_an_unsupported_part_is_named():
    with pytest.raises(ArenaError, match=r"the space's part \['a'\]\[1\] is a Text"):
        view(spaces.Dict(a=spaces.Tuple((spaces.Discrete(2), spaces.Text(5)))), (BOX,))
    with pytest.raises(ArenaError, match="the space is a Text"):
        view(spaces.Text(5), (BOX,))
    with pytest.raises(ArenaError, match="no parts"):
        view(spaces.Tuple(()), (BOX,))


def test_numbers_choose_no_finite_action():
    assert view(spaces.Discrete(3), ["box"], one_hot=False) is None
    mixed = spaces.Dict(a=spaces.Discrete(3), b=spaces.Box(-1, 1, (2,)))
    assert view(mixed, ["box"], one_hot=False) is None
    assert view(spaces.Tuple([spaces.Box(-1, 1, (2,))] * 2), ["box"], one_hot=False).outer.shape == (4,)
