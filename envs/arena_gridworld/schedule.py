"""Tables that change as a lane grows older: the environment of an agent that has to notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.environments.tabular import Observer, TableVectorEnv, tables_of
from arena.environments.vector_env import Array
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.storage.codec import State

__all__ = ["AtPosition", "ScheduledTables"]


class ScheduledTables(TableVectorEnv):
    """A tabular vector whose tables change after a number of steps; `schedule` says when.

    The states fall into equal parts, one a phase, in the order of time. A lane's clock counts its environment steps
    since it was seeded, across episodes; when it reaches a phase's beginning, the lane's state becomes the
    same one of that phase, before anybody observes it. So the successor of the step that makes the clock
    reach 1,000 is already one of the phase that begins at 1,000.

    Attributes:
        clock: int64, shape (num_envs,): environment steps of each lane since its seed.
    """

    #: A learner that stepped the lanes itself would stop the clocks.
    drivable = False

    clock: npt.NDArray[np.int64]

    def schedule(self, since: Sequence[int]) -> None:
        """Sets the steps at which phases begin, ascending, the first 0.

        With more than one phase there is no `model` any more: no static one tells the truth.
        """
        self._since = np.array(since, dtype=np.int64)
        self._part = self.model.num_states // len(since)
        self.clock = np.zeros(self.num_envs, dtype=np.int64)
        if len(since) > 1:
            self.tables = tables_of(self.model)
            self.model = None  # type: ignore[assignment]

    def begin(self, seeds: Sequence[int]) -> None:
        self.clock[:] = 0
        super().begin(seeds)

    def state(self) -> State:
        return {**super().state(), "clock": self.clock.copy()}

    def restore(self, state: State) -> None:
        clock = np.asarray(state.get("clock", ()))
        if clock.shape != self.clock.shape:
            raise ArenaError(
                f"the state is not one of {self.num_envs} changing environments",
                "restore it where it came from",
            )
        self.clock[:] = clock
        super().restore({name: values for name, values in state.items() if name != "clock"})

    def _step(self, action: Array, advance: bool) -> None:
        super()._step(action, advance)
        self.clock += 1
        self._settle()

    def _look(self) -> None:
        self._settle()
        super()._look()

    def _settle(self) -> None:
        """Moves every lane's states into the phase of its clock."""
        phase = np.searchsorted(self._since, self.clock, side="right") - 1
        for name in ("state", "next_state"):
            self.lanes[name] = phase * self._part + self.lanes[name] % self._part


class AtPosition:
    """Shows a state's position as another observer shows states, or as it is: what does not tell phases apart.

    Args:
        position: shape (num_states,): int.
        count: how many positions there are.
        inner: how a position looks; None shows its index.
    """

    def __init__(self, position: npt.NDArray[Any], count: int, inner: Observer | None) -> None:
        self._position, self._inner = position, inner
        self.space: gym.Space[Any] = gym.spaces.Discrete(count) if inner is None else inner.space

    def observe(self, states: npt.NDArray[np.int64], out: Array) -> None:
        positions = self._position[states].astype(np.int64)
        if self._inner is None:
            out[...] = positions
        else:
            self._inner.observe(positions, out)
