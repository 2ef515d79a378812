"""What was seen and done since the policy last changed, step by step, of all lanes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Transition

__all__ = ["Rollout"]

Array = npt.NDArray[Any]


class Rollout:
    """Steps of B lanes in arrays of shape (T, B, …), filled row by row and emptied at once.

    What the policy and the critic make of them is not here: neither changes meanwhile, so one batched pass over the
    whole rollout gives the log-probabilities and values of every step.

    Args:
        num_envs: B.
        observation_space: of one environment.
        raw: shape and type of what the policy drew for one action (`Head.raw`); a squashed or clipped action alone
            would not say.
        capacity: rows to begin with; it grows where they do not suffice.
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
        self._columns = {
            name: np.zeros((capacity, num_envs, *shape), dtype) for name, (shape, dtype) in fields.items()
        }
        self._length = 0

    def __len__(self) -> int:
        """T: how many steps there are of each lane."""
        return self._length

    def __getitem__(self, name: str) -> Array:
        """A column's rows so far, shape (T, B, …); valid until it grows or is cleared."""
        return self._columns[name][: self._length]

    @property
    def done(self) -> npt.NDArray[np.bool_]:
        """Where an episode ended, one way or the other: shape (T, B)."""
        return np.asarray(self["terminated"] | self["truncated"])

    @property
    def done_last(self) -> npt.NDArray[np.bool_]:
        """Where an episode ended with the last step: shape (B,)."""
        row = self._length - 1
        return np.asarray(self._columns["terminated"][row] | self._columns["truncated"][row])

    @property
    def capacity(self) -> int:
        """How many rows fit before it grows."""
        return len(self._columns["reward"])

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(column.nbytes for column in self._columns.values())

    def append(self, transition: Transition, raw: Array) -> None:
        """Copies one step of every lane, with what the policy drew; reward and bonus are learned from together."""
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
        """Forgets all rows."""
        self._length = 0

    def state_dict(self) -> State:
        """The rows so far."""
        return {name: self[name].copy() for name in self._columns}

    def load_state_dict(self, state: State) -> None:
        """Goes on behind them.

        Raises:
            ArenaError: if they are of other lanes or other spaces.
        """
        rows = len(state["reward"])
        for name, column in self._columns.items():
            if state[name].shape[1:] != column.shape[1:]:
                raise ArenaError(
                    f"the saved rollout's {name} has rows of shape {state[name].shape[1:]}, not {column.shape[1:]}",
                    "load it with the environment and --envs it was saved with",
                )
            if rows > len(column):
                column = np.zeros((rows, *column.shape[1:]), column.dtype)
                self._columns[name] = column
            column[:rows] = state[name]
        self._length = rows
