"""What happened, to be learned from again: each observation once, n-step returns put together when drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.codec import State
from arena.errors import ArenaError
from arena.journal import Journal
from arena.stream import Transition
from arena_deep.networks import stored_dtype

__all__ = ["GOES_ON", "Ahead", "Batch", "Replay"]

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

#: What stands in the column `final` where a step ended no episode.
GOES_ON = -1


class Batch(NamedTuple):
    """Transitions of n steps.

    Attributes:
        observation: uint8 or float32, shape (batch, …).
        action: int64, shape (batch,).
        reward: float32, shape (batch,): Σ γ^i r_i over the steps up to the n-th, or to the end of the episode.
        discount: float32, shape (batch,): what the value of `next_observation` counts: γ^k after k steps, and zero
            where the episode terminated.
        next_observation: like `observation`: where these steps led.
    """

    observation: Array
    action: Int
    reward: Float32
    discount: Float32
    next_observation: Array


class Ahead(NamedTuple):
    """What n steps led to.

    Attributes:
        reward: as `Batch`'s.
        discount: as `Batch`'s.
        final: the number of the observation in which the episode ended meanwhile, or `GOES_ON`.
        taken: how many steps these were: n, or fewer where the episode ended.
    """

    reward: Float32
    discount: Float32
    final: Int
    taken: Int


class Replay:
    """The last transitions of all lanes, in two journals.

    Steps are rows in the order in which they were taken, lane by lane, so that a lane's next step is `num_envs` rows
    further on. There its observation is also this step's successor, and is not stored twice. Where an episode ended,
    the successor is in a second journal, to which the step's `final` points. Whatever looks ahead is put together
    when it is drawn: there is no queue of unfinished returns, and nothing else to save. The price is that the last n
    steps of a lane cannot be drawn yet.

    Args:
        capacity: how many steps it keeps.
        space: of one observation.
        num_envs: how many lanes.
        n_steps: how many rewards a return has before it bootstraps.
        discount: γ.

    Raises:
        ArenaError: the capacity is too small for as many lanes.
    """

    def __init__(
        self, capacity: int, space: gym.Space[Any], num_envs: int, n_steps: int = 1, discount: float = 1.0
    ) -> None:
        if capacity < (n_steps + 1) * num_envs:
            raise ArenaError(
                f"a replay of {capacity} steps is too small for {num_envs} environments and n_steps {n_steps}",
                f"give it {(n_steps + 1) * num_envs} at least",
            )
        frame = (space.shape or (), stored_dtype(space.dtype or np.float32))
        self.num_envs, self.n_steps, self.discount = num_envs, n_steps, discount
        self.steps = Journal(
            capacity,
            {
                "observation": frame,
                "action": ((), np.int64),
                "reward": ((), np.float32),
                "terminated": ((), np.bool_),
                "final": ((), np.int64),
            },
        )
        self.finals = Journal(capacity, {"observation": frame})

    @property
    def first(self) -> int:
        """The number of the oldest row."""
        return self.steps.first

    @property
    def last(self) -> int:
        """The number before which rows can be drawn: those after it lack successors."""
        return max(self.first, self.steps.total - self.n_steps * self.num_envs)

    def __len__(self) -> int:
        """How many transitions can be drawn."""
        return self.last - self.first

    def append(self, transition: Transition) -> None:
        """Takes a step of every lane; what learning counts as its reward is reward and bonus together."""
        frame = self.finals.fields["observation"][1]
        ended = transition.terminated | transition.truncated
        final = np.full(self.num_envs, GOES_ON)
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

    def draw(self, generator: np.random.Generator, count: int) -> Int:
        """Row numbers, uniform with replacement: shape (count,)."""
        return generator.integers(self.first, self.last, size=count)

    def batch(self, row: Int) -> Batch:
        """The transitions that begin in these rows, shape (batch,)."""
        ahead = self.look_ahead(row)
        following = self.column("observation", row + self.n_steps * self.num_envs)
        ended = np.flatnonzero(ahead.final != GOES_ON)
        if len(ended):
            following[ended] = self.final_observation(ahead.final[ended])
        return Batch(
            self.column("observation", row),
            self.column("action", row),
            ahead.reward,
            ahead.discount,
            following,
        )

    def look_ahead(self, row: Int) -> Ahead:
        """What the n steps from each row led to; rows of any shape."""
        final, terminated = self.column("final", row), self.column("terminated", row)
        reward = self.column("reward", row)
        discount = np.full(row.shape, self.discount, np.float32)
        taken = np.ones(row.shape, np.int64)
        for step in range(1, self.n_steps):
            later = row + step * self.num_envs
            alive = final == GOES_ON
            reward += np.where(alive, discount * self.column("reward", later), np.float32(0))
            discount *= np.where(alive, np.float32(self.discount), np.float32(1))
            terminated |= alive & self.column("terminated", later)
            final = np.where(alive, self.column("final", later), final)
            taken += alive
        return Ahead(reward, np.where(terminated, np.float32(0), discount), final, taken)

    def column(self, name: str, row: Int) -> Array:
        """A column's values in rows of any shape, as a copy."""
        return self.steps[name].take(row % self.steps.capacity, axis=0)

    def final_observation(self, final: Int) -> Array:
        """The observations with which episodes ended, by the numbers in the column `final`."""
        return self.finals["observation"].take(final % self.finals.capacity, axis=0)

    def state_dict(self) -> State:
        """The journals themselves: a checkpoint writes what is new in them."""
        return {"steps": self.steps, "finals": self.finals}

    def load_state_dict(self, state: State) -> None:
        """Goes on with these journals.

        Raises:
            ArenaError: they are of another size, or of other observations.
        """
        for mine, saved in ((self.steps, state["steps"]), (self.finals, state["finals"])):
            if (mine.capacity, mine.fields) != (saved.capacity, saved.fields):
                raise ArenaError(
                    f"the saved replay holds {saved.capacity} steps of {saved.fields}",
                    "use the options it had",
                )
        self.steps, self.finals = state["steps"], state["finals"]
