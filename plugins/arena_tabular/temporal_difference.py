"""One-step temporal differences: SARSA, expected SARSA, Q-learning, double Q-learning and TD(0).

Each class is followed by the target of its update, compiled; `learn_one_step` moves the estimate towards it by α.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import njit

from arena.agents.base import Problem
from arena.random.counter_based import fold
from arena.storage.codec import State
from arena_tabular import records as codes
from arena_tabular.behavior import best_value, choose, expected_value, random_greedy
from arena_tabular.driver import MEMORY_FIELDS, foresee, implements, learn
from arena_tabular.learner import TabularLearner
from arena_tabular.options import ControlOptions, LearningOptions
from arena_tabular.prediction import Prediction, PredictionOptions
from arena_tabular.schedules import learning_rate_at, record_error
from arena_tabular.table import ActionTable, Array, Float, Int, restored, sizes

__all__ = [
    "MEMORY",
    "SARSA",
    "DoubleQLearning",
    "ExpectedSARSA",
    "OneStep",
    "OneStepArrays",
    "QLearning",
    "TDPrediction",
    "TemporalDifference",
    "assume_action",
    "foresee_one_step",
]

#: What the learner remembers of a lane.
MEMORY = np.dtype(MEMORY_FIELDS, align=True)

COIN = np.uint64(63)


class OneStepArrays(NamedTuple):
    """Tables and accounts of one-step learners, as compiled code takes them.

    Attributes:
        q: shape (num_states, num_actions): what the behavior policy acts by; most algorithms learn it.
        estimates: the two tables of double Q-learning, one below the other, whose mean is q; or V of prediction,
            as one column, where q says which policy is predicted.
        visits: counts in the shape of what is learned, where visits are counted; double Q-learning has the
            counts of its two estimates below those of q.
        rules: one `RULE` record.
        learners: one `LEARNER` record.
        memories: one `MEMORY` record a lane.
    """

    q: Float
    estimates: Float
    visits: Int
    rules: Array
    learners: Array
    memories: Array


class OneStep(TabularLearner):
    """Base class of learners whose target is r + γ · (value of the successor).

    Args:
        problem: with discrete observations and actions.
        config: the subclass's hyperparameters.
        estimates: rows and columns of the table of estimates, where it is not Q itself.
        visits: rows and columns of the table of visits, where any are counted; by default those of Q.
    """

    #: The code of the algorithm in compiled records.
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
        self._memories = self._lane_memories(MEMORY)

    def _arrays(self) -> Any:
        return OneStepArrays(
            self._q, self._estimates, self._visits, self._rules, self._learners, self._memories
        )


class TemporalDifference(OneStep, ActionTable):
    """Base class of one-step control; the subclasses differ in the value of the successor.

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
    """SARSA: on-policy control that learns the value of the exploring policy that it follows.

        Q(s, a) ← Q(s, a) + α [r + γ Q(s', a') − Q(s, a)]

    where a' is the action that it takes next; zero stands for Q(s', a') where the episode terminated. Where
    it was truncated, a' is drawn for the target alone.

    Source: Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4.
    """

    algorithm = codes.SARSA

    def state_dict(self) -> State:
        """State of every learner, and the next action of each lane if it is already chosen."""
        return {**super().state_dict(), "next_action": self._memories["next_action"].copy()}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        super().load_state_dict(state)
        restored("next actions", self._memories["next_action"], state["next_action"])


@njit(cache=True, inline="always")
def sarsa_target(agent, lane, step):  # type: ignore[no-untyped-def]
    """Target r + γ Q(s', a'), where `assume_action` has chosen a'."""
    target = step.reward
    if not step.terminated:
        target += agent.rules[0].discount * agent.q[step.next_state, agent.memories[lane].assumed]
    return target


class ExpectedSARSA(TemporalDifference):
    """Expected SARSA: on-policy control that learns from the expectation over the next action.

        Q(s, a) ← Q(s, a) + α [r + γ Σ_a' π(a' | s') Q(s', a') − Q(s, a)]

    where π is the behavior policy at s', by the tables before the update; zero for the sum where the episode
    terminated.

    Source: van Seijen, van Hasselt, Whiteson & Wiering 2009; Sutton & Barto 2018, section 6.6.
    """

    algorithm = codes.EXPECTED_SARSA


@njit(cache=True, inline="always")
def expected_sarsa_target(agent, lane, step):  # type: ignore[no-untyped-def]
    """Target r + γ Σ_a' π(a' | s') Q(s', a')."""
    target = step.reward
    if not step.terminated:
        rule = agent.rules[0]
        target += rule.discount * expected_value(agent.q, agent.visits, rule, step.next_state)
    return target


class QLearning(TemporalDifference):
    """Q-learning: off-policy control that learns the value of the greedy policy while it follows an exploring one.

        Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]

    with zero for the maximum where the episode terminated.

    Source: Watkins 1989; Watkins & Dayan 1992; Sutton & Barto 2018, section 6.5.
    """

    algorithm = codes.Q_LEARNING


@njit(cache=True, inline="always")
def q_learning_target(agent, lane, step):  # type: ignore[no-untyped-def]
    """Target r + γ max_a' Q(s', a')."""
    target = step.reward
    if not step.terminated:
        target += agent.rules[0].discount * best_value(agent.q, step.next_state)
    return target


