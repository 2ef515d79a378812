"""Reversible conversions of spaces: composite observations and actions as an index or a flat array."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from arena.errors import ArenaError

__all__ = ["BOX", "DISCRETE", "Accepts", "Flat", "Identity", "Index", "View", "describe_space", "view"]

Array = npt.NDArray[Any]
_Path: TypeAlias = tuple[Any, ...]

#: Kinds of spaces that an agent can require; a stream converts every other space to one of them.
DISCRETE, BOX = "discrete", "box"

#: Maximum number of values of a space that is indexed; a larger table would not fit into memory.
LARGEST_INDEX = 2**31 - 1

#: Maximum length of a flattened composite space; the one-hot vector of a huge `Discrete` would not fit into memory.
LARGEST_FLAT = 2**24


class Accepts(Protocol):
    """Kinds of observations and actions that an agent accepts: "discrete" (an index) or "box" (an array).

    Attributes:
        observations: accepted kinds of observations, the preferred one first.
        actions: accepted kinds of actions, the preferred one first.
    """

    @property
    def observations(self) -> tuple[str, ...]: ...

    @property
    def actions(self) -> tuple[str, ...]: ...


class View(ABC):
    """Conversion between a space of an environment (`inner`) and that of an agent (`outer`), for batches of values."""

    inner: gym.Space[Any]
    outer: gym.Space[Any]

    @abstractmethod
    def encode(self, batch: Any) -> Array:
        """Convert a batch of a Gymnasium vector to an array of shape (batch, *outer.shape)."""

    @abstractmethod
    def decode(self, array: Array) -> Any:
        """Convert an array to a batch; the inverse of `encode`."""


class Identity(View):
    """Conversion that changes nothing."""

    def __init__(self, inner: gym.Space[Any]) -> None:
        self.inner = self.outer = inner

    def encode(self, batch: Any) -> Array:
        return np.asarray(batch)

    def decode(self, array: Array) -> Any:
        return array


class Index(View):
    """Conversion of a finite space to one integer, in mixed radix; the last leaf varies fastest."""

    def __init__(self, inner: gym.Space[Any]) -> None:
        self.inner = inner
        self._leaves = list(_leaves(inner))
        sizes, starts = zip(*(_digits(leaf) for _, leaf in self._leaves), strict=True)
        self._sizes, self._starts = np.concatenate(sizes), np.concatenate(starts)
        self._splits = np.cumsum([len(size) for size in sizes])[:-1].tolist()
        self._weights = np.append(np.cumprod(self._sizes[:0:-1])[::-1], 1)
        self.outer = spaces.Discrete(int(np.prod(self._sizes)))

    def encode(self, batch: Any) -> Array:
        digits = [_columns(_get(batch, path)) for path, _ in self._leaves]
        return np.asarray((np.concatenate(digits, axis=1) - self._starts) @ self._weights)

    def decode(self, array: Array) -> Any:
        digits = array[:, None] // self._weights % self._sizes + self._starts
        parts = np.split(digits, self._splits, axis=1)
        leaves = [
            part.reshape(len(array), *(leaf.shape or ())).astype(leaf.dtype)
            for part, (_, leaf) in zip(parts, self._leaves, strict=True)
        ]
        return _build(self.inner, iter(leaves))


class Flat(View):
    """Conversion of a composite space to one flat array, in the layout of `gymnasium.spaces.flatten`, by batches.

    Discrete parts are one-hot; arrays are flattened. The data type is the smallest that holds all numbers, and at
    least float32, which networks read, if there is a one-hot part.
    """

    def __init__(self, inner: gym.Space[Any]) -> None:
        self.inner = inner
        self._leaves = list(_leaves(inner))
        # Gymnasium's one-hot vectors are int64, which would make the whole array int64 or float64.
        boxes = [leaf.dtype if isinstance(leaf, spaces.Box) else np.float32 for _, leaf in self._leaves]
        dtype: Any = np.result_type(*boxes)
        bounds = [_bounds(leaf) for _, leaf in self._leaves]
        low, high = (np.concatenate(side).astype(dtype) for side in zip(*bounds, strict=True))
        self.outer = spaces.Box(low, high, dtype=dtype)
        self._splits = np.cumsum([spaces.flatdim(leaf) for _, leaf in self._leaves])[:-1].tolist()

    def encode(self, batch: Any) -> Array:
        parts = [_flatten(leaf, _get(batch, path)) for path, leaf in self._leaves]
        return np.concatenate(parts, axis=1, dtype=self.outer.dtype, casting="unsafe")

    def decode(self, array: Array) -> Any:
        parts = np.split(array, self._splits, axis=1)
        leaves = [_unflatten(leaf, part) for part, (_, leaf) in zip(parts, self._leaves, strict=True)]
        return _build(self.inner, iter(leaves))


def view(space: gym.Space[Any], kinds: Sequence[str], *, one_hot: bool = True) -> View | None:
    """Conversion of a space for an agent that accepts these kinds; None if there is none.

    Args:
        space: space of the environment.
        kinds: "discrete" and "box", the preferred one first.
        one_hot: whether finite parts may be flattened: those of observations may, but the numbers of an agent with
            continuous actions do not choose one of finitely many actions.

    Raises:
        ArenaError: a part is neither finite nor numeric, such as text; the message names the part.
    """
    leaves = [leaf for _, leaf in _leaves(space)]
    if not leaves:
        raise ArenaError(f"the space {space} has no parts", "give the environment observations and actions")
    finite = not any(isinstance(leaf, spaces.Box) for leaf in leaves)
    flat = one_hot or all(isinstance(leaf, spaces.Box) for leaf in leaves)
    for kind in kinds:
        if kind == BOX and isinstance(space, spaces.Box):
            return Identity(space)
        if kind == BOX and flat and sum(spaces.flatdim(leaf) for leaf in leaves) <= LARGEST_FLAT:
            return Flat(space)
        if kind == DISCRETE and finite and _count(leaves) <= LARGEST_INDEX:
            plain = isinstance(space, spaces.Discrete) and space.start == 0 and space.dtype == np.int64
            return Identity(space) if plain else Index(space)
    return None


def describe_space(space: gym.Space[Any]) -> str:
    """Description of a space in one line, without the bounds of arrays."""
    if isinstance(space, spaces.Box):
        return f"Box{space.shape} of {space.dtype}"
    if isinstance(space, spaces.Dict):
        parts = (f"{key}: {describe_space(part)}" for key, part in space.spaces.items())
        return f"Dict({', '.join(parts)})"
    if isinstance(space, spaces.Tuple):
        return f"Tuple({', '.join(map(describe_space, space.spaces))})"
    return " ".join(str(space).split())


def _leaves(space: gym.Space[Any], path: _Path = ()) -> Iterator[tuple[_Path, gym.Space[Any]]]:
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for i, part in enumerate(space.spaces):
            yield from _leaves(part, (*path, i))
    elif isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary, spaces.Box)):
        yield path, space
    else:
        where = "'s part " + "".join(f"[{key!r}]" for key in path) if path else ""
        problem = f"the space{where} is a {type(space).__name__}, which no agent takes"
        raise ArenaError(problem, "drop or encode it with a wrapper (--wrap)")


def _get(batch: Any, path: _Path) -> Array:
    for key in path:
        batch = batch[key]
    return np.asarray(batch)


def _build(space: gym.Space[Any], leaves: Iterator[Array]) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _build(part, leaves) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_build(part, leaves) for part in space.spaces)
    return next(leaves)


def _digits(leaf: gym.Space[Any]) -> tuple[Array, Array]:
    """Number of values and smallest value of each digit of a finite leaf, as int64."""
    if isinstance(leaf, spaces.Discrete):
        return np.array([leaf.n], dtype=np.int64), np.array([leaf.start], dtype=np.int64)
    if isinstance(leaf, spaces.MultiDiscrete):
        return leaf.nvec.ravel().astype(np.int64), leaf.start.ravel().astype(np.int64)
    count = math.prod(leaf.shape or ())
    return np.full(count, 2), np.zeros(count, dtype=np.int64)


def _count(leaves: Sequence[gym.Space[Any]]) -> int:
    """Exact number of values of a finite space."""
    return math.prod(size for leaf in leaves for size in _digits(leaf)[0].tolist())


def _bounds(leaf: gym.Space[Any]) -> tuple[Array, Array]:
    if isinstance(leaf, spaces.Box):
        return leaf.low.ravel(), leaf.high.ravel()
    width = spaces.flatdim(leaf)
    return np.zeros(width), np.ones(width)


def _columns(values: Array) -> Array:
    return values.reshape(len(values), -1).astype(np.int64)


def _flatten(leaf: gym.Space[Any], values: Array) -> Array:
    if isinstance(leaf, (spaces.Box, spaces.MultiBinary)):
        return values.reshape(len(values), -1)
    sizes, starts = _digits(leaf)
    offsets = np.cumsum(sizes) - sizes - starts
    hot = np.zeros((len(values), int(sizes.sum())), dtype=np.float32)
    hot[np.arange(len(values))[:, None], _columns(values) + offsets] = 1
    return hot


def _unflatten(leaf: gym.Space[Any], part: Array) -> Array:
    shape = (len(part), *(leaf.shape or ()))
    if isinstance(leaf, (spaces.Box, spaces.MultiBinary)):
        return part.reshape(shape).astype(leaf.dtype)
    sizes, starts = _digits(leaf)
    blocks = np.split(part, np.cumsum(sizes)[:-1].tolist(), axis=1)
    digits = np.stack([block.argmax(axis=1) for block in blocks], axis=1) + starts
    return digits.reshape(shape).astype(leaf.dtype)
