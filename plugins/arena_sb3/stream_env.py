"""Adapter of a stream to the vector environment of Stable-Baselines3."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env import VecEnv

from arena.streams.base import Stream

__all__ = ["StreamVecEnv"]

Array = npt.NDArray[Any]


class StreamVecEnv(VecEnv):
    """A stream as a `VecEnv`, with the conventions of `DummyVecEnv` around `Monitor`.

    * After the end of an episode, the observation is the next one's first, and ``terminal_observation`` the last.
    * ``TimeLimit.truncated`` is true where an episode was truncated and not terminated.
    * ``episode`` has its return ``r`` and length ``l``.
    * Rewards are float32, and every array is a copy.

    A stream seeds and resets its episodes itself, so `reset` returns the current observation, and `seed` does nothing.

    Args:
        observation_space: of one environment.
        action_space: of one environment.
        num_envs: number of parallel environments.
    """

    def __init__(
        self, observation_space: gym.Space[Any], action_space: gym.Space[Any], num_envs: int
    ) -> None:
        self._stream: Stream | None = None
        self._actions: Array | None = None
        super().__init__(num_envs, observation_space, action_space)

    def attach(self, stream: Stream) -> None:
        """Steps `stream` from now on."""
        self._stream = stream

    def reset(self) -> Array:
        """The stream's current observation; zeros before `attach`, since models are built earlier."""
        if self._stream is None:
            space = self.observation_space
            return np.zeros((self.num_envs, *(space.shape or ())), dtype=space.dtype)
        return self._stream.observation.copy()

    def step_async(self, actions: Array) -> None:
        space = self.action_space
        # Scaling from [-1, 1] can exceed the bounds by rounding.
        self._actions = (
            np.clip(actions, space.low, space.high) if isinstance(space, gym.spaces.Box) else actions
        )

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        stream = self._stream
        assert stream is not None and self._actions is not None, "attach a stream first"
        totals, lengths = (stream.episode_account[name].copy() for name in ("total", "length"))
        transition = stream.step(self._actions)
        done = transition.terminated | transition.truncated
        cut = transition.truncated & ~transition.terminated
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": truncated} for truncated in cut.tolist()]
        for lane in np.flatnonzero(done):
            infos[lane]["terminal_observation"] = transition.next_observation[lane].copy()
            infos[lane]["episode"] = {
                "r": float(totals[lane] + transition.reward[lane]),
                "l": int(lengths[lane]) + 1,
            }
        reward = (transition.reward + transition.bonus).astype(np.float32)
        return stream.observation.copy(), reward, done, infos

    def seed(self, seed: int | None = None) -> list[int | None]:
        return [None] * self.num_envs

    def close(self) -> None:
        """Does nothing: the stream is closed by its owner."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name != "render_mode":
            raise AttributeError(f"a stream has no {attr_name!r}")
        return [None for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError("a stream's environments cannot be changed")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **options: Any) -> list[Any]:
        raise AttributeError(f"a stream has no {method_name!r}")

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None
    ) -> list[bool]:
        return [False for _ in self._get_indices(indices)]
