"""Eligibility traces, compiled: a sparse list of traces in every lane, and the drivers around it.

The phases of a vector step are those of one-step learning (`arena_tabular.kernels`): all lanes decide, step and
foresee by the tables as they stand when the step begins, and their updates follow one another. With λ = 0 every
number is that of the one-step method, to the bit.

`table` is what is learned, of shape (num_states, num_actions) where it is `q` itself, or (num_states, 1) where it
is V and q says which policy is predicted. A lane's traces are the first `memory.count` of its `TRACE` records, one
for each cell: a step passes through them once, which updates their cells, lets them decay, and drops those that
have fallen to the cutoff. So it costs as much as there are traces, however large the table is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.episodes import account_lane
from arena.tables import advance_lane, step_lane
from arena_tabular.behavior import best_value
from arena_tabular.borrow import borrowed
from arena_tabular.kernels import PREDICTION, Q_LEARNING, decide, foresee
from arena_tabular.records import VISITS
from arena_tabular.schedules import learning_rate_at, record_error, tick

__all__ = ["ACCUMULATING", "DUTCH", "MEMORY", "REPLACING", "TRACE", "TRACING", "drive", "learn_all"]

#: Codes of `TRACING.kind`.
ACCUMULATING, REPLACING, DUTCH = 0, 1, 2

#: How traces are kept: their kind, γλ, and at what a trace is dropped.
TRACING = np.dtype([("kind", np.int64), ("decay", np.float64), ("cutoff", np.float64)], align=True)

#: What the learner remembers of a lane: the actions of `kernels.MEMORY`; whether this step's is not greedy; how
#: many traces it has; and for dutch traces the value that the last target gave to the present state.
MEMORY = np.dtype(
    [
        ("action", np.int64),
        ("supposed", np.int64),
        ("next_action", np.int64),
        ("explored", np.bool_),
        ("count", np.int64),
        ("previous", np.float64),
    ],
    align=True,
)

#: How much of an error is a cell's.
TRACE = np.dtype([("state", np.int64), ("column", np.int64), ("value", np.float64)], align=True)


@njit(cache=True, inline="always")
def look(q, visits, rule, memory, state, terminated, truncated, next_state, counter):  # type: ignore[no-untyped-def]
    """Before any update of this step: what SARSA foresees, and whether Watkins's Q(λ) has left the greedy path."""
    foresee(q, visits, rule, memory, terminated, truncated, next_state, counter)
    if rule.algorithm == Q_LEARNING:
        memory.explored = q[state, memory.action] < best_value(q, state)


@njit(cache=True, inline="always")
def visited(kind, value, learning_rate):  # type: ignore[no-untyped-def]
    """The trace of the cell that is visited now."""
    if kind == ACCUMULATING:
        value += 1.0
    elif kind == REPLACING:
        value = 1.0
    else:
        value = (1.0 - learning_rate) * value + 1.0
    return value


@njit(cache=True, inline="always")
def learn(  # type: ignore[no-untyped-def]
    q,
    table,
    visits,
    rule,
    learner,
    memory,
    tracing,
    traces,
    lane,
    each,
    state,
    reward,
    terminated,
    truncated,
    next_state,
):
    """Moves every cell with a trace by α δ e, then lets the traces decay; an episode's end clears them."""
    base = lane * each
    column = 0 if rule.algorithm == PREDICTION else memory.action
    if rule.algorithm == Q_LEARNING and memory.explored:
        memory.count = 0
    after = 0.0
    if not terminated:
        if rule.algorithm == Q_LEARNING:
            after = best_value(q, next_state)
        else:
            after = table[next_state, 0 if rule.algorithm == PREDICTION else memory.supposed]
    before = table[state, column]
    error = reward + rule.discount * after - before
    # What this cell was moved since the last target took its value: without traces it is nobody's concern.
    moved = 0.0
    if tracing.kind == DUTCH:
        if memory.count > 0:
            moved = before - memory.previous
        memory.previous = after
    if rule.counted:
        visits[state, column] += 1
    whole = error + moved
    kind, decay, cutoff = tracing.kind, tracing.decay, tracing.cutoff
    own = rule.learning_rate_schedule == VISITS  # every cell has an α of its own
    learning_rate = learning_rate_at(visits, rule, state, column)
    kept, found, done = 0, False, terminated or truncated
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
    record_error(learner, error)


@njit(cache=True, nogil=True)
def drive(  # type: ignore[no-untyped-def]
    q,
    table,
    visits,
    rules,
    learners,
    memories,
    tracings,
    traces,
    num_actions,
    indptr,
    outcomes,
    starts,
    lanes,
    limit,
    episodes,
    totals,
    vector_steps,
):
    """Takes `vector_steps` steps in every lane of a `TableVectorEnv`, learning and accounting."""
    rule, learner, tracing, n = rules[0], learners[0], tracings[0], len(lanes)
    each = len(traces) // n
    q, table, visits, traces = borrowed(q), borrowed(table), borrowed(visits), borrowed(traces)
    for _ in range(vector_steps):
        first = learner.steps
        for i in range(n):
            decide(q, visits, rule, memories[i], lanes[i].state, first + i)
        for i in range(n):
            step_lane(num_actions, indptr, outcomes, lanes[i], memories[i].action, limit)
        for i in range(n):
            lane = lanes[i]
            look(
                q,
                visits,
                rule,
                memories[i],
                lane.state,
                lane.terminated,
                lane.truncated,
                lane.next_state,
                first + n + i,
            )
        for i in range(n):
            lane = lanes[i]
            learn(
                q,
                table,
                visits,
                rule,
                learner,
                memories[i],
                tracing,
                traces,
                i,
                each,
                lane.state,
                lane.reward,
                lane.terminated,
                lane.truncated,
                lane.next_state,
            )
            account_lane(episodes[i], totals[0], lane.reward, lane.terminated or lane.truncated)
            advance_lane(starts, lane)
        learner.steps += n
        if rule.moving:
            tick(rule, learner.steps)


@njit(cache=True)
def learn_all(  # type: ignore[no-untyped-def]
    q,
    table,
    visits,
    rules,
    learners,
    memories,
    tracings,
    traces,
    state,
    reward,
    terminated,
    truncated,
    next_state,
):
    """Learns from one step of every lane; returns the first lane whose successor is out of range, or −1."""
    rule, learner, tracing, n = rules[0], learners[0], tracings[0], len(memories)
    each, first = len(traces) // n, learner.steps
    for i in range(n):
        if next_state[i] < 0 or next_state[i] >= q.shape[0]:
            return i
    for i in range(n):
        counter = first + n + i
        look(q, visits, rule, memories[i], state[i], terminated[i], truncated[i], next_state[i], counter)
    for i in range(n):
        learn(
            q,
            table,
            visits,
            rule,
            learner,
            memories[i],
            tracing,
            traces,
            i,
            each,
            state[i],
            reward[i],
            terminated[i],
            truncated[i],
            next_state[i],
        )
    learner.steps += n
    if rule.moving:
        tick(rule, learner.steps)
    return -1
