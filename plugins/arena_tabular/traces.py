"""Eligibility traces: TD(λ), SARSA(λ) and Watkins's Q(λ)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numba import njit

from arena.agents.base import Problem
from arena.config.options import Between
from arena.storage.codec import State
from arena_tabular import records as codes
from arena_tabular.behavior import best_value
from arena_tabular.driver import MEMORY_FIELDS, foresee, implements, learn
from arena_tabular.multi_step import MultiStep, flat_records, pack, unpack
from arena_tabular.options import ControlOptions
from arena_tabular.prediction import PredictionOptions
from arena_tabular.schedules import learning_rate_at, record_error
from arena_tabular.table import Array, Float, Int, restored
from arena_tabular.temporal_difference import SARSA, QLearning, TDPrediction, assume_action

__all__ = ["QLambda", "SARSALambda", "TDLambda", "Trace", "Traces", "most_traces"]

Trace = Literal["accumulating", "replacing", "dutch"]

#: Codes of `TRACING.kind`.
ACCUMULATING, REPLACING, DUTCH = 0, 1, 2
KINDS = {"accumulating": ACCUMULATING, "replacing": REPLACING, "dutch": DUTCH}

REMEDY = "use a larger trace_cutoff, a smaller trace_decay, or fewer environments (--envs)"

#: How traces are kept: their kind, γλ, and the value at which a trace is dropped.
TRACING = np.dtype([("kind", np.int64), ("decay", np.float64), ("cutoff", np.float64)], align=True)

#: What the learner remembers of a lane: its actions; whether this step's is not greedy; how many traces it has;
#: and for dutch traces the value that the last target gave to the present state.
MEMORY = np.dtype(
    [*MEMORY_FIELDS, ("explored", np.bool_), ("count", np.int64), ("previous", np.float64)], align=True
)

#: The trace e of one cell.
TRACE = np.dtype([("state", np.int64), ("column", np.int64), ("value", np.float64)], align=True)


class TraceArrays(NamedTuple):
    """Tables and accounts of learners with eligibility traces, as compiled code takes them.

    A lane's traces are the first `memory.count` of its `TRACE` records, one for each cell: a step passes through
    them once, which updates their cells, lets them decay, and drops those that have fallen to the cutoff. So it
    costs as much as there are traces, however large the table is.

    Attributes:
        q: shape (num_states, num_actions): what the behavior policy acts by.
        table: the table that is learned: q itself, or V of shape (num_states, 1) in prediction.
        visits: counts in the shape of `table`, where visits are counted.
        rules: one `RULE` record.
        learners: one `LEARNER` record.
        memories: one `MEMORY` record a lane.
        tracings: one `TRACING` record.
        traces: the `TRACE` records of all lanes, one lane after another.
    """

    q: Float
    table: Float
    visits: Int
    rules: Array
    learners: Array
    memories: Array
    tracings: Array
    traces: Array


def most_traces(decay: float, cutoff: float, cells: int) -> int:
    """The largest number of traces that a lane can have between two steps.

    No trace exceeds 1 / (1 − γλ), the sum of all decays, so after some number of steps each unvisited one has
    fallen to the cutoff; a lane has at most one for every step since, and one for every cell.

    Args:
        decay: γλ.
        cutoff: the value at which a trace is dropped.
        cells: of the table.
    """
    if decay <= cutoff:
        return 1
    if cutoff == 0 or decay == 1:
        return cells
    return min(cells, math.ceil(math.log(cutoff * (1 - decay)) / math.log(decay)) + 1)


class Traces(MultiStep):
    """Base class of methods with eligibility traces: an error updates all recent cells, each by its trace e.

    A trace decays by the factor γλ in every step. That of the visited cell becomes, by the option `trace`,

        accumulating   e + 1
        replacing      1
        dutch          (1 − α) e + 1

    and all are cleared at an episode's end, after its last error: with a value of zero beyond where it terminated,
    and with that of the true successor where it was truncated. Replacing leaves the state's other actions alone.

    Dutch traces belong to true online TD(λ), which equals the λ-return at every moment, not only for small α:
    where M is how far s was moved since the last target took its value, all cells are updated by α (δ + M) e,
    and then the visited one by −α M.

    A trace of trace_cutoff or less is dropped: an error δ then goes without updates of at most
    α |δ| · trace_cutoff each. A step costs as much as there are traces. With λ = 0 every number is that of the
    one-step method, to the bit.

    Source: Sutton 1988; replacing: Singh & Sutton 1996; dutch: van Seijen & Sutton 2014; Sutton & Barto 2018,
    chapter 12.
    """

    config: Any

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        self._memories = self._lane_memories(MEMORY)
        decay = config.discount * config.trace_decay
        self._tracings = np.zeros(1, dtype=TRACING)
        self._tracings[0] = (KINDS[config.trace], decay, config.trace_cutoff)
        most = most_traces(decay, config.trace_cutoff, self._learned.size)
        self._records = flat_records(problem, most, TRACE, REMEDY)

    def state_dict(self) -> State:
        """State of the one-step learner, and the traces."""
        memories = self._memories
        return {
            **super().state_dict(),
            "traces": pack(self._records, np.zeros_like(memories["count"]), memories["count"]),
            "previous": memories["previous"].copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        super().load_state_dict(state)
        unpack("traces", self._records, self._memories["count"], state["traces"])
        restored("previous values", self._memories["previous"], state["previous"])

    def _arrays(self) -> Any:
        return TraceArrays(
            self._q,
            self._learned,
            self._visits,
            self._rules,
            self._learners,
            self._memories,
            self._tracings,
            self._records,
        )


class TDLambda(Traces, TDPrediction):
    """TD(λ): estimates the state values V of a policy, by default the uniformly random one, with eligibility traces.

        δ = r + γ V(s') − V(s),   e(s) as `trace` says;   for all x:  V(x) ← V(x) + α δ e(x),  e(x) ← γλ e(x)

    with zero for V(s') where the episode terminated. λ = 0 is TD(0); λ = 1 is Monte Carlo, as α goes to zero:
    every-visit with accumulating traces, and with replacing ones, where γ = 1, first-visit.

    Source: Sutton 1988; Singh & Sutton 1996; van Seijen & Sutton 2014; Sutton & Barto 2018, sections 12.2
    and 12.5.
    """

    @dataclass(frozen=True)
    class Config(PredictionOptions):
        """Hyperparameters of TD(λ)."""

        trace_decay: Annotated[float, Between(0, 1)] = 0.9
        """Trace decay λ, in [0, 1]: 0 is the one-step method; larger values credit earlier steps."""

        trace: Trace = "accumulating"
        """Update of the trace e of a visited state: e + 1, 1, or (1 − α) e + 1 as in true online TD(λ)."""

        trace_cutoff: Annotated[float, Between(0, 1, open_high=True)] = 1e-4
        """Trace value, in [0, 1), at or below which a trace is dropped: larger values are faster, less exact."""


class SARSALambda(Traces, SARSA):
    """SARSA(λ): on-policy control with eligibility traces: an error updates all recent pairs.

        δ = r + γ Q(s', a') − Q(s, a),   e(s, a) as `trace` says;
        for all x, b:  Q(x, b) ← Q(x, b) + α δ e(x, b),  e(x, b) ← γλ e(x, b)

    where a' is the action that it takes next; zero stands for Q(s', a') where the episode terminated. λ = 0 is
    SARSA.

    Source: Rummery & Niranjan 1994; Singh & Sutton 1996; van Seijen et al. 2016; Sutton & Barto 2018,
    section 12.7.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of SARSA(λ)."""

        trace_decay: Annotated[float, Between(0, 1)] = 0.9
        """Trace decay λ, in [0, 1]: 0 is the one-step method; larger values credit earlier steps."""

        trace: Trace = "replacing"
        """Update of the trace e of a visited pair: e + 1, 1, or (1 − α) e + 1 as in true online SARSA(λ)."""

        trace_cutoff: Annotated[float, Between(0, 1, open_high=True)] = 1e-4
        """Trace value, in [0, 1), at or below which a trace is dropped: larger values are faster, less exact."""


class QLambda(Traces, QLearning):
    """Watkins's Q(λ): off-policy control with eligibility traces that reach back to the last exploratory action.

        δ = r + γ max_b Q(s', b) − Q(s, a);   all traces are cleared if Q(s, a) < max_b Q(s, b);
        e(s, a) as `trace` says;
        for all x, b:  Q(x, b) ← Q(x, b) + α δ e(x, b),  e(x, b) ← γλ e(x, b)

    with zero for the maximum where the episode terminated. Whether a is greedy is decided when it is chosen,
    which is after the update of the step before, as in Q-learning: λ = 0 is Q-learning.

    Source: Watkins 1989, section 7.3; Sutton & Barto 1998, section 7.6; 2018, section 12.10.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of Watkins's Q(λ)."""

        trace_decay: Annotated[float, Between(0, 1)] = 0.9
        """Trace decay λ, in [0, 1]: 0 is Q-learning; larger values credit earlier steps."""

        trace: Literal["accumulating", "replacing"] = "replacing"
        """Update of the trace e of a visited pair: e + 1, or 1."""

        trace_cutoff: Annotated[float, Between(0, 1, open_high=True)] = 1e-4
        """Trace value, in [0, 1), at or below which a trace is dropped: larger values are faster, less exact."""


@implements(foresee, TraceArrays)
def foresee_traces(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """SARSA's next action, and whether the action of Watkins's Q(λ) was not greedy."""
    assume_action(agent, lane, step, counter)
    if agent.rules[0].algorithm == codes.Q_LEARNING:
        memory = agent.memories[lane]
        memory.explored = agent.q[step.state, memory.action] < best_value(agent.q, step.state)


@njit(cache=True, inline="always")
def visited(kind, value, learning_rate):  # type: ignore[no-untyped-def]
    """The trace of the visited cell after the visit."""
    if kind == ACCUMULATING:
        value += 1.0
    elif kind == REPLACING:
        value = 1.0
    else:
        value = (1.0 - learning_rate) * value + 1.0
    return value


@implements(learn, TraceArrays)
def learn_traces(agent, lane, step, counter):  # type: ignore[no-untyped-def]
    """Moves every cell with a trace by α δ e, then lets the traces decay; an episode's end clears them."""
    rule, memory, tracing = agent.rules[0], agent.memories[lane], agent.tracings[0]
    table, visits, traces, state = agent.table, agent.visits, agent.traces, step.state
    base = lane * (len(traces) // len(agent.memories))
    column = 0 if rule.algorithm == codes.PREDICTION else memory.action
    if rule.algorithm == codes.Q_LEARNING and memory.explored:
        memory.count = 0
    after = 0.0
    if not step.terminated:
        if rule.algorithm == codes.Q_LEARNING:
            after = best_value(agent.q, step.next_state)
        else:
            after = table[step.next_state, 0 if rule.algorithm == codes.PREDICTION else memory.assumed]
    before = table[state, column]
    error = step.reward + rule.discount * after - before
    # How far this cell was moved since the last target took its value; without traces it does not matter.
    moved = 0.0
    if tracing.kind == DUTCH:
        if memory.count > 0:
            moved = before - memory.previous
        memory.previous = after
    if rule.counted:
        visits[state, column] += 1
    whole = error + moved
    kind, decay, cutoff = tracing.kind, tracing.decay, tracing.cutoff
    own = rule.learning_rate_schedule == codes.VISITS  # every cell has an α of its own
    learning_rate = learning_rate_at(visits, rule, state, column)
    kept, found, done = 0, False, step.terminated or step.truncated
    for k in range(memory.count):
        trace = traces[base + k]
        row, place, value = trace.state, trace.column, trace.value
        if row == state and place == column:
            value = visited(kind, value, learning_rate)
            found = True
        weight = learning_rate
        if own:
            weight = learning_rate_at(visits, rule, row, place)
        table[row, place] += weight * whole * value
        value *= decay
        if value > cutoff:
            trace = traces[base + kept]
            trace.state = row
            trace.column = place
            trace.value = value
            kept += 1
    if not found:
        table[state, column] += learning_rate * whole
        if not done and decay > cutoff:
            trace = traces[base + kept]
            trace.state = state
            trace.column = column
            trace.value = decay
            kept += 1
    if kind == DUTCH:
        table[state, column] -= learning_rate * moved
    memory.count = 0 if done else kept
    record_error(agent.learners[0], error)
