"""n-step temporal differences: n-step TD prediction, and n-step SARSA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from numba import njit

from arena.agents.base import Problem
from arena.config.options import Between
from arena.storage.codec import State
from arena_tabular import records as codes
from arena_tabular.driver import MEMORY_FIELDS, foresee, implements, learn
from arena_tabular.multi_step import MultiStep, flat_records, pack, unpack
from arena_tabular.options import ControlOptions
from arena_tabular.prediction import PredictionOptions
from arena_tabular.schedules import by_visits, record_error
from arena_tabular.table import Array, Float, Int
from arena_tabular.temporal_difference import SARSA, TDPrediction, foresee_one_step

__all__ = ["NStep", "NStepSARSA", "NStepTD"]

REMEDY = "use a smaller n_steps, or fewer environments (--envs)"

#: What the learner remembers of a lane: its actions, where the ring of its queue begins, and how many steps wait
#: in it. Between vector steps it holds fewer than n, and none of an episode that ended.
MEMORY = np.dtype([*MEMORY_FIELDS, ("head", np.int64), ("length", np.int64)], align=True)

#: A step that waits for its target: the cell to update, the reward, and which visit of the cell it was, where
#: visits are counted: so that an average weighs every target alike, however late it comes.
STEP = np.dtype(
    [("state", np.int64), ("column", np.int64), ("reward", np.float64), ("visit", np.int64)], align=True
)


class NStepArrays(NamedTuple):
    """Tables and accounts of n-step learners, as compiled code takes them.

    Attributes:
        q: shape (num_states, num_actions): what the behavior policy acts by.
        table: the table that is learned: q itself, or V of shape (num_states, 1) in prediction.
        visits: counts in the shape of `table`, where visits are counted.
        rules: one `RULE` record.
        learners: one `LEARNER` record.
        memories: one `MEMORY` record a lane.
        queue: the rings of n `STEP` records of all lanes, one after another.
    """

    q: Float
    table: Float
    visits: Int
    rules: Array
    learners: Array
    memories: Array
    queue: Array


class NStep(MultiStep):
    """Base class of methods whose target has n rewards before the estimate; each update is n steps late.

    A lane's last n − 1 steps wait in a queue. An episode's end empties it: each step's target ends where the
    episode does, with a value of zero where it terminated, and that of the true successor where it was truncated.

    With a learning rate by visits, N counts a visit when it is made, and α for its target is that of this visit.

    A step costs one action and n multiplications. With n = 1 every number is that of the one-step method, to the
    bit.
    """

    config: Any

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        self._memories = self._lane_memories(MEMORY)
        self._records = flat_records(problem, config.n_steps, STEP, REMEDY)

    def state_dict(self) -> State:
        """State of the one-step learner, and the queues."""
        memories = self._memories
        return {**super().state_dict(), "queue": pack(self._records, memories["head"], memories["length"])}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        super().load_state_dict(state)
        self._memories["head"] = 0
        unpack("queues", self._records, self._memories["length"], state["queue"])

    def _arrays(self) -> Any:
        return NStepArrays(
            self._q,
            self._learned,
            self._visits,
            self._rules,
            self._learners,
            self._memories,
            self._records,
        )


class NStepTD(NStep, TDPrediction):
    """n-step TD: estimates the state values V of a policy, by default the uniformly random one, while following it.

        V(s_τ) ← V(s_τ) + α [G − V(s_τ)],   G = Σ_{k=1…n} γ^(k−1) r_{τ+k} + γ^n V(s_{τ+n})

    where the sum ends with the episode. n = 1 is TD(0); n beyond the longest episode is every-visit Monte Carlo
    with a constant α.

    Source: Watkins 1989, section 7.2; Sutton & Barto 2018, section 7.1.
    """

    @dataclass(frozen=True)
    class Config(PredictionOptions):
        """Hyperparameters of n-step TD."""

        n_steps: Annotated[int, Between(1, None)] = 4
        """Number n of rewards in an n-step return, before the estimated value of the state after them. 1: TD(0)."""


class NStepSARSA(NStep, SARSA):
    """n-step SARSA: on-policy control that carries a reward back n steps at once.

        Q(s_τ, a_τ) ← Q(s_τ, a_τ) + α [G − Q(s_τ, a_τ)],
        G = Σ_{k=1…n} γ^(k−1) r_{τ+k} + γ^n Q(s_{τ+n}, a_{τ+n})

    where the sum ends with the episode. n = 1 is SARSA. Where an episode is truncated, its last action is drawn
    for the target alone, as in SARSA.

    Source: Cichosz 1995; Sutton & Barto 2018, section 7.2.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of n-step SARSA."""

        n_steps: Annotated[int, Between(1, None)] = 4
        """Number n of rewards in an n-step return, before the estimated value of the pair after them. 1: SARSA."""


implements(foresee, NStepArrays)(foresee_one_step)


@njit(cache=True, inline="always")
def slot(n, memory, k):  # type: ignore[no-untyped-def]
    """The place in its ring of a lane's k-th oldest step."""
    place = memory.head + k
    if place >= n:
        place -= n
    return place


@njit(cache=True, inline="always")
def move(agent, waiting, target):  # type: ignore[no-untyped-def]
    """Moves the estimate of a waiting step's cell towards its target."""
    rule, table = agent.rules[0], agent.table
    error = target - table[waiting.state, waiting.column]
    learning_rate = rule.learning_rate
    if rule.learning_rate_schedule == codes.VISITS:
        learning_rate = by_visits(
            rule.learning_rate_start, rule.learning_rate_final, rule.learning_rate_power, waiting.visit
        )
    table[waiting.state, waiting.column] += learning_rate * error
    record_error(agent.learners[0], error)


@implements(learn, NStepArrays)
def learn_n_step(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """Queues a step, and updates every step whose target is complete: the oldest, or all at an episode's end.

    At the end, the value beyond is read once, before the first of these updates: all n-step returns are then
    computed in one pass from the last reward to the first.
    """
    rule, memory, queue = agent.rules[0], agent.memories[lane], agent.queue
    n = len(queue) // len(agent.memories)
    base = lane * n
    control = rule.algorithm != codes.PREDICTION
    column = memory.action if control else 0
    newest = queue[base + slot(n, memory, memory.length)]
    newest.state = step.state
    newest.column = column
    newest.reward = step.reward
    if rule.counted:
        agent.visits[step.state, column] += 1
        newest.visit = agent.visits[step.state, column]
    memory.length += 1
    done = step.terminated or step.truncated
    if done or memory.length == n:
        target = 0.0
        if not step.terminated:
            target = agent.table[step.next_state, memory.assumed if control else 0]
        for k in range(memory.length - 1, -1, -1):
            waiting = queue[base + slot(n, memory, k)]
            target = waiting.reward + rule.discount * target
            if done:
                waiting.reward = target
        if done:
            for k in range(memory.length):
                waiting = queue[base + slot(n, memory, k)]
                move(agent, waiting, waiting.reward)
            memory.head = 0
            memory.length = 0
        else:
            move(agent, queue[base + memory.head], target)
            memory.head = slot(n, memory, 1)
            memory.length -= 1
