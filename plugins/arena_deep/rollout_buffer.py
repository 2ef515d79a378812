"""Rollout buffer: the steps of all environments since the policy last changed."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.storage.codec import State
from arena.storage.memory import reserve
from arena.streams.base import Transition

__all__ = ["RolloutBuffer"]

Array = npt.NDArray[Any]


class RolloutBuffer:
    """Steps of B environments in arrays of shape (T, B, …), filled row by row and cleared at once.

    Log-probabilities and values are not stored: policy and critic do not change within a rollout, so one batched pass
    over the whole rollout computes them.

    Args:
        num_envs: number B of environments.
        observation_space: observation space of one environment.
        raw: shape and type of one raw action (`Head.raw`), before it is squashed or clipped.
        capacity: initial number of rows; it grows where they do not suffice.
    """

    def __init__(
        self,
        num_envs: int,
        observation_space: gym.Space[Any],
        raw: tuple[tuple[int, ...], Any],
        capacity: int,
    ) -> None:
        observation = (observation_space.shape or (), observation_space.dtype)
        fields: dict[str, tuple[tuple[int, ...], Any]] = {
            "observation": observation,
            "action": raw,
            "reward": ((), np.float64),
            "terminated": ((), np.bool_),
            "truncated": ((), np.bool_),
            "next_observation": observation,
        }
        row = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in fields.values())
        reserve(capacity * num_envs * row, "rollouts", "use fewer --envs or a smaller --agent.rollout_steps")
        self._columns = {
            name: np.zeros((capacity, num_envs, *shape), dtype) for name, (shape, dtype) in fields.items()
        }
        self._length = 0

    def __len__(self) -> int:
        """Number T of steps of each environment."""
        return self._length

    def __getitem__(self, name: str) -> Array:
        """Rows of a column so far, shape (T, B, …); valid until the buffer grows or is cleared."""
        return self._columns[name][: self._length]

    @property
    def done(self) -> npt.NDArray[np.bool_]:
        """True where an episode terminated or was truncated: shape (T, B)."""
        return np.asarray(self["terminated"] | self["truncated"])

    @property
    def done_last(self) -> npt.NDArray[np.bool_]:
        """True where an episode ended with the last step: shape (B,)."""
        row = self._length - 1
        return np.asarray(self._columns["terminated"][row] | self._columns["truncated"][row])

    @property
    def capacity(self) -> int:
        """Number of rows before the buffer grows."""
        return len(self._columns["reward"])

    @property
    def nbytes(self) -> int:
        """Memory use in bytes."""
        return sum(column.nbytes for column in self._columns.values())

    def append(self, transition: Transition, raw: Array) -> None:
        """Append one step of every environment, with the raw action, and the sum of reward and bonus as reward."""
        if self._length == self.capacity:
            self._columns = {
                name: np.concatenate((column, np.zeros_like(column)))
                for name, column in self._columns.items()
            }
        t, columns = self._length, self._columns
        columns["observation"][t] = transition.observation
        columns["action"][t] = raw
        columns["reward"][t] = transition.reward + transition.bonus
        columns["terminated"][t] = transition.terminated
        columns["truncated"][t] = transition.truncated
        columns["next_observation"][t] = transition.next_observation
        self._length = t + 1

    def clear(self) -> None:
        """Remove all rows."""
        self._length = 0

    def state_dict(self) -> State:
        """Rows so far."""
        return {name: self[name].copy() for name in self._columns}

    def load_state_dict(self, state: State) -> None:
        """Restore the rows, and append after them.

        Raises:
            ArenaError: if the number of environments or their spaces differ.
        """
        rows = len(state["reward"])
        for name, column in self._columns.items():
            if state[name].shape[1:] != column.shape[1:]:
                raise ArenaError(
                    f"the saved rollout's {name} has rows of shape {state[name].shape[1:]}, not {column.shape[1:]}",
                    "load it with the environment and --envs that it was saved with",
                )
            if rows > len(column):
                column = np.zeros((rows, *column.shape[1:]), column.dtype)
                self._columns[name] = column
            column[:rows] = state[name]
        self._length = rows
