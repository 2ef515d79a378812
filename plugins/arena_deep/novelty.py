"""Exploration bonus from counts of observations, exact or by hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.agents.base import Problem
from arena.config.options import Between
from arena.storage.codec import State

__all__ = ["CountBonus", "NoveltyOptions", "count_bonus"]

Array = npt.NDArray[Any]

#: Number of bits of a hash: 65,536 different hashes.
BITS = 16


@dataclass(frozen=True)
class NoveltyOptions:
    """Hyperparameter of the exploration bonus; a mixin of an agent's `Config`."""

    bonus: Annotated[float, Between(0, None)] = 0.0
    """Scale β of the exploration bonus β / √N for an observation seen N times (Tang et al. 2017), used for
    learning only and not in reported returns; 0: no bonus."""


class CountBonus:
    """Exploration bonus β / √N(o), where N counts the occurrences of o, or of its hash, this one included.

    An index is its own hash. An array is hashed by the signs of random projections (SimHash): observations at a small
    angle to each other share their count. Arrays with bounds are first centred between them.

    Source: Tang et al. 2017, "#Exploration", section 2; Strehl & Littman 2008 for the square root.

    Args:
        space: space of one observation.
        scale: β.
        generator: source of the random projections.
    """

    def __init__(self, space: gym.Space[Any], scale: float, generator: np.random.Generator) -> None:
        self._scale = scale
        self._projection: Array | None = None
        if isinstance(space, gym.spaces.Discrete):
            self._counts = np.zeros(int(space.n), np.int64)
            return
        assert isinstance(space, gym.spaces.Box), "a stream gives indices or arrays"
        bounded = np.isfinite(space.low) & np.isfinite(space.high)
        low, high = (np.where(bounded, side, 0).astype(np.float32) for side in (space.low, space.high))
        self._middle = (low / 2 + high / 2).ravel()
        self._projection = generator.standard_normal((self._middle.size, BITS)).astype(np.float32)
        self._counts = np.zeros(2**BITS, np.int64)

    def __call__(self, observation: Array) -> npt.NDArray[np.float64]:
        """Count a batch of observations, one after another, and return the bonus of each: shape (batch,)."""
        key = self._keys(observation)
        bonus = np.empty(len(key))
        for i, one in enumerate(key):
            self._counts[one] += 1
            bonus[i] = self._scale / np.sqrt(self._counts[one])
        return bonus

    def state_dict(self) -> State:
        """Counts that are not zero, and the projections."""
        keys = np.flatnonzero(self._counts)
        state: dict[str, Any] = {"keys": keys, "counts": self._counts[keys]}
        return state if self._projection is None else {**state, "projection": self._projection.copy()}

    def load_state_dict(self, state: State) -> None:
        """Restore counts and projections."""
        self._counts[:] = 0
        self._counts[state["keys"]] = state["counts"]
        if self._projection is not None:
            self._projection[...] = state["projection"]

    def _keys(self, observation: Array) -> npt.NDArray[np.int64]:
        if self._projection is None:
            return np.asarray(observation, np.int64)
        centred = observation.reshape(len(observation), -1) - self._middle
        return np.asarray((centred @ self._projection > 0) @ (1 << np.arange(BITS)))


def count_bonus(problem: Problem, options: NoveltyOptions) -> CountBonus | None:
    """Exploration bonus of an agent with these options; None where it is off."""
    if not options.bonus:
        return None
    return CountBonus(problem.observation_space, options.bonus, problem.generators.numpy("novelty"))
