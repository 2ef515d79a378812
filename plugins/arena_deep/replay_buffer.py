"""Replay buffer that stores each observation once and computes n-step returns when they are sampled."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.storage.codec import State
from arena.storage.journal import Journal
from arena.streams.base import Transition
from arena_deep.networks import stored_dtype

__all__ = ["NO_FINAL", "Batch", "NStepReturn", "ReplayBuffer"]

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

#: Value of the column `final` where a step did not end an episode.
NO_FINAL = -1

#: Mean length of an episode, for the estimate of the memory that final observations take.
EPISODE = 100


class Batch(NamedTuple):
    """Batch of n-step transitions.

    Attributes:
        observation: uint8 or float32, shape (batch, …).
        action: int64, shape (batch,).
        reward: float32, shape (batch,): Σ γ^i r_i over the steps up to the n-th, or to the end of the episode.
        discount: float32, shape (batch,): weight of the value of `next_observation`: γ^k after k steps, zero where the
            episode terminated.
        next_observation: the observation after these steps, of the type of `observation`.
    """

    observation: Array
    action: Int
    reward: Float32
    discount: Float32
    next_observation: Array

    def rows(self, part: slice) -> Batch:
        """Some of the transitions."""
        observation, action, reward, discount, next_observation = self
        return Batch(observation[part], action[part], reward[part], discount[part], next_observation[part])


class NStepReturn(NamedTuple):
    """n-step returns, and where they end.

    Attributes:
        reward: as in `Batch`.
        discount: as in `Batch`.
        final: number of the final observation where the episode ended within the n steps, else `NO_FINAL`.
        taken: number of steps: n, or fewer where the episode ended.
    """

    reward: Float32
    discount: Float32
    final: Int
    taken: Int


class ReplayBuffer:
    """Ring buffer of the last transitions of all environments, in two journals.

    Steps are rows in the order in which they were taken, environment by environment, so the next step of an environment
    is `num_envs` rows later. Its observation is the successor of this step, and is not stored twice. Where an episode
    ended, the successor is in a second journal, and the column `final` holds its number. n-step returns are computed
    when they are sampled, so there is no queue of unfinished returns to save; the last n steps of an environment
    cannot be sampled yet.

    Args:
        buffer_size: greatest number of steps.
        space: space of one observation.
        num_envs: number of environments.
        n_steps: number n of rewards in a return.
        discount: γ.

    Raises:
        ArenaError: if the size is too small for the number of environments.
    """

    def __init__(
        self, buffer_size: int, space: gym.Space[Any], num_envs: int, n_steps: int = 1, discount: float = 1.0
    ) -> None:
        if buffer_size < (n_steps + 1) * num_envs:
            raise ArenaError(
                f"a replay buffer of {buffer_size} steps is too small for {num_envs} environments and n_steps "
                f"{n_steps}",
                f"give a buffer_size of {(n_steps + 1) * num_envs} or more",
            )
        frame = (space.shape or (), stored_dtype(space.dtype or np.float32))
        self.num_envs, self.n_steps, self.discount = num_envs, n_steps, discount
        self.steps = Journal(
            buffer_size,
            {
                "observation": frame,
                "action": ((), np.int64),
                "reward": ((), np.float32),
                "terminated": ((), np.bool_),
                "final": ((), np.int64),
            },
        )
        self.finals = Journal(buffer_size, {"observation": frame}, steps_per_row=EPISODE)

    @property
    def first(self) -> int:
        """Number of the oldest row."""
        return self.steps.first

    @property
    def last(self) -> int:
        """End of the rows that can be sampled: those from this number on lack successors."""
        return max(self.first, self.steps.total - self.n_steps * self.num_envs)

    def __len__(self) -> int:
        """Number of transitions that can be sampled."""
        return self.last - self.first

    def append(self, transition: Transition) -> None:
        """Append a step of every environment, with the sum of reward and bonus as its reward."""
        frame = self.finals.fields["observation"][1]
        ended = transition.terminated | transition.truncated
        final = np.full(self.num_envs, NO_FINAL)
        if ended.any():
            count = int(np.count_nonzero(ended))
            final[ended] = np.arange(self.finals.total, self.finals.total + count)
            self.finals.append(observation=transition.next_observation[ended].astype(frame, copy=False))
        self.steps.append(
            observation=transition.observation.astype(frame, copy=False),
            action=transition.action,
            reward=(transition.reward + transition.bonus).astype(np.float32),
            terminated=transition.terminated,
            final=final,
        )

    def sample(self, generator: np.random.Generator, count: int) -> Int:
        """Row numbers sampled uniformly with replacement: shape (count,)."""
        return generator.integers(self.first, self.last, size=count)

    def batch(self, row: Int) -> Batch:
        """Transitions that start in these rows, shape (batch,)."""
        returns = self.n_step_return(row)
        following = self.column("observation", row + self.n_steps * self.num_envs)
        ended = np.flatnonzero(returns.final != NO_FINAL)
        if len(ended):
            following[ended] = self.final_observation(returns.final[ended])
        return Batch(
            self.column("observation", row),
            self.column("action", row),
            returns.reward,
            returns.discount,
            following,
        )

    def n_step_return(self, row: Int) -> NStepReturn:
        """n-step returns from rows of any shape."""
        final, terminated = self.column("final", row), self.column("terminated", row)
        reward = self.column("reward", row)
        discount = np.full(row.shape, self.discount, np.float32)
        taken = np.ones(row.shape, np.int64)
        for step in range(1, self.n_steps):
            later = row + step * self.num_envs
            alive = final == NO_FINAL
            reward += np.where(alive, discount * self.column("reward", later), np.float32(0))
            discount *= np.where(alive, np.float32(self.discount), np.float32(1))
            terminated |= alive & self.column("terminated", later)
            final = np.where(alive, self.column("final", later), final)
            taken += alive
        return NStepReturn(reward, np.where(terminated, np.float32(0), discount), final, taken)

    def column(self, name: str, row: Int) -> Array:
        """Values of a column in rows of any shape, as a copy."""
        return self.steps[name].take(row % self.steps.capacity, axis=0)

    def final_observation(self, final: Int) -> Array:
        """Final observations of episodes, by their numbers in the column `final`."""
        return self.finals["observation"].take(final % self.finals.capacity, axis=0)

    def state_dict(self) -> State:
        """The journals themselves: a checkpoint writes only their new rows."""
        return {"steps": self.steps, "finals": self.finals}

    def load_state_dict(self, state: State) -> None:
        """Continue with these journals.

        Raises:
            ArenaError: if their size or their observations differ.
        """
        for mine, saved in ((self.steps, state["steps"]), (self.finals, state["finals"])):
            if (mine.capacity, mine.fields) != (saved.capacity, saved.fields):
                raise ArenaError(
                    f"the saved replay buffer has {saved.capacity} steps of {saved.fields}, this one {mine.capacity} "
                    f"of {mine.fields}",
                    "load it with the options that it was saved with",
                )
        self.steps, self.finals = state["steps"], state["finals"]
