"""A bonus for what was seen seldom: counts of observations, exact or by hash."""

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

#: Bits of a hash, of which there are thus 65,536.
BITS = 16


@dataclass(frozen=True)
class NoveltyOptions:
    """The hyperparameter of curiosity; a mixin of an agent's `Config`."""

    bonus: Annotated[float, Between(0, None)] = 0.0
    """β of a bonus β / √N for an observation seen N times (Tang et al. 2017); for learning only, in no return."""


class CountBonus:
    """β / √N(o), where N counts how often o, or what has its hash, was seen, this time included.

    An index is counted as it is. An array is hashed by the signs of random projections (SimHash): observations at a
    small angle to each other share their count. Arrays with bounds are taken from the middle between these.

    Source: Tang et al. 2017, "#Exploration", section 2; Strehl & Littman 2008 for the square root.

    Args:
        space: of one observation.
        scale: β.
        generator: draws the projections.
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
        """Counts a batch of observations, one after another, and gives the bonus of each: shape (batch,)."""
        key = self._keys(observation)
        bonus = np.empty(len(key))
        for i, one in enumerate(key):
            self._counts[one] += 1
            bonus[i] = self._scale / np.sqrt(self._counts[one])
        return bonus

    def state_dict(self) -> State:
        """The counts that are not zero, and the projections."""
        seen = np.flatnonzero(self._counts)
        state: dict[str, Any] = {"seen": seen, "counts": self._counts[seen]}
        return state if self._projection is None else {**state, "projection": self._projection.copy()}

    def load_state_dict(self, state: State) -> None:
        """Takes them back."""
        self._counts[:] = 0
        self._counts[state["seen"]] = state["counts"]
        if self._projection is not None:
            self._projection[...] = state["projection"]

    def _keys(self, observation: Array) -> npt.NDArray[np.int64]:
        if self._projection is None:
            return np.asarray(observation, np.int64)
        centred = observation.reshape(len(observation), -1) - self._middle
        return np.asarray((centred @ self._projection > 0) @ (1 << np.arange(BITS)))


def count_bonus(problem: Problem, options: NoveltyOptions) -> CountBonus | None:
    """The bonus that the options ask for, or None."""
    if not options.bonus:
        return None
    return CountBonus(problem.observation_space, options.bonus, problem.generators.numpy("novelty"))
