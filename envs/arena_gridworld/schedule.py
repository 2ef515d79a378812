"""Vector environments whose transition tables change after a number of steps (nonstationary MDPs)."""

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

__all__ = ["PositionObserver", "ScheduledTableVectorEnv"]


class ScheduledTableVectorEnv(TableVectorEnv):
    """Vector of tabular MDPs whose tables change at the steps given to `set_phases`.

    The states are split into equal parts, one for each phase in order. The clock of a lane counts its environment steps
    since it was seeded, across episodes; when it reaches the start of a phase, the state of the lane becomes the
    corresponding state of that phase, before it is observed. So the successor of the step that makes the clock reach
    1,000 already belongs to the phase that starts at 1,000.

    Attributes:
        clock: environment steps of each lane since its seed, int64, shape (num_envs,).
    """

    #: A learner's own compiled loop would not advance the clocks.
    drivable = False

    clock: npt.NDArray[np.int64]

    def set_phases(self, phase_starts: Sequence[int]) -> None:
        """Set the steps at which phases start, ascending, the first 0.

        With more than one phase, `model` becomes None, because no single model describes the dynamics.
        """
        self._phase_starts = np.array(phase_starts, dtype=np.int64)
        self._part = self.model.num_states // len(phase_starts)
        self.clock = np.zeros(self.num_envs, dtype=np.int64)
        if len(phase_starts) > 1:
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
                f"the state does not fit {self.num_envs} environments that change over time",
                "restore a state of an environment with the same options and number of lanes",
            )
        self.clock[:] = clock
        super().restore({name: values for name, values in state.items() if name != "clock"})

    def _step(self, action: Array, advance: bool) -> None:
        super()._step(action, advance)
        self.clock += 1
        self._apply_phase()

    def _observe(self) -> None:
        self._apply_phase()
        super()._observe()

    def _apply_phase(self) -> None:
        """Move the states of every lane to the phase of its clock."""
        phase = np.searchsorted(self._phase_starts, self.clock, side="right") - 1
        for name in ("state", "next_state"):
            self.lanes[name] = phase * self._part + self.lanes[name] % self._part


class PositionObserver:
    """Observer of the position in a state, so that observations do not reveal the phase.

    Args:
        position: position in each state, int, shape (num_states,).
        count: number of positions.
        inner: makes observations of positions; None for their index.
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
