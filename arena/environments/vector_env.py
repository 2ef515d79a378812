"""Native vector environments: a structure of arrays, exact state, randomness keyed by lane and episode."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from arena.config.validation import validated_count
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.storage.codec import State

__all__ = ["NativeVectorEnv", "checked_seeds"]

Array = npt.NDArray[Any]


class NativeVectorEnv(VectorEnv[Any, Any, Any]):
    """Vector environment that a stream can step, save and restore exactly.

    Lane ``i`` with seed ``s`` goes through the same episodes as the single environment that was reset with seed
    ``s`` and then reset without one; an episode's randomness depends on (seed, episode, step) alone. A subclass
    owns the buffers below, fills them in `advance`, and starts the next episode of a finished lane in the same
    call. To Gymnasium it is a vector environment with `AutoresetMode.SAME_STEP`.

    Attributes:
        observation: observations for the next actions, shape (num_envs, …).
        reward: float64, shape (num_envs,).
        terminated: bool, shape (num_envs,).
        truncated: bool, shape (num_envs,).
    """

    #: Version of this protocol; an environment that declares it has exact `state` and `restore`.
    arena_protocol: ClassVar[int] = 1
    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012

    observation: Array
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]

    def __init__(
        self, num_envs: int, observation_space: gym.Space[Any], action_space: gym.Space[Any]
    ) -> None:
        self.num_envs = validated_count("num_envs", num_envs)
        self.single_observation_space = observation_space
        self.single_action_space = action_space
        self.observation_space = batch_space(observation_space, self.num_envs)
        self.action_space = batch_space(action_space, self.num_envs)

    @abstractmethod
    def begin(self, seeds: Sequence[int]) -> None:
        """Start episode 0 in every lane; `seeds` has one integer in [0, 2³¹) per lane."""

    @abstractmethod
    def restart(self) -> None:
        """Start the next episode in every lane."""

    @abstractmethod
    def advance(self, action: Array) -> None:
        """Take one step in every lane and fill the buffers; a finished lane starts its next episode.

        Raises:
            ArenaError: an action is outside the action space; the message names lane and action.
        """

    @abstractmethod
    def successors(self, lanes: Array | slice = slice(None)) -> Array:
        """Successors of the last step, also at episodes' ends: shape (lanes, …), valid until the next step."""

    @abstractmethod
    def state(self) -> State:
        """State of all lanes, including elapsed steps, as copies."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Restore a state, from which `advance` continues exactly."""

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Reset as in Gymnasium: an integer seeds lane i with ``seed + i``; None starts the next episodes."""
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
        """Step as in Gymnasium; ``info["final_obs"]`` has the successors where ``info["_final_obs"]`` is True."""
        self.advance(np.asarray(actions))
        done = self.terminated | self.truncated
        info: dict[str, Any] = {}
        if done.any():
            final = np.empty(self.num_envs, dtype=object)
            lanes = np.flatnonzero(done)
            # One array per observation, as in Gymnasium's vectors; assigned in a loop, since numpy would join them.
            for lane, successor in zip(lanes.tolist(), self.successors(lanes), strict=True):
                final[lane] = successor
            info = {"final_obs": final, "_final_obs": done}
        arrays = self.observation, self.reward, self.terminated, self.truncated
        observation, reward, terminated, truncated = (array.copy() for array in arrays)
        return observation, reward, terminated, truncated, info

    #: Set by `begin` and `restore`: after them a reset without a seed starts the next episodes.
    _has_started: bool = False


def checked_seeds(seeds: Sequence[Any] | Array, count: int) -> list[int]:
    """Check seeds: one integer in [0, 2³¹) per lane; return them as Python integers."""
    if len(seeds) != count:
        raise ArenaError(f"{len(seeds)} seeds for {count} environments", "give each environment one")
    for seed in seeds:
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**31:
            raise ArenaError(f"the seed {seed!r} is not a whole number in [0, 2^31)", "give one")
    return [int(seed) for seed in seeds]
