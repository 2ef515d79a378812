"""One-step temporal-difference control: SARSA, expected SARSA, Q-learning and double Q-learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from arena.agent import Problem
from arena.codec import State
from arena.stream import Stream, Transition
from arena.tables import TableVectorEnv
from arena_tabular import kernels
from arena_tabular.learner import TabularLearner, in_table
from arena_tabular.options import ControlOptions, LearningOptions
from arena_tabular.table import ActionTable, Array, Float, restored, sizes

__all__ = ["SARSA", "DoubleQLearning", "ExpectedSARSA", "OneStep", "QLearning", "TemporalDifference"]


class OneStep(TabularLearner):
    """A learner by one-step temporal differences, in control or prediction: it calls the family's kernels.

    Args:
        problem: with discrete observations and actions.
        config: the subclass's hyperparameters.
        estimates: what the algorithm learns beside, or in place of, Q, if it does.
        visits: how many rows and columns of visits to count, where any are counted; by default those of Q.
    """

    #: The family's code of the algorithm.
    algorithm: ClassVar[int]

    def __init__(
        self,
        problem: Problem,
        config: LearningOptions,
        *,
        estimates: tuple[int, int] = (0, 0),
        visits: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(problem, config, algorithm=self.algorithm, visits=visits)
        self._estimates: Float = np.full(estimates, config.initial_value, dtype=np.float64)
        self._memories = np.zeros(problem.num_envs, dtype=kernels.MEMORY)
        self._memories["next_action"] = -1

    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        kernels.drive(
            self._q,
            self._estimates,
            self._visits,
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
        lane = kernels.decide_all(
            self._q, self._visits, self._rules, self._learners, self._memories, observation
        )
        in_table(lane, observation, self.num_states)
        return self._memories["action"]

    def _learn(self, transition: Transition) -> None:
        lane = kernels.learn_all(
            self._q,
            self._estimates,
            self._visits,
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


class TemporalDifference(OneStep, ActionTable):
    """What one-step methods of control share; they differ in the value that they give to the successor.

    Metrics: `epsilon` or `temperature` and `learning_rate` as they are now, where they are one number; `td_error`,
    the average of |δ| over the last thousand updates (exponentially weighted).
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of one-step temporal-difference control."""

    config: Config

    def __init__(self, problem: Problem, config: Config, **shapes: Any) -> None:
        super().__init__(problem, config, **shapes)


class SARSA(TemporalDifference):
    """On-policy control: learns the value of the exploring policy that it follows.

        Q(s, a) ← Q(s, a) + α [r + γ Q(s', a') − Q(s, a)]

    where a' is the action that it takes next; zero stands for Q(s', a') where the episode terminated. Where
    it was cut off, a' is drawn for the target alone.

    Source: Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4.
    """

    algorithm = kernels.SARSA

    def state_dict(self) -> State:
        """As every learner's, and the next action of each lane where it is chosen already."""
        return {**super().state_dict(), "next_action": self._memories["next_action"].copy()}

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        super().load_state_dict(state)
        restored("next actions", self._memories["next_action"], state["next_action"])


class ExpectedSARSA(TemporalDifference):
    """On-policy control without the chance of the next action: learns from its expectation.

        Q(s, a) ← Q(s, a) + α [r + γ Σ_a' π(a' | s') Q(s', a') − Q(s, a)]

    where π is the behavior at s', as its tables stand before the update; zero for the sum where the episode
    terminated.

    Source: van Seijen, van Hasselt, Whiteson & Wiering 2009; Sutton & Barto 2018, section 6.6.
    """

    algorithm = kernels.EXPECTED_SARSA


class QLearning(TemporalDifference):
    """Off-policy control: learns the value of the greedy policy while it follows an exploring one.

        Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]

    with zero for the maximum where the episode terminated.

    Source: Watkins 1989; Watkins & Dayan 1992; Sutton & Barto 2018, section 6.5.
    """

    algorithm = kernels.Q_LEARNING


class DoubleQLearning(TemporalDifference):
    """Q-learning without its optimism: one estimate says which action is best, the other what it is worth.

    With probability ½, decided anew at each update,

        Q₁(s, a) ← Q₁(s, a) + α [r + γ Q₂(s', argmax_a' Q₁(s', a')) − Q₁(s, a)]

    and else the same with Q₁ and Q₂ exchanged; zero stands for Q₂(s', ·) where the episode terminated, and equals
    are drawn among at random. It acts by the mean of the two, which is its `q`. With a learning rate by visits,
    each estimate counts its own.

    Source: van Hasselt 2010; Sutton & Barto 2018, section 6.7.
    """

    algorithm = kernels.DOUBLE_Q_LEARNING

    def __init__(self, problem: Problem, config: TemporalDifference.Config) -> None:
        states, actions = sizes(problem)
        super().__init__(problem, config, estimates=(2 * states, actions), visits=(3 * states, actions))

    @property
    def estimates(self) -> Float:
        """Q₁ and Q₂: shape (2, num_states, num_actions)."""
        return self._estimates.reshape(2, self.num_states, self.num_actions)

    def state_dict(self) -> State:
        """As every learner's, and the two estimates."""
        return {**super().state_dict(), "estimates": self._estimates.copy()}

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        super().load_state_dict(state)
        restored("estimates", self._estimates, state["estimates"])
