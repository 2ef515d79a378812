"""Monte Carlo learning, compiled: what a lane does in a step, what an episode teaches, and the drivers around it.

A vector step has three phases, each over all lanes in order: decide, step, remember; a lane whose episode ended
learns from all of it as it remembers the last step. The driver for tables of transitions and the two functions
around a Python environment are made of the same kernels, which is why they agree to the last bit.

The tables: `q` of shape (num_states, num_actions) is what the behavior acts by; `estimates` is what is learned,
the same array in control, and V as one column in prediction; `weights` is W̄(s, a) of weighted importance
sampling; `firsts` is scratch for first visits, −1 between two episodes. Where visits are counted, the behavior's
N(s, a) counts a pair when it is taken, and the count of returns that the learning rate may follow is in the rows
below; prediction has the latter alone.

The episodes under way are rows of `records`. A driver cannot grow them: it stops where one is full, and its
caller doubles them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.episodes import account_lane
from arena.keyed import fold
from arena.tables import advance_lane, step_lane
from arena_tabular.behavior import best_value, choose, expected_value, probability
from arena_tabular.borrow import borrowed
from arena_tabular.schedules import learning_rate_at, record_error, tick

__all__ = [
    "CONTROL",
    "MEMORY",
    "OFF_POLICY",
    "PREDICTION",
    "RECORD",
    "decide_all",
    "drive",
    "learn_all",
]

#: Codes of `RULE.algorithm`.
PREDICTION, CONTROL, OFF_POLICY = range(3)

#: What the learner remembers of a lane: the action of this step, how probable it was (off-policy), and how many
#: steps of the episode are in the lane's row of records. Only the last outlives a step.
MEMORY = np.dtype([("action", np.int64), ("probability", np.float64), ("length", np.int64)], align=True)

#: A step of an episode under way; `probability` is the behavior's of the action when it was taken, off-policy.
RECORD = np.dtype(
    [("state", np.int32), ("action", np.int32), ("reward", np.float64), ("probability", np.float64)],
    align=True,
)

#: Above this an importance weight stands for nothing, and its next product may be infinite.
LARGEST_WEIGHT = 1e250


@njit(cache=True, inline="always")
def decide(q, visits, rule, memory, state, counter):  # type: ignore[no-untyped-def]
    """The action of this step; off-policy also how probable it was."""
    memory.action = choose(q, visits, rule, state, fold(rule.explore_key, counter))
    if rule.algorithm == OFF_POLICY:
        memory.probability = probability(q, visits, rule, state, memory.action)


@njit(cache=True, inline="always")
def remember(visits, rule, memory, record, state, reward):  # type: ignore[no-untyped-def]
    """Puts this step behind the others of its episode."""
    record.state = state
    record.action = memory.action
    record.reward = reward
    record.probability = memory.probability
    memory.length += 1
    if rule.counted and rule.algorithm != PREDICTION:
        visits[state, memory.action] += 1


@njit(cache=True)
def continuation(q, estimates, visits, rule, state):  # type: ignore[no-untyped-def]
    """What the rest of a return that was cut off at `state` is worth by the estimates, under the target policy."""
    if rule.algorithm == PREDICTION:
        return estimates[state, 0]
    if rule.algorithm == OFF_POLICY:
        return best_value(q, state)
    return expected_value(q, visits, rule, state)


@njit(cache=True)
def learn_returns(  # type: ignore[no-untyped-def]
    estimates, firsts, visits, rule, learner, episode, length, value, every
):
    """Backwards through an episode: G ← r + γ G, and X ← X + α [G − X] at its first visit, or at every one.

    X is V(s) in prediction and Q(s, a) in control; `value` is that of what came after the last step.
    """
    control = rule.algorithm != PREDICTION
    offset = estimates.shape[0] if control else 0
    if not every:
        for t in range(length - 1, -1, -1):
            firsts[episode[t].state, episode[t].action if control else 0] = t
    for t in range(length - 1, -1, -1):
        value = episode[t].reward + rule.discount * value
        state = episode[t].state
        column = episode[t].action if control else 0
        if every or firsts[state, column] == t:
            if not every:
                firsts[state, column] = -1
            if rule.counted:
                visits[offset + state, column] += 1
            error = value - estimates[state, column]
            estimates[state, column] += learning_rate_at(visits, rule, offset + state, column) * error
            record_error(learner, error)


@njit(cache=True)
def learn_weighted(q, weights, visits, rule, learner, episode, length, value):  # type: ignore[no-untyped-def]
    """Backwards through an episode for as long as the greedy policy would have done the same.

        G ← r + γ G;  W̄(s, a) ← W̄(s, a) + α [W − W̄(s, a)];  Q(s, a) ← Q(s, a) + α W / W̄(s, a) [G − Q(s, a)]

    and on with W ← W / b(a | s) if a is the greedy action, the first of several.
    """
    weight = 1.0
    for t in range(length - 1, -1, -1):
        value = episode[t].reward + rule.discount * value
        state, action = episode[t].state, episode[t].action
        row = q.shape[0] + state
        if rule.counted:
            visits[row, action] += 1
        learning_rate = learning_rate_at(visits, rule, row, action)
        error = value - q[state, action]
        if learning_rate > 0.0:
            weights[state, action] += learning_rate * (weight - weights[state, action])
            q[state, action] += learning_rate * (weight / weights[state, action]) * error
        record_error(learner, error)
        best = 0
        for a in range(1, q.shape[1]):
            if q[state, a] > q[state, best]:
                best = a
        weight /= episode[t].probability
        if action != best or weight > LARGEST_WEIGHT:
            break


@njit(cache=True)
def conclude(  # type: ignore[no-untyped-def]
    q, estimates, weights, firsts, visits, rule, learner, memory, episode, terminated, next_state, every
):
    """Learns from the steps that a lane remembers, and forgets them.

    A return that was cut off goes on with the estimate of where it would have gone on; after the end is 0.
    """
    value = 0.0 if terminated else continuation(q, estimates, visits, rule, next_state)
    if rule.algorithm == OFF_POLICY:
        learn_weighted(q, weights, visits, rule, learner, episode, memory.length, value)
    else:
        learn_returns(estimates, firsts, visits, rule, learner, episode, memory.length, value, every)
    memory.length = 0


@njit(cache=True)
def most_remembered(memories):  # type: ignore[no-untyped-def]
    """The steps of the longest episode under way."""
    most = 0
    for i in range(len(memories)):
        most = max(most, memories[i].length)
    return most


@njit(cache=True, nogil=True)
def drive(  # type: ignore[no-untyped-def]
    q,
    estimates,
    weights,
    firsts,
    visits,
    rules,
    learners,
    memories,
    records,
    every,
    longest,
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
    """Takes up to `vector_steps` steps in every lane of a `TableVectorEnv`, learning and accounting.

    Returns how many: fewer where an episode fills its row of `records`.
    """
    rule, learner, n = rules[0], learners[0], len(lanes)
    q, estimates, weights, firsts = borrowed(q), borrowed(estimates), borrowed(weights), borrowed(firsts)
    visits, records = borrowed(visits), borrowed(records)
    most = most_remembered(memories)
    for taken in range(vector_steps):
        if most == records.shape[1]:
            return taken
        first, most = learner.steps, 0
        for i in range(n):
            decide(q, visits, rule, memories[i], lanes[i].state, first + i)
        for i in range(n):
            step_lane(num_actions, indptr, outcomes, lanes[i], memories[i].action, limit)
        for i in range(n):
            lane, memory = lanes[i], memories[i]
            done = lane.terminated or lane.truncated
            remember(visits, rule, memory, records[i, memory.length], lane.state, lane.reward)
            if done or memory.length >= longest:
                conclude(
                    q,
                    estimates,
                    weights,
                    firsts,
                    visits,
                    rule,
                    learner,
                    memory,
                    records[i],
                    lane.terminated,
                    lane.next_state,
                    every,
                )
            most = max(most, memory.length)
            account_lane(episodes[i], totals[0], lane.reward, done)
            advance_lane(starts, lane)
        learner.steps += n
        if rule.moving:
            tick(rule, learner.steps)
    return vector_steps


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
    q,
    estimates,
    weights,
    firsts,
    visits,
    rules,
    learners,
    memories,
    records,
    every,
    longest,
    state,
    reward,
    terminated,
    truncated,
    next_state,
):
    """Remembers one step of every lane, whose records have room, and learns from what ended.

    Returns the first lane whose successor is out of range, or −1.
    """
    n = len(memories)
    rule, learner = rules[0], learners[0]
    for i in range(n):
        if next_state[i] < 0 or next_state[i] >= q.shape[0]:
            return i
    for i in range(n):
        memory = memories[i]
        remember(visits, rule, memory, records[i, memory.length], state[i], reward[i])
        if terminated[i] or truncated[i] or memory.length >= longest:
            conclude(
                q,
                estimates,
                weights,
                firsts,
                visits,
                rule,
                learner,
                memory,
                records[i],
                terminated[i],
                next_state[i],
                every,
            )
    learner.steps += n
    if rule.moving:
        tick(rule, learner.steps)
    return -1
