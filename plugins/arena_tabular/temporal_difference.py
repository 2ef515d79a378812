"""One-step temporal-difference control: SARSA and Q-learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from arena.agent import Problem
from arena.codec import State
from arena.config import Between
from arena.stream import Stream, Transition
from arena.tables import TableVectorEnv
from arena_tabular import kernels
from arena_tabular.learner import TabularLearner, in_table
from arena_tabular.table import Array, restored

__all__ = ["SARSA", "QLearning", "TemporalDifference"]


class TemporalDifference(TabularLearner):
    """What one-step methods share; they differ in the value that they give to the successor.

    Metrics: `epsilon` and `step_size` now; `td_error`, the average of |δ| over the last thousand updates
    (exponentially weighted).
    """

    #: The family's code of the algorithm.
    algorithm: ClassVar[int]

    @dataclass(frozen=True)
    class Config:
        """Hyperparameters of one-step temporal-difference control."""

        discount: Annotated[float, Between(0, 1)] = 0.99
        """γ: what a reward is worth one step later."""

        step_size: Annotated[float, Between(0, 1, open_low=True)] = 0.1
        """α: how far an estimate moves towards its target."""

        epsilon: Annotated[float, Between(0, 1)] = 0.1
        """ε: how often an action is chosen uniformly at random while learning."""

        initial_value: Annotated[float, Between(None, None)] = 0.0
        """Q(s, a) at the start; above what can be reached, it makes the agent try everything."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, initial_value=config.initial_value)
        self._rules["algorithm"] = self.algorithm
        for name in ("discount", "step_size", "epsilon"):
            self._rules[name] = getattr(config, name)
        self._learners = np.zeros(1, dtype=kernels.LEARNER)
        self._memories = np.zeros(problem.num_envs, dtype=kernels.MEMORY)
        self._memories["next_action"] = -1

    def state_dict(self) -> State:
        """The table, the counts, the average error, and the next action of each lane where it is chosen."""
        learner = self._learners[0]
        return {
            **super().state_dict(),
            "clock": int(learner["clock"]),
            "updates": int(learner["updates"]),
            "error": float(learner["error"]),
            "next_action": self._memories["next_action"].copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        super().load_state_dict(state)
        for name in kernels.LEARNER.names or ():
            self._learners[name] = state[name]
        restored("next actions", self._memories["next_action"], state["next_action"])

    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        kernels.drive(
            self._q,
            self._rules,
            self._learners,
            self._memories,
            *tabular.tables,
            tabular.lanes,
            tabular.limit,
            stream.episode_account,
            stream.totals,
            vector_steps,
        )

    def _decide(self, observation: Array) -> Array:
        lane = kernels.decide_all(self._q, self._rules, self._learners, self._memories, observation)
        in_table(lane, observation, self.num_states)
        return self._memories["action"]

    def _learn(self, transition: Transition) -> None:
        lane = kernels.learn_all(
            self._q,
            self._rules,
            self._learners,
            self._memories,
            transition.observation,
            transition.reward,
            transition.terminated,
            transition.truncated,
            transition.next_observation,
        )
        in_table(lane, transition.next_observation, self.num_states)

    def _metrics(self) -> Mapping[str, float]:
        return {
            "epsilon": self.config.epsilon,
            "step_size": self.config.step_size,
            "td_error": float(self._learners["error"][0]),
        }


class SARSA(TemporalDifference):
    """On-policy control: learns the value of the ε-greedy policy that it follows.

        Q(s, a) ← Q(s, a) + α [r + γ Q(s', a') − Q(s, a)]

    where a' is the action that it takes next; zero stands for Q(s', a') where the episode terminated. Where
    it was cut off, a' is drawn for the target alone.

    Source: Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4.
    """

    algorithm = kernels.SARSA


class QLearning(TemporalDifference):
    """Off-policy control: learns the value of the greedy policy while it follows an ε-greedy one.

        Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]

    with zero for the maximum where the episode terminated.

    Source: Watkins 1989; Watkins & Dayan 1992; Sutton & Barto 2018, section 6.5.
    """

    algorithm = kernels.Q_LEARNING
