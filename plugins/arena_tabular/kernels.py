"""One-step temporal-difference control, compiled: what a lane does in a step, and the drivers around it.

A vector step has four phases, each over all lanes in order: decide, step, foresee, learn. So all lanes decide
by the table as it stands when the step begins, and their updates follow one another. The driver for tables of
transitions and the two functions around a Python environment are made of the same kernels, which is why they
agree to the last bit.

Kernels take records and scalars (docs/decisions/0002-records.md). Those that take the table too are inlined
by numba: LLVM, which inlines the others, comes too late to see that counting references to it in every branch
is in vain, and more than half the speed goes there.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.episodes import account_lane
from arena.keyed import fold
from arena.tables import advance_lane, step_lane
from arena_tabular.behaviour import best_value, choose

__all__ = ["LEARNER", "MEMORY", "Q_LEARNING", "SARSA", "decide_all", "drive", "learn_all"]

#: Codes of `RULE.algorithm`.
SARSA, Q_LEARNING = 0, 1

#: What the learner as a whole remembers: vector steps taken, updates made, and the average of |δ|.
LEARNER = np.dtype([("clock", np.int64), ("updates", np.int64), ("error", np.float64)], align=True)

#: What it remembers of a lane: the action of this step, the one that the target supposes at the successor,
#: and the one already chosen for the next step, or −1. Only the last outlives a step.
MEMORY = np.dtype([("action", np.int64), ("supposed", np.int64), ("next_action", np.int64)], align=True)

#: |δ| is averaged over about this many updates; over all of them while there are fewer.
WINDOW = 1000


@njit(cache=True, inline="always")
def decide(q, rule, memory, state, counter):  # type: ignore[no-untyped-def]
    """The action of this step: the one chosen already, or a choice at `state`."""
    if memory.next_action >= 0:
        memory.action = memory.next_action
    else:
        memory.action = choose(q, rule, state, fold(rule.explore_key, counter))


@njit(cache=True, inline="always")
def foresee(q, rule, memory, terminated, truncated, next_state, counter):  # type: ignore[no-untyped-def]
    """On-policy: the action at the successor, chosen before any update of this step, as the box has it.

    `counter` is that of the next step in this lane: whether an action is chosen here or in `decide`, its
    random number depends on when it is taken alone. Where the episode is cut off, the target still supposes
    an action at the true successor; it is never taken, so it has a number of its own.
    """
    memory.next_action = -1
    if rule.algorithm != SARSA or terminated:
        return
    if truncated:
        memory.supposed = choose(q, rule, next_state, fold(rule.target_key, counter))
    else:
        memory.supposed = choose(q, rule, next_state, fold(rule.explore_key, counter))
        memory.next_action = memory.supposed


@njit(cache=True, inline="always")
def learn(q, rule, learner, memory, state, reward, terminated, next_state):  # type: ignore[no-untyped-def]
    """Q(s, a) ← Q(s, a) + α δ, where δ = r + γ · (the successor's value) − Q(s, a)."""
    target = reward
    if not terminated:  # nothing comes after the end; much may come after a cut
        if rule.algorithm == SARSA:
            target += rule.discount * q[next_state, memory.supposed]
        else:
            target += rule.discount * best_value(q, next_state)
    error = target - q[state, memory.action]
    q[state, memory.action] += rule.step_size * error
    learner.updates += 1
    weight = 1.0 / learner.updates if learner.updates < WINDOW else 1.0 / WINDOW
    learner.error += weight * (abs(error) - learner.error)


@njit(cache=True, nogil=True)
def drive(  # type: ignore[no-untyped-def]
    q,
    rules,
    learners,
    memories,
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
    rule, learner, n = rules[0], learners[0], len(lanes)
    for _ in range(vector_steps):
        first = learner.clock * n
        for i in range(n):
            decide(q, rule, memories[i], lanes[i].state, first + i)
        for i in range(n):
            step_lane(num_actions, indptr, outcomes, lanes[i], memories[i].action, limit)
        for i in range(n):
            lane = lanes[i]
            counter = first + n + i
            foresee(q, rule, memories[i], lane.terminated, lane.truncated, lane.next_state, counter)
        for i in range(n):
            lane = lanes[i]
            learn(q, rule, learner, memories[i], lane.state, lane.reward, lane.terminated, lane.next_state)
            account_lane(episodes[i], totals[0], lane.reward, lane.terminated or lane.truncated)
            advance_lane(starts, lane)
        learner.clock += 1


@njit(cache=True)
def decide_all(q, rules, learners, memories, state):  # type: ignore[no-untyped-def]
    """Fills `memories.action`; returns the first lane whose state is out of range, or −1."""
    n = len(memories)
    first = learners[0].clock * n
    for i in range(n):
        if state[i] < 0 or state[i] >= q.shape[0]:
            return i
        decide(q, rules[0], memories[i], state[i], first + i)
    return -1


@njit(cache=True)
def learn_all(  # type: ignore[no-untyped-def]
    q, rules, learners, memories, state, reward, terminated, truncated, next_state
):
    """Learns from one step of every lane; returns the first lane whose successor is out of range, or −1."""
    n = len(memories)
    rule, learner = rules[0], learners[0]
    first = learner.clock * n
    for i in range(n):
        if next_state[i] < 0 or next_state[i] >= q.shape[0]:
            return i
    for i in range(n):
        foresee(q, rule, memories[i], terminated[i], truncated[i], next_state[i], first + n + i)
    for i in range(n):
        learn(q, rule, learner, memories[i], state[i], reward[i], terminated[i], next_state[i])
    learner.clock += 1
    return -1
