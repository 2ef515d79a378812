"""Compiled Monte Carlo learning: a step of a lane, the update from an episode, and the drivers around them.

A vector step has three phases, each over all lanes in order: decide, step, remember; a lane whose episode ended
learns from all of it as it remembers the last step. The driver for tables of transitions and the two functions
around a Python environment are made of the same kernels, which is why they agree to the last bit.

The episodes under way are rows of `records`. A driver cannot grow them: it stops where one is full, and its
caller doubles them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from arena.environments.tabular import advance_lane, step_lane
from arena.random.counter_based import fold
from arena.streams.episode_statistics import account_lane
from arena_tabular.behavior import best_value, choose, expected_value, probability
from arena_tabular.borrow import borrowed
from arena_tabular.schedules import learning_rate_at, record_error, tick
from arena_tabular.table import Array, Float, Int

__all__ = [
    "CONTROL",
    "MEMORY",
    "OFF_POLICY",
    "PREDICTION",
    "RECORD",
    "MonteCarloArrays",
    "decide_all",
    "drive",
    "learn_all",
]

#: Codes of `RULE.algorithm`.
PREDICTION, CONTROL, OFF_POLICY = range(3)

#: What the learner remembers of a lane: the action of this step, its probability (off-policy), and the number of
#: steps of the episode in the lane's row of records. Only the last outlives a step.
MEMORY = np.dtype([("action", np.int64), ("probability", np.float64), ("length", np.int64)], align=True)

#: A step of an episode under way; `probability` is the behavior's of the action when it was taken, off-policy.
RECORD = np.dtype(
    [("state", np.int32), ("action", np.int32), ("reward", np.float64), ("probability", np.float64)],
    align=True,
)

#: An importance weight above this has no useful precision, and its next product may be infinite.
LARGEST_WEIGHT = 1e250


class MonteCarloArrays(NamedTuple):
    """Tables and accounts of Monte Carlo learners, as compiled code takes them.

    Attributes:
        q: shape (num_states, num_actions): what the behavior policy acts by.
        estimates: the table that is learned: q itself in control, V as one column in prediction.
        weights: W̄(s, a) of weighted importance sampling.
        firsts: scratch for first visits, −1 between two episodes.
        visits: where visits are counted, N(s, a) of the behavior policy, counted when a pair is taken, and below it
            the counts of returns, for the learning rate; prediction has the latter alone.
        rules: one `RULE` record.
        learners: one `LEARNER` record.
        memories: one `MEMORY` record a lane.
        records: shape (num_envs, room): the `RECORD`s of the episodes under way.
        every: whether every visit of an episode counts, or the first.
        longest: the number of steps after which a return is cut off.
    """

    q: Float
    estimates: Float
    weights: Float
    firsts: Int
    visits: Int
    rules: Array
    learners: Array
    memories: Array
    records: Array
    every: bool
    longest: int


@njit(cache=True, inline="always")
def decide(agent, lane, state, counter):  # type: ignore[no-untyped-def]
    """The action of this step; off-policy also its probability."""
    rule, memory = agent.rules[0], agent.memories[lane]
    memory.action = choose(agent.q, agent.visits, rule, state, fold(rule.explore_key, counter))
    if rule.algorithm == OFF_POLICY:
        memory.probability = probability(agent.q, agent.visits, rule, state, memory.action)


@njit(cache=True, inline="always")
def remember(agent, lane, state, reward, terminated, truncated, next_state):  # type: ignore[no-untyped-def]
    """Appends this step to its episode, and learns from the episode if it ended; returns the steps remembered."""
    rule, memory = agent.rules[0], agent.memories[lane]
    record = agent.records[lane, memory.length]
    record.state = state
    record.action = memory.action
    record.reward = reward
    record.probability = memory.probability
    memory.length += 1
    if rule.counted and rule.algorithm != PREDICTION:
        agent.visits[state, memory.action] += 1
    if terminated or truncated or memory.length >= agent.longest:
        conclude(agent, lane, terminated, next_state)
    return memory.length


@njit(cache=True)
def continuation(agent, state):  # type: ignore[no-untyped-def]
    """The estimated rest of a return that was cut off at `state`, under the target policy."""
    rule = agent.rules[0]
    if rule.algorithm == PREDICTION:
        return agent.estimates[state, 0]
    if rule.algorithm == OFF_POLICY:
        return best_value(agent.q, state)
    return expected_value(agent.q, agent.visits, rule, state)


@njit(cache=True)
def learn_returns(agent, lane, value):  # type: ignore[no-untyped-def]
    """Backwards through an episode: G ← r + γ G, and X ← X + α [G − X] at its first visit, or at every one.

    X is V(s) in prediction and Q(s, a) in control; `value` is that of what came after the last step.
    """
    rule, estimates, firsts, every = agent.rules[0], agent.estimates, agent.firsts, agent.every
    episode, length, visits = agent.records[lane], agent.memories[lane].length, agent.visits
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
            record_error(agent.learners[0], error)


@njit(cache=True)
def learn_weighted(agent, lane, value):  # type: ignore[no-untyped-def]
    """Backwards through an episode for as long as its actions are greedy.

        G ← r + γ G;  W̄(s, a) ← W̄(s, a) + α [W − W̄(s, a)];  Q(s, a) ← Q(s, a) + α W / W̄(s, a) [G − Q(s, a)]

    and on with W ← W / b(a | s) if a is the greedy action, the first of several.
    """
    rule, q, weights, visits = agent.rules[0], agent.q, agent.weights, agent.visits
    episode, weight = agent.records[lane], 1.0
    for t in range(agent.memories[lane].length - 1, -1, -1):
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
        record_error(agent.learners[0], error)
        best = 0
        for a in range(1, q.shape[1]):
            if q[state, a] > q[state, best]:
                best = a
        weight /= episode[t].probability
        if action != best or weight > LARGEST_WEIGHT:
            break


@njit(cache=True)
def conclude(agent, lane, terminated, next_state):  # type: ignore[no-untyped-def]
    """Learns from the episode that a lane remembers, and forgets it.

    A return that was cut off continues with the estimate of the state where it was; after the end is 0.
    """
    value = 0.0 if terminated else continuation(agent, next_state)
    if agent.rules[0].algorithm == OFF_POLICY:
        learn_weighted(agent, lane, value)
    else:
        learn_returns(agent, lane, value)
    agent.memories[lane].length = 0


@njit(cache=True)
def most_remembered(memories):  # type: ignore[no-untyped-def]
    """The steps of the longest episode under way."""
    most = 0
    for i in range(len(memories)):
        most = max(most, memories[i].length)
    return most


@njit(cache=True, nogil=True)
def drive(agent, world, vector_steps):  # type: ignore[no-untyped-def]
    """Takes up to `vector_steps` steps in every lane of a `TableVectorEnv`, learning and accounting.

    Returns how many: fewer where an episode fills its row of `records`.
    """
    agent, world = borrowed(agent), borrowed(world)
    rule, learner, lanes = agent.rules[0], agent.learners[0], world.lanes
    n, room = len(lanes), agent.records.shape[1]
    most = most_remembered(agent.memories)
    for taken in range(vector_steps):
        if most == room:
            return taken
        first, most = learner.steps, 0
        for i in range(n):
            decide(agent, i, lanes[i].state, first + i)
        for i in range(n):
            action = agent.memories[i].action
            step_lane(world.num_actions, world.indptr, world.outcomes, lanes[i], action, world.limit)
        for i in range(n):
            lane = lanes[i]
            length = remember(
                agent, i, lane.state, lane.reward, lane.terminated, lane.truncated, lane.next_state
            )
            most = max(most, length)
            account_lane(world.episodes[i], world.totals[0], lane.reward, lane.terminated or lane.truncated)
            advance_lane(world.starts, lane)
        learner.steps += n
        if rule.moving:
            tick(rule, learner.steps)
    return vector_steps


@njit(cache=True)
def decide_all(agent, state):  # type: ignore[no-untyped-def]
    """Fills `memories.action`; returns the first lane whose state is out of range, or −1."""
    agent = borrowed(agent)
    first = agent.learners[0].steps
    for i in range(len(agent.memories)):
        if state[i] < 0 or state[i] >= agent.q.shape[0]:
            return i
        decide(agent, i, state[i], first + i)
    return -1


@njit(cache=True)
def learn_all(agent, steps):  # type: ignore[no-untyped-def]
    """Remembers one step of every lane, whose records have room, and learns from episodes that ended.

    Returns the first lane whose successor is out of range, or −1.
    """
    agent, steps = borrowed(agent), borrowed(steps)
    rule, learner, n = agent.rules[0], agent.learners[0], len(agent.memories)
    for i in range(n):
        if steps.next_state[i] < 0 or steps.next_state[i] >= agent.q.shape[0]:
            return i
    for i in range(n):
        remember(
            agent,
            i,
            steps.state[i],
            steps.reward[i],
            steps.terminated[i],
            steps.truncated[i],
            steps.next_state[i],
        )
    learner.steps += n
    if rule.moving:
        tick(rule, learner.steps)
    return -1
