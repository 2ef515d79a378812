"""Dyna: Q-learning that also learns a model of its environment, and learns from that between its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from arena.agent import Problem
from arena.codec import State
from arena.config import Between
from arena.stream import Stream, Transition
from arena.tables import TableVectorEnv
from arena_tabular import dyna_kernels, kernels
from arena_tabular.learner import TabularLearner, in_table
from arena_tabular.options import ControlOptions
from arena_tabular.table import ActionTable, Array, Int

__all__ = ["DynaQ", "DynaQPlus"]


class DynaQ(TabularLearner, ActionTable):
    """Q-learning from every step, and from `planning_steps` remembered ones after it.

        Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]
        Model(s, a) ← r, s'
        n times:   s ← a random state visited before;  a ← a random action taken in it
                   r, s' ← Model(s, a)
                   Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]

    with zero for the maximum where the episode terminated; a truncated step is remembered with its true successor.
    The model holds the last outcome of each pair, so it suits deterministic environments: among random outcomes it
    plans by the last one only. With 0 planning steps it is Q-learning, to the last bit.

    With several lanes each plans after its own step. Steps imagined count neither as visits, in schedules and upper
    confidence bounds, nor in the metric `td_error`; with a learning rate by visits they take α as the visits stand.

    Memory: 32 bytes a pair and 16 a state beside Q, which the operating system gives only for states that are
    visited; a checkpoint holds the visited ones.

    Source: Sutton 1990, "Integrated architectures for learning, planning, and reacting based on approximating
    dynamic programming"; Sutton & Barto 2018, section 8.2.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of Dyna-Q."""

        planning_steps: Annotated[int, Between(0, None)] = 10
        """n: how many updates from the model follow each step."""

    plus: ClassVar[bool] = False
    config: Any

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, algorithm=kernels.Q_LEARNING)
        self._memories = np.zeros(problem.num_envs, dtype=kernels.MEMORY)
        self._memories["next_action"] = -1
        self._model = np.zeros(self._q.shape, dtype=dyna_kernels.EXPERIENCE)
        self._counts = np.zeros(self.num_states, dtype=np.int64)
        self._visited = np.zeros(self.num_states, dtype=np.int64)
        self._plans = np.zeros(1, dtype=dyna_kernels.PLAN)
        self._plans["steps"], self._plans["plus"] = config.planning_steps, self.plus
        self._plans["bonus"] = getattr(config, "bonus", 0.0)
        self._plans["key"] = problem.generators.key("plan")

    @property
    def visited(self) -> Int:
        """The states that planning draws from, in the order of their first visits; none without planning."""
        return self._visited[: self._plans["visited"][0]]

    def state_dict(self) -> State:
        """As every learner's; and the visited states in order, with what the model holds of their actions."""
        model = self._model[self.visited]
        return {
            **super().state_dict(),
            "visited": self.visited.copy(),
            "known": self._counts[self.visited],
            "model": {name: model[name].copy() for name in model.dtype.names or ()},
        }

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        super().load_state_dict(state)  # refuses what another environment left
        self._model[self.visited] = np.zeros((), dtype=self._model.dtype)
        self._counts[self.visited] = 0
        visited = state["visited"]
        self._plans["visited"] = len(visited)
        self._visited[: len(visited)] = visited
        self._counts[visited] = state["known"]
        for name, values in state["model"].items():
            self._model[name][visited] = values

    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        dyna_kernels.drive(
            *self._records(),
            *tabular.tables,
            tabular.lanes,
            tabular.limit,
            stream.episode_account,
            stream.totals,
            vector_steps,
        )

    def _decide(self, observation: Array) -> Array:
        tables = (self._q, self._visits, self._rules, self._learners, self._memories)
        in_table(kernels.decide_all(*tables, observation), observation, self.num_states)
        return self._memories["action"]

    def _learn(self, transition: Transition) -> None:
        lane = dyna_kernels.learn_all(
            *self._records(),
            transition.observation,
            transition.reward,
            transition.terminated,
            transition.next_observation,
        )
        in_table(lane, transition.next_observation, self.num_states)

    def _records(self) -> tuple[Array, ...]:
        """What both paths learn with, in the kernels' order."""
        return (
            self._q,
            self._visits,
            self._rules,
            self._learners,
            self._memories,
            self._model,
            self._counts,
            self._visited,
            self._plans,
        )


class DynaQPlus(DynaQ):
    """Dyna-Q that goes and looks whether the world has changed: what was not tried for long seems worth trying.

        n times:   s ← a random state visited before;  a ← any of its actions, at random
                   Q(s, a) ← Q(s, a) + α [r + κ √τ + γ max_a' Q(s', a') − Q(s, a)],   r, s' ← Model(s, a)

    where τ is the number of environment steps, over all lanes, since (s, a) was last tried in the world. Of an
    action never tried in a visited state the model supposes that it leads back to the state with a reward of 0, and
    τ counts from the beginning. All else is as in `DynaQ`; the bonus is in no reward but imagined ones.

    So Q, and the policy and values by it, are those of a world in which curiosity pays: Q exceeds what can be had by
    up to κ √τ / (1 − γ), which is to be small beside the rewards.

    Source: Sutton 1990; Sutton & Barto 2018, section 8.3 and its footnote.
    """

    @dataclass(frozen=True)
    class Config(DynaQ.Config):
        """Hyperparameters of Dyna-Q+."""

        bonus: Annotated[float, Between(0, None)] = 1e-4
        """κ: the reward imagined for a pair that was not tried for τ steps is κ √τ higher. In units of reward; with
        much more, the policy without exploration wanders off to what it has not seen for long."""

    plus: ClassVar[bool] = True
