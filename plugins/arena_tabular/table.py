"""Base class of tabular agents: a table of action values, and acting greedily by it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.agents.base import Agent, Needs, Problem
from arena.errors import ArenaError
from arena.storage.memory import reserve

if TYPE_CHECKING:
    from arena.streams.base import Stream

__all__ = ["MAX_CELLS", "STEPS", "ActionTable", "TabularAgent", "restored", "sizes", "vector_steps"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

#: The largest table, in numbers: 2 GiB of float64.
MAX_CELLS = 2**28

#: Vector steps from Python between two yields: so many that the runner's own work between does not count.
STEPS = 64


class TabularAgent(Agent):
    """An agent with a table Q of shape (num_states, num_actions).

    Args:
        problem: with discrete observations and actions, both counted from 0.
        config: the subclass's hyperparameters.

    Raises:
        ArenaError: for other spaces, or when the table would not fit in memory.
    """

    needs: ClassVar[Needs] = Needs(observations=("discrete",), actions=("discrete",))

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        self.num_states, self.num_actions = sizes(problem)
        if self.num_states * self.num_actions > MAX_CELLS:
            gib = self.num_states * self.num_actions * 8 / 2**30
            raise ArenaError(
                f"a table of {self.num_states} observations × {self.num_actions} actions takes {gib:.3g} GiB",
                "use an environment with fewer observations, or an agent with function approximation",
            )

        reserve(
            self.num_states * self.num_actions * 8, "tables", "use an environment with fewer observations"
        )

    @property
    @abstractmethod
    def q(self) -> Float:
        """Q(s, a): shape (num_states, num_actions); not to be written to."""

    def greedy(self, observation: Array) -> Int:
        """argmax_a Q(s, a), the first of several: shape (batch,)."""
        return np.asarray(self.q[observation].argmax(axis=1), dtype=np.int64)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Greedy actions; learners override it to explore."""
        return self.greedy(observation), None

    def probabilities(self, observation: Array) -> Float:
        """π(a | s) of the greedy policy: shape (batch, num_actions)."""
        return np.eye(self.num_actions)[self.greedy(observation)]

    def values(self, observation: Array) -> Float:
        """V(s) = max_a Q(s, a): shape (batch,)."""
        return np.asarray(self.q[observation].max(axis=1))


class ActionTable(TabularAgent):
    """Tabular agent with action values Q; agents that learn V alone have none."""

    def action_values(self, observation: Array) -> Float:
        """Q(s, a): shape (batch, num_actions)."""
        return np.array(self.q[observation], dtype=np.float64)


def sizes(problem: Problem) -> tuple[int, int]:
    """Number of states and actions of a problem's table.

    Raises:
        ArenaError: where they cannot be counted from 0.
    """
    return _size("observation", problem.observation_space), _size("action", problem.action_space)


def vector_steps(stream: Stream, most: int) -> int:
    """The vector steps to take before the next yield: up to the runner's boundary, and at most `most`."""
    return min(-(-stream.remaining // stream.num_envs), most)


def restored(what: str, array: Array, saved: Array) -> None:
    """Copies a saved array into an existing one.

    Raises:
        ArenaError: if it was saved for another environment, or another number of them.
    """
    if array.shape != np.shape(saved):
        raise ArenaError(
            f"the saved {what} has shape {np.shape(saved)}, not {array.shape}",
            "load it with the environment and --envs it was saved with",
        )
    array[...] = saved


def _size(what: str, space: gym.Space[Any]) -> int:
    if not isinstance(space, gym.spaces.Discrete) or space.start != 0:
        raise ArenaError(
            f"a tabular agent cannot use the {what} space {space}",
            "use an environment with a Discrete space, or another agent (`arena list agents --for ENV`)",
        )
    return int(space.n)
