"""One space seen as another: composite observations and actions as an index or a flat array, reversibly."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from arena.errors import ArenaError

__all__ = ["BOX", "DISCRETE", "Accepts", "Flat", "Identity", "Index", "View", "describe_space", "view"]

Array = npt.NDArray[Any]

#: Kinds of spaces that an agent can require; a stream converts every other space to one of them.
DISCRETE, BOX = "discrete", "box"

#: More values than this are not indexed: a table of them would not fit anyway.
LARGEST_INDEX = 2**31 - 1

#: Longer arrays than this are not made of composite spaces: a one-hot of a huge `Discrete` would not fit.
LARGEST_FLAT = 2**24


class Accepts(Protocol):
    """The kinds of observations and actions that an agent can work with, the preferred one first.

    Attributes:
        observations: "discrete" (an index) or "box" (an array).
        actions: likewise.
    """

    @property
    def observations(self) -> tuple[str, ...]: ...

    @property
    def actions(self) -> tuple[str, ...]: ...


class View(ABC):
    """A space of an environment (`inner`) as an agent sees it (`outer`); batches go through either way."""

    inner: gym.Space[Any]
    outer: gym.Space[Any]

    @abstractmethod
    def encode(self, batch: Any) -> Array:
        """A batch as Gymnasium's vectors give it, to an array of shape (batch, *outer.shape)."""

    @abstractmethod
    def decode(self, array: Array) -> Any:
        """The inverse of `encode`."""


class Identity(View):
    """The space as it is."""

    def __init__(self, inner: gym.Space[Any]) -> None:
        self.inner = self.outer = inner

    def encode(self, batch: Any) -> Array:
        return np.asarray(batch)

    def decode(self, array: Array) -> Any:
        return array


class Index(View):
    """A finite space as one integer, in mixed radix; the last leaf varies fastest."""

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
    """A composite space as one flat array, laid out as by `gymnasium.spaces.flatten`, a batch at a time.

    Discrete parts are one-hot; numbers are ravelled. The array's type is the smallest that holds every
    number, and no smaller than float32, which a network reads, where there is a one-hot.
    """

    def __init__(self, inner: gym.Space[Any]) -> None:
        self.inner = inner
        self._leaves = list(_leaves(inner))
        # Gymnasium's one-hots are int64, and would make everything beside them so.
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
    """How an agent that takes these kinds sees a space; None when it cannot.

    Args:
        space: what the environment has.
        kinds: "discrete" and "box", the preferred one first.
        one_hot: whether finite parts may be flattened. An observation's may; an agent that gives numbers has not
            chosen among a finite number of actions.

    Raises:
        ArenaError: for a part that is neither finite nor numeric, such as text; it names the part.
    """
    leaves = [leaf for _, leaf in _leaves(space)]
    if not leaves:
        raise ArenaError(f"the space {space} has no parts", "give the environment something to see and do")
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
    """A space on one line, without the bounds of its arrays, which fill a screen."""
    if isinstance(space, spaces.Box):
        return f"Box{space.shape} of {space.dtype}"
    if isinstance(space, spaces.Dict):
        return (
            "Dict(" + ", ".join(f"{key}: {describe_space(part)}" for key, part in space.spaces.items()) + ")"
        )
    if isinstance(space, spaces.Tuple):
        return "Tuple(" + ", ".join(map(describe_space, space.spaces)) + ")"
    return " ".join(str(space).split())


def _leaves(
    space: gym.Space[Any], path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], gym.Space[Any]]]:
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
        raise ArenaError(
            f"the space{where} is a {type(space).__name__}, which no agent takes",
            "drop or encode it with a wrapper (--wrap)",
        )


def _get(batch: Any, path: tuple[Any, ...]) -> Array:
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
    """The number of values of each digit of a finite leaf, and the smallest of them, as int64."""
    if isinstance(leaf, spaces.Discrete):
        return np.array([leaf.n], dtype=np.int64), np.array([leaf.start], dtype=np.int64)
    if isinstance(leaf, spaces.MultiDiscrete):
        return leaf.nvec.ravel().astype(np.int64), leaf.start.ravel().astype(np.int64)
    count = math.prod(leaf.shape or ())
    return np.full(count, 2), np.zeros(count, dtype=np.int64)


def _count(leaves: Sequence[gym.Space[Any]]) -> int:
    """How many values a finite space has, exactly."""
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
