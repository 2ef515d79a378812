"""Parallel environments whose steps return frames: observations together with their labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from arena.environments.vector_env import NativeVectorEnv
from arena.errors import ArenaError, one_line
from arena.frames.columns import LABEL, OBSERVATION
from arena.streams.base import FIX_WITH_WRAPPER

__all__ = [
    "FrameEnvs",
    "FrameStep",
    "GymnasiumFrameEnvs",
    "NativeFrameEnvs",
    "call_environment",
    "missing_label",
]

Array = npt.NDArray[Any]
FrameBatch = dict[str, Array]
T = TypeVar("T")


class FrameStep(NamedTuple):
    """Result of one step in every lane.

    Attributes:
        frames: frames after the step, also at an episode's end: by column, one row per lane.
        ended: indices of the lanes whose episode ended, ascending.
        first: first frames of the next episodes: by column, one row for each of `ended`.
    """

    frames: FrameBatch
    ended: npt.NDArray[np.int64]
    first: FrameBatch


class FrameEnvs(ABC):
    """Base class of parallel environments ("lanes") that return frames; arrays are valid until the next step.

    Attributes:
        num_envs: number of lanes.
        observation: observations in which the next actions are taken, batched as in a Gymnasium vector environment.
    """

    num_envs: int
    observation: Any

    @abstractmethod
    def reset(self, seeds: Sequence[int]) -> FrameBatch:
        """Start every lane's first episode; return the first frames by column."""

    @abstractmethod
    def step(self, action: Array) -> FrameStep:
        """Take a step in every lane; where an episode ended, the next one starts."""

    @abstractmethod
    def close(self) -> None:
        """Close the environments."""


class NativeFrameEnvs(FrameEnvs):
    """Frames of arena's own vector environments, whose `info` has the labels of current and of final frames.

    Args:
        vector: the vector environment.
        labels: names of the labels.
        name: name of the environment in errors.
    """

    def __init__(self, vector: NativeVectorEnv, labels: Sequence[str], name: str) -> None:
        self.vector, self.labels, self.name = vector, labels, name
        self.num_envs = vector.num_envs

    def reset(self, seeds: Sequence[int]) -> FrameBatch:
        self.observation, info = self.vector.reset(seed=seeds)
        return self._batch(self.observation, info)

    def step(self, action: Array) -> FrameStep:
        self.observation, _, _, _, info = self.vector.step(action)
        batch = self._batch(self.observation, info)
        ended = np.flatnonzero(info.get("_final_obs", ()))
        if not len(ended):
            return FrameStep(batch, ended, {})
        final = self._batch(np.stack(info["final_obs"][ended].tolist()), info.get("final_info", {}), ended)
        first = {column: rows[ended] for column, rows in batch.items()}
        frames = {column: rows.copy() for column, rows in batch.items()}
        for column, rows in final.items():
            frames[column][ended] = rows
        return FrameStep(frames, ended, first)

    def close(self) -> None:
        self.vector.close()

    def _batch(
        self, observation: Array, info: Mapping[str, Any], lanes: Array | slice = slice(None)
    ) -> FrameBatch:
        batch = {OBSERVATION: observation}
        for name in self.labels:
            if name not in info:
                raise missing_label(self.name, name, info)
            batch[LABEL + name] = np.asarray(info[name])[lanes]
        return batch


class GymnasiumFrameEnvs(FrameEnvs):
    """Frames of ordinary Gymnasium environments, stepped one after another in this process.

    Args:
        envs: one environment per lane.
        labels: space of each label, which is an entry of `info`.
        shape: shape of a frame.
        name: name of the environment in errors.
        rendered: whether frames are rendered images instead of observations.
    """

    def __init__(
        self,
        envs: Sequence[gym.Env[Any, Any]],
        labels: Mapping[str, gym.Space[Any]],
        shape: tuple[int, ...],
        name: str,
        *,
        rendered: bool = False,
    ) -> None:
        self.envs, self.labels, self.name, self.rendered = envs, labels, name, rendered
        self._shape = shape
        self.num_envs = len(envs)
        self._space = envs[0].observation_space
        self._actions = batch_space(envs[0].action_space, self.num_envs)
        self._shown: Any = create_empty_array(self._space, self.num_envs)

    def reset(self, seeds: Sequence[int]) -> FrameBatch:
        pairs = [self._call(lane, env.reset, seed=seeds[lane]) for lane, env in enumerate(self.envs)]
        batches = [self._batch(lane, *pair) for lane, pair in enumerate(pairs)]
        self._show([observation for observation, _ in pairs])
        return _stacked(batches)

    def step(self, action: Array) -> FrameStep:
        frames, ended, first, shown = [], [], [], []
        for lane, one in enumerate(iterate(self._actions, action)):
            env = self.envs[lane]
            observation, _, terminated, truncated, info = self._call(lane, env.step, one)
            frames.append(self._batch(lane, observation, info))
            if terminated or truncated:
                observation, info = self._call(lane, env.reset)
                ended.append(lane)
                first.append(self._batch(lane, observation, info))
            shown.append(observation)
        self._show(shown)
        return FrameStep(_stacked(frames), np.array(ended, dtype=np.int64), _stacked(first))

    def close(self) -> None:
        for env in self.envs:
            env.close()

    def _show(self, observations: list[Any]) -> None:
        self.observation = concatenate(self._space, observations, self._shown)

    def _batch(self, lane: int, observation: Any, info: Mapping[str, Any]) -> FrameBatch:
        frame = self._call(lane, self.envs[lane].render) if self.rendered else observation
        batch = {OBSERVATION: self._array(lane, "observation", frame, self._shape)}
        for name, space in self.labels.items():
            if name not in info:
                raise missing_label(self.name, name, info)
            batch[LABEL + name] = self._array(lane, name, info[name], space.shape or ())
        return batch

    def _array(self, lane: int, what: str, value: Any, shape: tuple[int, ...]) -> Array:
        array: Array = self._call(lane, np.array, value)
        if array.shape != shape or array.dtype.kind not in "biuf":
            found = f"shape {array.shape} and type {array.dtype}, not {shape} numbers"
            raise ArenaError(
                f"{self.name} gave the {what} of {found} in environment {lane}", FIX_WITH_WRAPPER
            )
        return array

    def _call(self, lane: int, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        return call_environment(f"{self.name} in environment {lane}", function, *arguments, **named)


def call_environment(name: str, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call a function of an environment, and convert its exceptions.

    Raises:
        ArenaError: the function raised; the message has its exception in one line.
    """
    try:
        return function(*arguments, **named)
    except ArenaError:
        raise
    except Exception as error:
        raise ArenaError(f"{name} raised {one_line(error)}", "see --debug for its traceback") from error


def missing_label(name: str, label: str, info: Mapping[str, Any]) -> ArenaError:
    """Error for a label that an environment does not give."""
    known = sorted(key for key in info if isinstance(key, str) and not key.startswith(("_", "final_")))
    remedy = f"choose from: {', '.join(known)}" if known else "leave it out, since its info is empty"
    return ArenaError(f"{name} gives no label {label!r} in info", remedy)


def _stacked(batches: list[FrameBatch]) -> FrameBatch:
    return (
        {column: np.stack([batch[column] for batch in batches]) for column in batches[0]} if batches else {}
    )
