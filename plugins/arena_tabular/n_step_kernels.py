"""n-step temporal differences, compiled: a queue of the last n steps in every lane, and the drivers around it.

The phases of a vector step are those of one-step learning (`arena_tabular.kernels`): all lanes decide, step and
foresee by the tables as they stand when the step begins, and their updates follow one another. With n = 1 every
number is that of the one-step method, to the bit.

`table` is what is learned, of shape (num_states, num_actions) where it is `q` itself, or (num_states, 1) where it
is V and q says which policy is predicted. A lane's queue is a ring of n `STEP` records, `queue[lane * n:][:n]`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.episodes import account_lane
from arena.tables import advance_lane, step_lane
from arena_tabular.borrow import borrowed
from arena_tabular.kernels import PREDICTION, decide, foresee
from arena_tabular.records import VISITS
from arena_tabular.schedules import by_visits, record_error, tick

__all__ = ["MEMORY", "STEP", "drive", "learn_all"]

#: What the learner remembers of a lane: the actions of `kernels.MEMORY`, and where the ring of its queue begins
#: and how many steps wait in it. Between vector steps it holds fewer than n, and none of an episode that ended.
MEMORY = np.dtype(
    [
        ("action", np.int64),
        ("supposed", np.int64),
        ("next_action", np.int64),
        ("head", np.int64),
        ("length", np.int64),
    ],
    align=True,
)

#: A step that waits for its target: the cell that it will update, the reward that it earned, and which visit of
#: the cell it was, where visits are counted: so that an average weighs every target alike, however late it comes.
STEP = np.dtype(
    [("state", np.int64), ("column", np.int64), ("reward", np.float64), ("visit", np.int64)], align=True
)


@njit(cache=True, inline="always")
def slot(n, memory, k):  # type: ignore[no-untyped-def]
    """Where in its ring the k-th oldest step of a lane is."""
    place = memory.head + k
    if place >= n:
        place -= n
    return place


@njit(cache=True, inline="always")
def move(table, rule, learner, step, target):  # type: ignore[no-untyped-def]
    """Moves the estimate of a step's cell towards its target."""
    error = target - table[step.state, step.column]
    learning_rate = rule.learning_rate
    if rule.learning_rate_schedule == VISITS:
        learning_rate = by_visits(
            rule.learning_rate_start, rule.learning_rate_final, rule.learning_rate_power, step.visit
        )
    table[step.state, step.column] += learning_rate * error
    record_error(learner, error)


@njit(cache=True, inline="always")
def learn(  # type: ignore[no-untyped-def]
    table, visits, rule, learner, memory, queue, lane, n, state, reward, terminated, truncated, next_state
):
    """Queues a step, and updates every step whose target is complete: the oldest, or all at an episode's end.

    At the end, the value beyond is read once, before the first of these updates: all n-step returns are then
    one pass from the last reward to the first.
    """
    base = lane * n
    control = rule.algorithm != PREDICTION
    column = memory.action if control else 0
    step = queue[base + slot(n, memory, memory.length)]
    step.state = state
    step.column = column
    step.reward = reward
    if rule.counted:
        visits[state, column] += 1
        step.visit = visits[state, column]
    memory.length += 1
    done = terminated or truncated
    if done or memory.length == n:
        target = 0.0
        if not terminated:
            target = table[next_state, memory.supposed if control else 0]
        for k in range(memory.length - 1, -1, -1):
            step = queue[base + slot(n, memory, k)]
            target = step.reward + rule.discount * target
            if done:
                step.reward = target
        if done:
            for k in range(memory.length):
                step = queue[base + slot(n, memory, k)]
                move(table, rule, learner, step, step.reward)
            memory.head = 0
            memory.length = 0
        else:
            move(table, rule, learner, queue[base + memory.head], target)
            memory.head = slot(n, memory, 1)
            memory.length -= 1


@njit(cache=True, nogil=True)
def drive(  # type: ignore[no-untyped-def]
    q,
    table,
    visits,
    rules,
    learners,
    memories,
    queue,
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
    rule, learner, count = rules[0], learners[0], len(lanes)
    n = len(queue) // count
    q, table, visits, queue = borrowed(q), borrowed(table), borrowed(visits), borrowed(queue)
    for _ in range(vector_steps):
        first = learner.steps
        for i in range(count):
            decide(q, visits, rule, memories[i], lanes[i].state, first + i)
        for i in range(count):
            step_lane(num_actions, indptr, outcomes, lanes[i], memories[i].action, limit)
        for i in range(count):
            lane = lanes[i]
            counter = first + count + i
            foresee(q, visits, rule, memories[i], lane.terminated, lane.truncated, lane.next_state, counter)
        for i in range(count):
            lane = lanes[i]
            learn(
                table,
                visits,
                rule,
                learner,
                memories[i],
                queue,
                i,
                n,
                lane.state,
                lane.reward,
                lane.terminated,
                lane.truncated,
                lane.next_state,
            )
            account_lane(episodes[i], totals[0], lane.reward, lane.terminated or lane.truncated)
            advance_lane(starts, lane)
        learner.steps += count
        if rule.moving:
            tick(rule, learner.steps)


@njit(cache=True)
def learn_all(  # type: ignore[no-untyped-def]
    q, table, visits, rules, learners, memories, queue, state, reward, terminated, truncated, next_state
):
    """Learns from one step of every lane; returns the first lane whose successor is out of range, or −1."""
    rule, learner, count = rules[0], learners[0], len(memories)
    n, first = len(queue) // count, learner.steps
    for i in range(count):
        if next_state[i] < 0 or next_state[i] >= q.shape[0]:
            return i
    for i in range(count):
        counter = first + count + i
        foresee(q, visits, rule, memories[i], terminated[i], truncated[i], next_state[i], counter)
    for i in range(count):
        learn(
            table,
            visits,
            rule,
            learner,
            memories[i],
            queue,
            i,
            n,
            state[i],
            reward[i],
            terminated[i],
            truncated[i],
            next_state[i],
        )
    learner.steps += count
    if rule.moving:
        tick(rule, learner.steps)
    return -1
