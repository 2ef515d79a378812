"""One-step temporal-difference learning, compiled: what a lane does in a step, and the drivers around it.

A vector step has four phases, each over all lanes in order: decide, step, foresee, learn. So all lanes decide
by the tables and visits as they stand when the step begins, and their updates follow one another. The driver for
tables of transitions and the two functions around a Python environment are made of the same kernels, which is why
they agree to the last bit.

Three tables: `q` of shape (num_states, num_actions) is what the behavior acts by. Most algorithms learn it;
double Q-learning keeps its two in `estimates`, one below the other, and q is their mean; prediction keeps V there,
as one column, and q says which policy it predicts. `visits` has the shape of what α is for, where visits are
counted: that of q, with the counts of the two estimates below for double Q-learning, or that of V.

Kernels take records and scalars (docs/decisions/0002-records.md), and tables that the driver has `borrowed`:
otherwise three quarters of the time would go to counting references to them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.episodes import account_lane
from arena.keyed import fold
from arena.tables import advance_lane, step_lane
from arena_tabular.behavior import best_value, choose, expected_value, random_greedy
from arena_tabular.borrow import borrowed
from arena_tabular.schedules import learning_rate_at, record_error, tick

__all__ = [
    "DOUBLE_Q_LEARNING",
    "EXPECTED_SARSA",
    "MEMORY",
    "PREDICTION",
    "Q_LEARNING",
    "SARSA",
    "decide_all",
    "drive",
    "learn_all",
]

#: Codes of `RULE.algorithm`.
SARSA, Q_LEARNING, EXPECTED_SARSA, DOUBLE_Q_LEARNING, PREDICTION = range(5)

#: What the learner remembers of a lane: the action of this step, the one that the target supposes at the
#: successor, and the one already chosen for the next step, or −1. Only the last outlives a step.
MEMORY = np.dtype([("action", np.int64), ("supposed", np.int64), ("next_action", np.int64)], align=True)

COIN = np.uint64(63)


@njit(cache=True, inline="always")
def decide(q, visits, rule, memory, state, counter):  # type: ignore[no-untyped-def]
    """The action of this step: the one chosen already, or a choice at `state`."""
    if memory.next_action >= 0:
        memory.action = memory.next_action
    else:
        memory.action = choose(q, visits, rule, state, fold(rule.explore_key, counter))


@njit(cache=True, inline="always")
def foresee(q, visits, rule, memory, terminated, truncated, next_state, counter):  # type: ignore[no-untyped-def]
    """On-policy: the action at the successor, chosen before any update of this step, as the box has it.

    `counter` is that of the next step in this lane: whether an action is chosen here or in `decide`, its
    random number depends on when it is taken alone. Where the episode is cut off, the target still supposes
    an action at the true successor; it is never taken, so it has a number of its own.
    """
    memory.next_action = -1
    if rule.algorithm == SARSA and not terminated:
        key = rule.target_key if truncated else rule.explore_key
        memory.supposed = choose(q, visits, rule, next_state, fold(key, counter))
        if not truncated:
            memory.next_action = memory.supposed


@njit(cache=True, inline="always")
def learn(  # type: ignore[no-untyped-def]
    q, estimates, visits, rule, learner, memory, state, reward, terminated, next_state, counter
):
    """Moves an estimate towards r + γ · (the successor's value), which is 0 after the end.

    Much may come after a cut, so truncation is no end.
    """
    action = memory.action
    if rule.algorithm == DOUBLE_Q_LEARNING:
        error = learn_double(
            q, estimates, visits, rule, state, action, reward, terminated, next_state, counter
        )
    elif rule.algorithm == PREDICTION:
        error = learn_state_value(estimates, visits, rule, state, reward, terminated, next_state)
    else:
        target = reward
        if not terminated:
            if rule.algorithm == SARSA:
                target += rule.discount * q[next_state, memory.supposed]
            elif rule.algorithm == Q_LEARNING:
                target += rule.discount * best_value(q, next_state)
            else:
                target += rule.discount * expected_value(q, visits, rule, next_state)
        error = target - q[state, action]
        if rule.counted:
            visits[state, action] += 1
        q[state, action] += learning_rate_at(visits, rule, state, action) * error
    record_error(learner, error)


@njit(cache=True, inline="always")
def learn_double(  # type: ignore[no-untyped-def]
    q, estimates, visits, rule, state, action, reward, terminated, next_state, counter
):
    """A coin says which estimate learns: the action is its best one, the value the other one's; returns δ.

    The coin is the highest bit of a number whose lowest bits choose among equally good actions.
    """
    bits = fold(rule.coin_key, counter)
    own = np.int64(bits >> COIN) * q.shape[0]
    other = q.shape[0] - own
    target = reward
    if not terminated:
        best = random_greedy(estimates, own + next_state, bits)
        target += rule.discount * estimates[other + next_state, best]
    cell = own + state
    error = target - estimates[cell, action]
    if rule.counted:
        visits[state, action] += 1
        visits[q.shape[0] + cell, action] += 1
    estimates[cell, action] += learning_rate_at(visits, rule, q.shape[0] + cell, action) * error
    q[state, action] = 0.5 * (estimates[state, action] + estimates[q.shape[0] + state, action])
    return error


@njit(cache=True, inline="always")
def learn_state_value(estimates, visits, rule, state, reward, terminated, next_state):  # type: ignore[no-untyped-def]
    """V(s) ← V(s) + α δ; returns δ."""
    target = reward
    if not terminated:
        target += rule.discount * estimates[next_state, 0]
    error = target - estimates[state, 0]
    if rule.counted:
        visits[state, 0] += 1
    estimates[state, 0] += learning_rate_at(visits, rule, state, 0) * error
    return error


@njit(cache=True, nogil=True)
def drive(  # type: ignore[no-untyped-def]
    q,
    estimates,
    visits,
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
    q, estimates, visits = borrowed(q), borrowed(estimates), borrowed(visits)
    for _ in range(vector_steps):
        first = learner.steps
        for i in range(n):
            decide(q, visits, rule, memories[i], lanes[i].state, first + i)
        for i in range(n):
            step_lane(num_actions, indptr, outcomes, lanes[i], memories[i].action, limit)
        for i in range(n):
            lane = lanes[i]
            counter = first + n + i
            foresee(q, visits, rule, memories[i], lane.terminated, lane.truncated, lane.next_state, counter)
        for i in range(n):
            lane = lanes[i]
            learn(
                q,
                estimates,
                visits,
                rule,
                learner,
                memories[i],
                lane.state,
                lane.reward,
                lane.terminated,
                lane.next_state,
                first + i,
            )
            account_lane(episodes[i], totals[0], lane.reward, lane.terminated or lane.truncated)
            advance_lane(starts, lane)
        learner.steps += n
        if rule.moving:
            tick(rule, learner.steps)


@njit(cache=True)
def decide_all(q, visits, rules, learners, memories, state):  # type: ignore[no-untyped-def]
    """Fills `memories.action`; returns the first lane whose state is out of range, or −1."""
    first = learners[0].steps
    for i in range(len(memories)):
        if state[i] < 0 or state[i] >= q.shape[0]:
            return i
        decide(q, visits, rules[0], memories[i], state[i], first + i)
    return -1


@njit(cache=True)
def learn_all(  # type: ignore[no-untyped-def]
    q, estimates, visits, rules, learners, memories, state, reward, terminated, truncated, next_state
):
    """Learns from one step of every lane; returns the first lane whose successor is out of range, or −1."""
    n = len(memories)
    rule, learner = rules[0], learners[0]
    first = learner.steps
    for i in range(n):
        if next_state[i] < 0 or next_state[i] >= q.shape[0]:
            return i
    for i in range(n):
        foresee(q, visits, rule, memories[i], terminated[i], truncated[i], next_state[i], first + n + i)
    for i in range(n):
        learn(
            q,
            estimates,
            visits,
            rule,
            learner,
            memories[i],
            state[i],
            reward[i],
            terminated[i],
            next_state[i],
            first + i,
        )
    learner.steps += n
    if rule.moving:
        tick(rule, learner.steps)
    return -1