class DoubleQLearning(TemporalDifference):
    """Double Q-learning: Q-learning without maximization bias, with two estimates of Q.

    With probability ½, decided anew at each update,

        Q₁(s, a) ← Q₁(s, a) + α [r + γ Q₂(s', argmax_a' Q₁(s', a')) − Q₁(s, a)]

    and otherwise with Q₁ and Q₂ exchanged: one estimate selects the action, the other evaluates it. Zero stands for
    Q₂(s', ·) where the episode terminated, and ties are broken at random. It acts by the mean of the two, which
    is its `q`. With a learning rate by visits, each estimate counts its own.

    Source: van Hasselt 2010; Sutton & Barto 2018, section 6.7.
    """

    algorithm = codes.DOUBLE_Q_LEARNING

    def __init__(self, problem: Problem, config: TemporalDifference.Config) -> None:
        states, actions = sizes(problem)
        super().__init__(problem, config, estimates=(2 * states, actions), visits=(3 * states, actions))

    @property
    def estimates(self) -> Float:
        """Q₁ and Q₂: shape (2, num_states, num_actions)."""
        return self._estimates.reshape(2, self.num_states, self.num_actions)

    def state_dict(self) -> State:
        """State of every learner, and the two estimates."""
        return {**super().state_dict(), "estimates": self._estimates.copy()}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        super().load_state_dict(state)
        restored("estimates", self._estimates, state["estimates"])


@njit(cache=True, inline="always")
def double_q_learning_target(agent, step, own, bits):  # type: ignore[no-untyped-def]
    """Target r + γ Q₂(s', argmax_a' Q₁(s', a')), where Q₁ is the estimate whose rows begin at `own`."""
    target = step.reward
    if not step.terminated:
        other = agent.q.shape[0] - own
        best = random_greedy(agent.estimates, own + step.next_state, bits)
        target += agent.rules[0].discount * agent.estimates[other + step.next_state, best]
    return target


@njit(cache=True, inline="always")
def learn_double(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """Updates the estimate that a coin chooses, and the mean of the two; returns δ.

    The coin is the highest bit of a number whose lowest bits break ties.
    """
    rule, state, action = agent.rules[0], step.state, agent.memories[lane].action
    bits, states = fold(rule.coin_key, counter), agent.q.shape[0]
    own = np.int64(bits >> COIN) * states
    row = own + state
    error = double_q_learning_target(agent, step, own, bits) - agent.estimates[row, action]
    if rule.counted:
        agent.visits[state, action] += 1
        agent.visits[states + row, action] += 1
    agent.estimates[row, action] += learning_rate_at(agent.visits, rule, states + row, action) * error
    agent.q[state, action] = 0.5 * (agent.estimates[state, action] + agent.estimates[states + state, action])
    return error


class TDPrediction(Prediction, OneStep):
    """TD(0): estimates the state values V of a policy, by default the uniformly random one, while following it.

        V(s) ← V(s) + α [r + γ V(s') − V(s)]

    with zero for V(s') where the episode terminated. With a learning rate by visits, N counts those of the state.
    It has no Q, and always acts by its policy.

    Source: Sutton 1988; Sutton & Barto 2018, section 6.1.
    """

    @dataclass(frozen=True)
    class Config(PredictionOptions):
        """Hyperparameters of TD(0)."""

    algorithm = codes.PREDICTION
    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        states, _ = sizes(problem)
        super().__init__(problem, config, estimates=(states, 1), visits=(states, 1))
        self._follow(config)


@njit(cache=True, inline="always")
def td_target(agent, step):  # type: ignore[no-untyped-def]
    """Target r + γ V(s')."""
    target = step.reward
    if not step.terminated:
        target += agent.rules[0].discount * agent.estimates[step.next_state, 0]
    return target


@njit(cache=True, inline="always")
def assume_action(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """SARSA's action at the successor, chosen before any update of this step, as in the textbook's algorithm.

    `counter` is that of the next step in this lane: whether an action is chosen here or in `decide`, its
    random number depends only on when it is taken. Where the episode is truncated, the target still assumes
    an action at the true successor; it is never taken, so it has a random number of its own.
    """
    rule, memory = agent.rules[0], agent.memories[lane]
    memory.next_action = -1
    if rule.algorithm == codes.SARSA and not step.terminated:
        key = rule.target_key if step.truncated else rule.explore_key
        memory.assumed = choose(agent.q, agent.visits, rule, step.next_state, fold(key, counter))
        if not step.truncated:
            memory.next_action = memory.assumed


@implements(foresee, OneStepArrays)
def foresee_one_step(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """SARSA's action at the successor."""
    assume_action(agent, lane, step, counter)


@implements(learn, OneStepArrays)
def learn_one_step(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """X ← X + α [target − X], where X is the estimate of this step and the target that of the algorithm.

    Only termination ends a target: after a truncation more would have come.
    """
    rule = agent.rules[0]
    if rule.algorithm == codes.DOUBLE_Q_LEARNING:
        error = learn_double(agent, lane, step, counter)
    elif rule.algorithm == codes.PREDICTION:
        error = td_target(agent, step) - agent.estimates[step.state, 0]
        if rule.counted:
            agent.visits[step.state, 0] += 1
        agent.estimates[step.state, 0] += learning_rate_at(agent.visits, rule, step.state, 0) * error
    else:
        if rule.algorithm == codes.SARSA:
            target = sarsa_target(agent, lane, step)
        elif rule.algorithm == codes.Q_LEARNING:
            target = q_learning_target(agent, lane, step)
        else:
            target = expected_sarsa_target(agent, lane, step)
        action = agent.memories[lane].action
        error = target - agent.q[step.state, action]
        if rule.counted:
            agent.visits[step.state, action] += 1
        agent.q[step.state, action] += learning_rate_at(agent.visits, rule, step.state, action) * error
    record_error(agent.learners[0], error)
