"""Dyna: Q-learning that also learns a model of its environment, and plans with it between its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numba import njit

from arena.agents.base import Problem
from arena.config.options import Between
from arena.random.counter_based import below, fold
from arena.storage.codec import State
from arena_tabular import records as codes
from arena_tabular.behavior import best_value
from arena_tabular.driver import MEMORY_FIELDS, foresee, implements, learn
from arena_tabular.learner import TabularLearner
from arena_tabular.options import ControlOptions
from arena_tabular.schedules import by_visits, learning_rate_at, record_error
from arena_tabular.table import ActionTable, Array, Float, Int

__all__ = ["DynaQ", "DynaQPlus"]

#: What the learner remembers of a lane.
MEMORY = np.dtype(MEMORY_FIELDS, align=True)

#: What is remembered of a pair: the environment steps, over all lanes, when it was last tried (0 for never), and
#: what happened then. `choice` belongs to the place in the row: the action of its state that became known as the
#: j-th stands in the j-th record.
EXPERIENCE = np.dtype(
    [
        ("next_state", np.int32),
        ("choice", np.int32),
        ("terminated", np.bool_),
        ("reward", np.float64),
        ("tried", np.int64),
    ],
    align=True,
)

#: Planning: the updates after every step, κ, whether actions never tried are considered (Dyna-Q+), the key of
#: its random numbers, and the number of states visited so far.
PLAN = np.dtype(
    [
        ("steps", np.int64),
        ("bonus", np.float64),
        ("plus", np.bool_),
        ("key", np.uint64),
        ("visited", np.int64),
    ],
    align=True,
)

HIGH = np.uint64(32)


class DynaArrays(NamedTuple):
    """Tables and accounts of Dyna, as compiled code takes them.

    Drawing a visited state, and then one of its known actions, takes the same few look-ups however large the table
    is.

    Attributes:
        q: shape (num_states, num_actions).
        visits: shape of q, where visits are counted.
        rules: one `RULE` record.
        learners: one `LEARNER` record.
        memories: one `MEMORY` record a lane.
        model: one `EXPERIENCE` record a pair, shape of q.
        counts: shape (num_states,): the number of a state's actions that planning may draw.
        visited: shape (num_states,): the visited states in the order of their first visits.
        plans: one `PLAN` record.
    """

    q: Float
    visits: Int
    rules: Array
    learners: Array
    memories: Array
    model: Array
    counts: Int
    visited: Int
    plans: Array


class DynaQ(TabularLearner, ActionTable):
    """Dyna-Q: Q-learning from every step, and from `planning_steps` remembered steps after it.

        Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]
        Model(s, a) ← r, s'
        n times:   s ← a random state visited before;  a ← a random action taken in it
                   r, s' ← Model(s, a)
                   Q(s, a) ← Q(s, a) + α [r + γ max_a' Q(s', a') − Q(s, a)]

    with zero for the maximum where the episode terminated; a truncated step is remembered with its true successor.
    The model holds the last outcome of each pair, so it suits deterministic environments: among random outcomes it
    plans by the last one only. With 0 planning steps it is Q-learning, to the last bit.

    With several lanes each plans after its own step. Planning updates count neither as visits, in schedules and upper
    confidence bounds, nor in the metric `td_error`; with a learning rate by visits they take α by the visits so far.

    Memory: 32 bytes a pair and 16 a state beside Q, which the operating system gives only for states that are
    visited; a checkpoint holds the visited ones.

    Source: Sutton 1990, "Integrated architectures for learning, planning, and reacting based on approximating
    dynamic programming"; Sutton & Barto 2018, section 8.2.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of Dyna-Q."""

        planning_steps: Annotated[int, Between(0, None)] = 10
        """Number n of planning updates from the model after each environment step; 0 is Q-learning."""

    plus: ClassVar[bool] = False
    config: Any

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, algorithm=codes.Q_LEARNING)
        self._memories = self._lane_memories(MEMORY)
        self._model = np.zeros(self._q.shape, dtype=EXPERIENCE)
        self._counts = np.zeros(self.num_states, dtype=np.int64)
        self._visited = np.zeros(self.num_states, dtype=np.int64)
        self._plans = np.zeros(1, dtype=PLAN)
        self._plans["steps"], self._plans["plus"] = config.planning_steps, self.plus
        self._plans["bonus"] = getattr(config, "bonus", 0.0)
        self._plans["key"] = problem.generators.key("plan")

    @property
    def visited(self) -> Int:
        """The states that planning draws from, in the order of their first visits; none without planning."""
        return self._visited[: self._plans["visited"][0]]

    def state_dict(self) -> State:
        """State of every learner; and the visited states in order, with the model's records of their actions."""
        model = self._model[self.visited]
        return {
            **super().state_dict(),
            "visited": self.visited.copy(),
            "known": self._counts[self.visited],
            "model": {name: model[name].copy() for name in model.dtype.names or ()},
        }

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        super().load_state_dict(state)  # refuses the state of another environment
        self._model[self.visited] = np.zeros((), dtype=self._model.dtype)
        self._counts[self.visited] = 0
        visited = state["visited"]
        self._plans["visited"] = len(visited)
        self._visited[: len(visited)] = visited
        self._counts[visited] = state["known"]
        for name, values in state["model"].items():
            self._model[name][visited] = values

    def _arrays(self) -> Any:
        return DynaArrays(
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
    """Dyna-Q+: Dyna-Q with an exploration bonus for pairs not tried for long, for environments that change.

        n times:   s ← a random state visited before;  a ← any of its actions, at random
                   Q(s, a) ← Q(s, a) + α [r + κ √τ + γ max_a' Q(s', a') − Q(s, a)],   r, s' ← Model(s, a)

    where τ is the number of environment steps, over all lanes, since (s, a) was last tried. The model assumes
    that an action never tried in a visited state leads back to the state with a reward of 0, and τ counts from the
    beginning. All else is as in `DynaQ`; only planning updates get the bonus.

    So Q includes the bonus: it exceeds the true action values by up to κ √τ / (1 − γ), which should be small
    compared with the rewards.

    Source: Sutton 1990; Sutton & Barto 2018, section 8.3 and its footnote.
    """

    @dataclass(frozen=True)
    class Config(DynaQ.Config):
        """Hyperparameters of Dyna-Q+."""

        bonus: Annotated[float, Between(0, None)] = 1e-4
        """Exploration bonus κ, in units of reward: planning adds κ √τ to the reward of a pair that was last tried τ
        steps ago. Large values make the greedy policy visit such pairs again and again."""

    plus: ClassVar[bool] = True


@njit(cache=True, inline="always")
def td_error(q, rule, state, action, reward, terminated, next_state):  # type: ignore[no-untyped-def]
    """δ = r + γ max_a' Q(s', a') − Q(s, a), without the maximum where the episode terminated."""
    target = reward
    if not terminated:
        target += rule.discount * best_value(q, next_state)
    return target - q[state, action]


@njit(cache=True, inline="always")
def planning_learning_rate(visits, rule, state, action):  # type: ignore[no-untyped-def]
    """α of a planning update: it counts as no visit, and a pair never tried as visited once."""
    learning_rate = rule.learning_rate
    if rule.learning_rate_schedule == codes.VISITS:
        times = max(1, visits[state, action])
        learning_rate = by_visits(
            rule.learning_rate_start, rule.learning_rate_final, rule.learning_rate_power, times
        )
    return learning_rate


@njit(cache=True, inline="always")
def add_state(agent, state):  # type: ignore[no-untyped-def]
    """Adds a state to those that planning draws from.

    Dyna-Q+ considers all its actions from now on; the model assumes that an action never tried leads back to the
    state with a reward of 0 and was last tried at time 0.
    """
    model, plan = agent.model, agent.plans[0]
    agent.visited[plan.visited] = state
    plan.visited += 1
    if plan.plus:
        agent.counts[state] = model.shape[1]
        for a in range(model.shape[1]):
            model[state, a].next_state = state
            model[state, a].choice = a


@njit(cache=True, inline="always")
def update_model(agent, step, action, now):  # type: ignore[no-untyped-def]
    """Model(s, a) ← r, s': the last outcome, as if the environment were deterministic."""
    state, model, counts, plus = step.state, agent.model, agent.counts, agent.plans[0].plus
    if counts[state] == 0:
        add_state(agent, state)
    experience = model[state, action]
    if experience.tried == 0 and not plus:
        model[state, counts[state]].choice = action
        counts[state] += 1
    experience.next_state = step.next_state
    experience.reward = step.reward
    experience.terminated = step.terminated
    experience.tried = now


@njit(cache=True, inline="always")
def plan_once(agent, now, bits):  # type: ignore[no-untyped-def]
    """One planning update, at a random state visited before and a random one of its known actions.

    The lower half of the random number draws the state, the upper half the action.
    """
    q, rule, plan = agent.q, agent.rules[0], agent.plans[0]
    state = agent.visited[below(bits, plan.visited)]
    action = agent.model[state, below(bits >> HIGH, agent.counts[state])].choice
    experience = agent.model[state, action]
    reward = experience.reward
    if plan.plus:
        reward += plan.bonus * math.sqrt(now - experience.tried)
    error = td_error(q, rule, state, action, reward, experience.terminated, experience.next_state)
    q[state, action] += planning_learning_rate(agent.visits, rule, state, action) * error


@implements(foresee, DynaArrays)
def foresee_nothing(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """Nothing: Q-learning's target needs no action at the successor."""


@implements(learn, DynaArrays)
def learn_dyna(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """Learns from a step, adds it to the model, and plans: with one lane, the textbook's algorithm."""
    q, rule, plan, state = agent.q, agent.rules[0], agent.plans[0], step.state
    action = agent.memories[lane].action
    error = td_error(q, rule, state, action, step.reward, step.terminated, step.next_state)
    if rule.counted:
        agent.visits[state, action] += 1
    q[state, action] += learning_rate_at(agent.visits, rule, state, action) * error
    record_error(agent.learners[0], error)
    if plan.steps > 0:
        now = counter + 1
        update_model(agent, step, action, now)
        key = fold(plan.key, counter)
        for j in range(plan.steps):
            plan_once(agent, now, fold(key, j))
