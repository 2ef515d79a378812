"""Arena's own kind of vector environment: struct-of-arrays, exact state, randomness keyed by lane and episode."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.storage.codec import State

__all__ = ["NativeVectorEnv", "checked_seeds", "whole"]

Array = npt.NDArray[Any]


class NativeVectorEnv(VectorEnv[Any, Any, Any]):
    """A vector environment that a stream can step, save and restore exactly.

    Lane ``i`` with seed ``s`` goes through the same episodes as the single environment that was reset with seed
    ``s`` and then reset without one; an episode's randomness depends on (seed, episode, step) alone. A subclass
    owns the buffers below, fills them in `advance`, and starts the next episode of a finished lane in the same
    call. To Gymnasium it is a vector environment with `AutoresetMode.SAME_STEP`.

    Attributes:
        observation: shape (num_envs, …): where the next action is taken.
        reward: float64, shape (num_envs,).
        terminated: bool, shape (num_envs,).
        truncated: bool, shape (num_envs,).
    """

    #: The marker and version of this protocol; `Stream` trusts `state` and `restore` of whatever carries it.
    arena_protocol: ClassVar[int] = 1
    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012

    observation: Array
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]

    def __init__(
        self, num_envs: int, observation_space: gym.Space[Any], action_space: gym.Space[Any]
    ) -> None:
        self.num_envs = whole("num_envs", num_envs)
        self.single_observation_space = observation_space
        self.single_action_space = action_space
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(action_space, num_envs)

    @abstractmethod
    def begin(self, seeds: Sequence[int]) -> None:
        """Starts episode 0 in every lane; ``seeds`` holds one integer in [0, 2³¹) a lane."""

    @abstractmethod
    def restart(self) -> None:
        """Starts the next episode in every lane."""

    @abstractmethod
    def advance(self, action: Array) -> None:
        """Takes one step in every lane and fills the buffers; a finished lane begins its next episode.

        Raises:
            ArenaError: for an action outside the action space, naming lane and action.
        """

    @abstractmethod
    def successors(self, lanes: Array | slice = slice(None)) -> Array:
        """The true successors of the last step, final ones included: shape (lanes, …), valid until the next step."""

    @abstractmethod
    def state(self) -> State:
        """The whole vector's state, elapsed counts included, as copies."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Takes a state back; the next `advance` continues as if nothing had happened."""

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Gymnasium's reset: an integer seeds lane i with ``seed + i``; None goes on to the next episodes."""
        if seed is None and self._has_started:
            self.restart()
        else:
            if seed is None:
                seed = int(self.np_random.integers(2**31 - self.num_envs))
            one = isinstance(seed, (int, np.integer))
            seeds: Any = [int(seed) + i for i in range(self.num_envs)] if one else seed  # type: ignore[arg-type]
            self.begin(checked_seeds(seeds, self.num_envs))
        return self.observation.copy(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Gymnasium's step; a finished lane's successor is in ``info["final_obs"]`` under ``info["_final_obs"]``."""
        self.advance(np.asarray(actions))
        done = self.terminated | self.truncated
        info: dict[str, Any] = {}
        if done.any():
            final = np.empty(self.num_envs, dtype=object)
            lanes = np.flatnonzero(done)
            # One array an observation, as Gymnasium's own vectors give. In a loop: numpy would first make one array
            # of them all.
            for lane, successor in zip(lanes.tolist(), self.successors(lanes), strict=True):
                final[lane] = successor
            info = {"final_obs": final, "_final_obs": done}
        return (
            self.observation.copy(),
            self.reward.copy(),
            self.terminated.copy(),
            self.truncated.copy(),
            info,
        )

    #: Set by `begin` and `restore`: from then on a reset without a seed goes on to the next episodes.
    _has_started: bool = False


def whole(name: str, value: Any) -> int:
    """A count from 1, whatever integer type it comes in."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ArenaError(f"{name} is {value!r}, which is not a whole number from 1", "give one")
    return int(value)


def checked_seeds(seeds: Sequence[Any] | Array, count: int) -> list[int]:
    """One integer in [0, 2³¹) a lane, as plain integers."""
    if len(seeds) != count:
        raise ArenaError(f"{len(seeds)} seeds for {count} environments", "give each environment one")
    for seed in seeds:
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**31:
            raise ArenaError(f"the seed {seed!r} is not a whole number in [0, 2^31)", "give one")
    return [int(seed) for seed in seeds]
