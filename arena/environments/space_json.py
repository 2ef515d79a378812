"""Spaces of data sets: restricted to few types, converted to and from JSON, and inferred from values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import Space, spaces

from arena.environments.spaces import describe_space
from arena.errors import ArenaError

__all__ = ["array_space", "bounds_of", "from_json", "inferred_space", "storage_space", "to_json"]

Array = npt.NDArray[Any]

#: Data types of arrays on disk; torch supports all of them.
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32")

#: Maximum number of values in one array, which limits the arrays of bounds too.
LARGEST = 2**28


def storage_space(space: Space[Any], what: str, *, observed: bool = False) -> Space[Any]:
    """Space of a source's values as stored: unchanged, except for data types that data sets do not have.

    Args:
        space: space of the source.
        what: name of the values in errors.
        observed: whether the values are observations, which are stored as bytes or float32.

    Raises:
        ArenaError: the values are not arrays of one shape.
    """
    kinds: tuple[type[Space[Any]], ...] = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
    if isinstance(space, spaces.Box):
        dtype = _dtype(space.dtype, observed)
        return space if dtype == space.dtype else _box(*_cast(space, dtype), dtype)
    if observed:
        problem = f"{what} gives {describe_space(space)}, but frames must be arrays (a Box)"
        remedy = "choose an observation of pixels or numbers, use frames='render', or wrap the environment"
        raise ArenaError(problem, remedy)
    if isinstance(space, kinds):
        return space
    problem = f"{what} is of {describe_space(space)}, which a data set cannot hold"
    raise ArenaError(problem, "flatten it with a wrapper")


def dtype_of(space: Space[Any]) -> np.dtype[Any]:
    """Data type in which the values of a stored space are written."""
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        return np.dtype(np.int64)
    return np.dtype(np.int8) if isinstance(space, spaces.MultiBinary) else np.dtype(space.dtype)


def bounds_of(space: Space[Any]) -> tuple[Array, Array] | None:
    """Smallest and largest allowed whole numbers, if narrower than their data type; otherwise None."""
    if isinstance(space, spaces.Discrete):
        return np.array(space.start), np.array(space.start + space.n - 1)
    if isinstance(space, spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    if isinstance(space, spaces.MultiBinary):
        return np.array(0), np.array(1)
    assert isinstance(space, spaces.Box)
    if space.dtype is None or space.dtype.kind not in "iu":
        return None
    full = np.iinfo(space.dtype)
    unbounded = (space.low == full.min).all() and (space.high == full.max).all()
    return None if unbounded else (space.low, space.high)


def inferred_space(value: Any, what: str) -> Space[Any]:
    """Infer a space from one value.

    Args:
        value: a number, a boolean, or an array of them.
        what: name of the value in errors.

    Raises:
        ArenaError: the value is of another type.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of uneven lengths
        raise ArenaError(f"{what} is not an array: {error}", "leave it out") from error
    if array.dtype.kind == "b":
        return spaces.MultiBinary(array.shape) if array.shape else spaces.Discrete(2)
    if array.dtype.kind == "f":
        return spaces.Box(-np.inf, np.inf, array.shape, np.float32)
    if array.dtype.kind in "iu":
        full = np.iinfo(array.dtype)
        return storage_space(spaces.Box(full.min, full.max, array.shape, array.dtype.type), what)
    raise ArenaError(f"{what} is {type(value).__name__}, not a number or an array of numbers", "leave it out")


def to_json(space: Space[Any]) -> dict[str, Any]:
    """Encode a stored space as plain JSON values."""
    if isinstance(space, spaces.Discrete):
        return {"kind": "discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "multi-discrete", "n": space.nvec.tolist(), "start": space.start.tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"kind": "multi-binary", "shape": list(space.shape)}
    assert isinstance(space, spaces.Box)
    low, high = (_bound_to_json(side) for side in (space.low, space.high))
    return {"kind": "box", "dtype": str(space.dtype), "shape": list(space.shape), "low": low, "high": high}


def from_json(values: Any) -> Space[Any]:
    """Decode a stored space; the inverse of `to_json`.

    Raises:
        ValueError: the values do not describe a space.
    """
    try:
        kind = values["kind"]
        if kind == "discrete":
            return spaces.Discrete(values["n"], start=values["start"])
        if kind == "multi-discrete":
            return spaces.MultiDiscrete(values["n"], start=values["start"])
        if kind == "multi-binary":
            return spaces.MultiBinary(values["shape"])
        dtype, shape = values["dtype"], tuple(values["shape"])
        if kind != "box" or dtype not in DTYPES or math.prod(shape) > LARGEST:
            raise ValueError(f"no space is a {kind} of {dtype}")
        low, high = (np.array(_bound(values[side]), dtype=dtype) for side in ("low", "high"))
        return _box(np.broadcast_to(low, shape), np.broadcast_to(high, shape), np.dtype(dtype))
    except (KeyError, TypeError, AssertionError, AttributeError, OverflowError) as error:
        raise ValueError(f"no space: {error!r}") from error


def _dtype(given: Any, observed: bool) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(given)
    if observed:
        return dtype if dtype in (np.uint8, np.float32) else np.dtype(np.float32)
    if dtype.name in DTYPES:
        return dtype
    return np.dtype(np.float32 if dtype.kind == "f" else np.int64)


def _cast(space: spaces.Box, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    if space.dtype == np.uint64 and dtype.kind == "i":
        most = np.uint64(np.iinfo(dtype).max)
        return np.minimum(space.low, most).astype(dtype), np.minimum(space.high, most).astype(dtype)
    with np.errstate(over="ignore"):  # numbers too large for float32 become infinite
        return space.low.astype(dtype), space.high.astype(dtype)


def _box(low: Array, high: Array, dtype: np.dtype[Any]) -> spaces.Box:
    return spaces.Box(low[()], high[()], low.shape, dtype.type)


def _bound_to_json(side: Array) -> Any:
    values = side.ravel()
    uniform = values.size > 0 and (values == values[0]).all()
    return _texts(values[0].item() if uniform else side.tolist())


def _texts(value: Any) -> Any:
    """Replace infinities, which JSON does not have, by texts."""
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return value if math.isfinite(value) else str(value)


def _bound(value: Any) -> Any:
    if isinstance(value, list):
        return [_bound(one) for one in value]
    return {"inf": math.inf, "-inf": -math.inf}[value] if isinstance(value, str) else value


def array_space(space: Space[Any]) -> spaces.Box:
    """Space of an environment's observations as data sets store them and encoders read them.

    Raises:
        ArenaError: the observations are not arrays.
    """
    if not isinstance(space, spaces.Box):
        problem = f"an encoder takes arrays, and the environment gives {describe_space(space)}"
        raise ArenaError(problem, "choose pixels")
    stored = storage_space(space, "the observation", observed=True)
    assert isinstance(stored, spaces.Box)
    return stored
