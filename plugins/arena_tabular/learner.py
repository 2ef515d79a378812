"""The loop around every tabular learner: compiled where the environment is a table, else from Python."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from arena.agent import Problem, Progress
from arena.codec import State
from arena.errors import ArenaError
from arena.stream import NativeStream, Stream, Transition
from arena.tables import TableVectorEnv
from arena_tabular.behaviour import RULE, choose_batch
from arena_tabular.table import STEPS, Array, Float, TabularAgent, restored, vector_steps

__all__ = ["TabularLearner"]

#: A compiled chunk has at most about this many environment steps (tens of milliseconds), so that Ctrl-C and
#: whoever draws the training wait no longer, however far the next boundary is.
CHUNK = 2**20


class TabularLearner(TabularAgent):
    """A learner with a table, a rule and a compiled driver; a family fills in the driver.

    What is learned does not depend on which of the two ways it took, nor on how the steps were divided.

    Args:
        problem: with discrete observations and actions.
        config: the subclass's hyperparameters.
        initial_value: Q(s, a) at the start.
    """

    def __init__(self, problem: Problem, config: Any, *, initial_value: float) -> None:
        super().__init__(problem, config)
        self._q = np.full((self.num_states, self.num_actions), initial_value, dtype=np.float64)
        self._rules = np.zeros(1, dtype=RULE)
        self._rules["explore_key"] = problem.generators.key("explore")
        self._rules["target_key"] = problem.generators.key("explore/target")

    @property
    def q(self) -> Float:
        """The table."""
        return self._q

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Decide, step, learn; ready for the runner after every chunk."""
        tabular = self._tabular(stream)
        self._check(stream, tabular)
        while True:
            if tabular is None:
                for _ in range(vector_steps(stream, STEPS)):
                    self._learn(stream.step(self._decide(stream.observation)))
            else:
                assert isinstance(stream, NativeStream)
                steps = vector_steps(stream, max(1, CHUNK // stream.num_envs))
                self._drive(tabular, stream, steps)
                stream.advanced(steps)
            yield stream.progress(**self._metrics())

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Greedy, or as in training: then every action takes one 64-bit number of the generator."""
        if not explore:
            return self.greedy(observation), None
        state = np.asarray(observation, dtype=np.int64)
        bits = generator.integers(2**64, size=len(state), dtype=np.uint64)
        action = np.empty(len(state), dtype=np.int64)
        outside = choose_batch(self._q, self._rules, state, bits, action)
        in_table(outside, observation, self.num_states)
        return action, None

    def state_dict(self) -> State:
        """The table; families add what else they remember."""
        return self.snapshot()

    def load_state_dict(self, state: State) -> None:
        """Takes the table back."""
        self.load_snapshot(state)

    def snapshot(self) -> State:
        """The table."""
        return {"q": self._q.copy()}

    def load_snapshot(self, state: State) -> None:
        """Takes the table back."""
        restored("table", self._q, state["q"])

    def _tabular(self, stream: Stream) -> TableVectorEnv | None:
        return stream.tabular if isinstance(stream, NativeStream) else None

    def _check(self, stream: Stream, tabular: TableVectorEnv | None) -> None:
        # Compiled code checks no bounds: a stream of another problem would write beside the table.
        problem, shape = self.problem, self._q.shape
        expected = (problem.num_envs, problem.observation_space, problem.action_space)
        found = (stream.num_envs, stream.observation_space, stream.action_space)
        if found != expected or (tabular and (tabular.model.num_states, tabular.model.num_actions) != shape):
            raise ArenaError(
                f"the agent was built for {expected} (environments, observations, actions), not {found}",
                "build it from the stream's own",
            )

    @abstractmethod
    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        """Takes the steps in compiled code, and keeps the stream's accounts."""

    @abstractmethod
    def _decide(self, observation: Array) -> Array:
        """The actions of this step."""

    @abstractmethod
    def _learn(self, transition: Transition) -> None:
        """Learns from what they led to."""

    @abstractmethod
    def _metrics(self) -> Mapping[str, float]:
        """The numbers of `Progress.metrics`."""


def in_table(lane: int, observation: Array, num_states: int) -> None:
    """Refuses what a compiled function found in `lane`, if not −1.

    Raises:
        ArenaError: names the lane and its observation.
    """
    if lane >= 0:
        raise ArenaError(
            f"environment {lane} gave the observation {observation[lane]}, outside [0, {num_states})",
            "mend its observation space",
        )
