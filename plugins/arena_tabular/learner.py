"""The training loop of tabular learners: compiled where the environment is a table, else from Python."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from arena.agents.base import Problem
from arena.environments.tabular import TableVectorEnv
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import NativeStream, Progress, Stream, Transition
from arena_tabular.behavior import choose_batch, probabilities_into
from arena_tabular.driver import Transitions, World, decide_all, drive, learn_all
from arena_tabular.options import LearningOptions, rules_of
from arena_tabular.records import EPSILON_GREEDY, LEARNER, SOFTMAX, VISITS
from arena_tabular.schedules import refresh
from arena_tabular.table import STEPS, Array, Float, Int, TabularAgent, restored, vector_steps

__all__ = ["TabularLearner", "in_table", "transitions_of", "world_of"]

#: A compiled chunk has at most about this many environment steps (tens of milliseconds), so that Ctrl-C and the
#: drawing of the training wait no longer, however far the next boundary is.
CHUNK = 2**20


class TabularLearner(TabularAgent):
    """Base class of learners with a table Q; a family adds its arrays and its compiled update.

    The result does not depend on which of the two loops ran, nor on how the steps were divided.

    A family implements `_arrays`, its named tuple for `arena_tabular.driver`, and the compiled functions `foresee` and
    `learn` for it. These choose by `behavior.choose`, take α from `schedules.learning_rate_at`, count visits where
    `rule.counted`, and call `schedules.record_error` at every update. A family with a driver of its own overrides
    `_drive`, `_decide` and `_learn`. A family adds to `state_dict` what else it remembers.

    Metrics: `epsilon` or `temperature` and `learning_rate` as they are now, where they are one number; `td_error`,
    the average of |δ| over the last thousand updates (exponentially weighted).

    Args:
        problem: with discrete observations and actions.
        config: the subclass's hyperparameters.
        algorithm: the family's code of the algorithm, for `RULE.algorithm`.
        visits: rows and columns of the table of visits, where any are counted; by default those of Q.
    """

    #: What the learner remembers of every lane, a record each.
    _memories: Array

    def __init__(
        self,
        problem: Problem,
        config: LearningOptions,
        *,
        algorithm: int = 0,
        visits: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(problem, config)
        self._q = np.full((self.num_states, self.num_actions), config.initial_value, dtype=np.float64)
        self._rules = rules_of(config, problem.generators, algorithm)
        self._learners = np.zeros(1, dtype=LEARNER)
        counted = self._rules["counted"][0]
        self._visits = np.zeros((visits or self._q.shape) if counted else (0, 0), dtype=np.int64)

    @property
    def q(self) -> Float:
        """The table."""
        return self._q

    @property
    def visits(self) -> Int | None:
        """N(s, a), shape (num_states, num_actions), where the behavior or a schedule counts it; else None."""
        return self._visits[: self.num_states] if self._rules["counted"][0] else None

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Decides, steps and learns; yields to the runner after every chunk."""
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
        """Greedy actions, or those of the behavior policy: then each takes one 64-bit number of the generator."""
        return (self._behave(observation, generator) if explore else self.greedy(observation)), None

    def behavior_probabilities(self, observation: Array) -> Float:
        """π(a | s) of the present behavior policy: shape (batch, num_actions)."""
        out = np.empty((len(observation), self.num_actions))
        state = np.asarray(observation, dtype=np.int64)
        probabilities_into(self._q, self._visits, self._rules, state, out)
        return out

    def state_dict(self) -> State:
        """The snapshot, the number of updates and the average error; families add what they remember."""
        learner = self._learners[0]
        return {**self.snapshot(), "updates": int(learner["updates"]), "error": float(learner["error"])}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        self.load_snapshot(state)
        for name in ("updates", "error"):
            self._learners[name] = state[name]

    def snapshot(self) -> State:
        """The table Q, the steps so far (schedules follow them), and the visits where they are counted."""
        state: dict[str, Any] = {"q": self._q.copy(), "steps": int(self._learners["steps"][0])}
        if self._rules["counted"][0]:
            state["visits"] = self._visits.copy()
        return state

    def load_snapshot(self, state: State) -> None:
        """Restores a snapshot."""
        restored("table", self._q, state["q"])
        self._restore_counts(state)

    def transfer(self, state: State) -> None:
        """Starts from the table of another run; schedules start again."""
        self.load_snapshot({**state, "steps": 0})

    def _restore_counts(self, state: State) -> None:
        if self._rules["counted"][0]:
            restored("visits", self._visits, state["visits"])
        self._learners["steps"] = state["steps"]
        refresh(self._rules, self._learners)

    def _behave(self, observation: Array, generator: np.random.Generator) -> Array:
        state = np.asarray(observation, dtype=np.int64)
        bits = generator.integers(2**64, size=len(state), dtype=np.uint64)
        action = np.empty(len(state), dtype=np.int64)
        outside = choose_batch(self._q, self._visits, self._rules, state, bits, action)
        in_table(outside, observation, self.num_states)
        return action

    def _metrics(self) -> Mapping[str, float]:
        rule = self._rules[0]
        metrics = {}
        if rule["behavior"] == EPSILON_GREEDY and rule["epsilon_schedule"] != VISITS:
            metrics["epsilon"] = float(rule["epsilon"])
        elif rule["behavior"] == SOFTMAX:
            metrics["temperature"] = float(rule["temperature"])
        if rule["learning_rate_schedule"] != VISITS:
            metrics["learning_rate"] = float(rule["learning_rate"])
        return {**metrics, "td_error": float(self._learners["error"][0])}

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

    def _lane_memories(self, dtype: np.dtype[Any]) -> Array:
        """A record for every lane, whose next action is not chosen yet."""
        memories = np.zeros(self.problem.num_envs, dtype=dtype)
        memories["next_action"] = -1
        return memories

    @abstractmethod
    def _arrays(self) -> Any:
        """The family's named tuple of tables and accounts for compiled code."""

    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        """Takes the steps in compiled code, and updates the stream's accounts."""
        drive(self._arrays(), world_of(tabular, stream), vector_steps)

    def _decide(self, observation: Array) -> Array:
        """The actions of this step."""
        in_table(decide_all(self._arrays(), observation), observation, self.num_states)
        return np.asarray(self._memories["action"])

    def _learn(self, transition: Transition) -> None:
        """Learns from the step that the actions led to."""
        lane = learn_all(self._arrays(), transitions_of(transition))
        in_table(lane, transition.next_observation, self.num_states)


def world_of(tabular: TableVectorEnv, stream: Stream) -> World:
    """An environment's tables and lanes, and the accounts of its stream, for a compiled driver."""
    return World(*tabular.tables, tabular.lanes, tabular.limit, stream.episode_account, stream.totals)


def transitions_of(transition: Transition) -> Transitions:
    """One step of every lane, for compiled code."""
    return Transitions(
        transition.observation,
        transition.reward,
        transition.terminated,
        transition.truncated,
        transition.next_observation,
    )


def in_table(lane: int, observation: Array, num_states: int) -> None:
    """Refuses what a compiled function found in `lane`, if not −1.

    Raises:
        ArenaError: names the lane and its observation.
    """
    if lane >= 0:
        raise ArenaError(
            f"environment {lane} gave the observation {observation[lane]}, outside [0, {num_states})",
            "fix the observation space of the environment",
        )
