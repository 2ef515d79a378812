"""Dyna, compiled: what a lane learns from a step, what it remembers of it, and what it plans by that.

A vector step has three phases, each over all lanes in order: decide, step, learn. A lane's learning is all that the
box has below its step: the update from the world, the model, the planning. So with one lane this is the box, and
with several all decide first, and then their updates follow one another. The driver for tables of transitions and
the function behind a Python environment are made of the same kernels, which is why they agree to the last bit.

The model is a table of `EXPERIENCE`, one a pair, beside `counts`, how many of a state's actions planning may draw,
and `visited`, the states in the order of their first visits. Drawing a state, and then one of its actions, thus takes
the same few look-ups however large the table is.

Kernels take records and scalars (docs/decisions/0002-records.md), and tables that the driver has `borrowed`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from arena.episodes import account_lane
from arena.keyed import below, fold
from arena.tables import advance_lane, step_lane
from arena_tabular.behavior import best_value
from arena_tabular.borrow import borrowed
from arena_tabular.kernels import decide
from arena_tabular.records import VISITS
from arena_tabular.schedules import by_visits, learning_rate_at, record_error, tick

__all__ = ["EXPERIENCE", "PLAN", "drive", "learn_all"]

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

#: How to plan: the updates after every step, κ, whether actions never tried are considered (Dyna-Q+), the key of
#: its random numbers; and how many states have been visited so far.
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


@njit(cache=True, inline="always")
def error_of(q, rule, state, action, reward, terminated, next_state):  # type: ignore[no-untyped-def]
    """δ = r + γ max_a' Q(s', a') − Q(s, a), without the maximum after the end; much may come after a cut."""
    target = reward
    if not terminated:
        target += rule.discount * best_value(q, next_state)
    return target - q[state, action]


@njit(cache=True, inline="always")
def imagined_learning_rate(visits, rule, state, action):  # type: ignore[no-untyped-def]
    """α of an update that is only imagined: it counts as no visit, and a pair never tried as visited once."""
    learning_rate = rule.learning_rate
    if rule.learning_rate_schedule == VISITS:
        times = max(1, visits[state, action])
        learning_rate = by_visits(
            rule.learning_rate_start, rule.learning_rate_final, rule.learning_rate_power, times
        )
    return learning_rate


@njit(cache=True, inline="always")
def visit(model, counts, visited, plan, state):  # type: ignore[no-untyped-def]
    """Takes a state among those that planning draws from.

    Dyna-Q+ considers all its actions from now on; of one never tried it supposes that it leads back to the state
    with a reward of 0 and was last tried when time began.
    """
    visited[plan.visited] = state
    plan.visited += 1
    if plan.plus:
        counts[state] = model.shape[1]
        for a in range(model.shape[1]):
            model[state, a].next_state = state
            model[state, a].choice = a


@njit(cache=True, inline="always")
def remember(  # type: ignore[no-untyped-def]
    model, counts, visited, plan, state, action, reward, terminated, next_state, now
):
    """Model(s, a) ← r, s': the last outcome stands for all, as if the world were deterministic."""
    if counts[state] == 0:
        visit(model, counts, visited, plan, state)
    experience = model[state, action]
    if experience.tried == 0 and not plan.plus:
        model[state, counts[state]].choice = action
        counts[state] += 1
    experience.next_state = next_state
    experience.reward = reward
    experience.terminated = terminated
    experience.tried = now


@njit(cache=True, inline="always")
def imagine(q, visits, rule, model, counts, visited, plan, now, bits):  # type: ignore[no-untyped-def]
    """One planning update, at a random state visited before and a random one of its known actions.

    The lower half of the random number draws the state, the upper half the action.
    """
    state = visited[below(bits, plan.visited)]
    action = model[state, below(bits >> HIGH, counts[state])].choice
    experience = model[state, action]
    reward = experience.reward
    if plan.plus:
        reward += plan.bonus * math.sqrt(now - experience.tried)
    error = error_of(q, rule, state, action, reward, experience.terminated, experience.next_state)
    q[state, action] += imagined_learning_rate(visits, rule, state, action) * error


@njit(cache=True, inline="always")
def learn(  # type: ignore[no-untyped-def]
    q,
    visits,
    rule,
    learner,
    model,
    counts,
    visited,
    plan,
    state,
    action,
    reward,
    terminated,
    next_state,
    counter,
):
    """What the box has below a step: learns from it, remembers it, and plans."""
    error = error_of(q, rule, state, action, reward, terminated, next_state)
    if rule.counted:
        visits[state, action] += 1
    q[state, action] += learning_rate_at(visits, rule, state, action) * error
    record_error(learner, error)
    if plan.steps > 0:
        now = counter + 1
        remember(model, counts, visited, plan, state, action, reward, terminated, next_state, now)
        key = fold(plan.key, counter)
        for j in range(plan.steps):
            imagine(q, visits, rule, model, counts, visited, plan, now, fold(key, j))


@njit(cache=True, nogil=True)
def drive(  # type: ignore[no-untyped-def]
    q,
    visits,
    rules,
    learners,
    memories,
    model,
    counts,
    visited,
    plans,
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
    """Takes `vector_steps` steps in every lane of a `TableVectorEnv`, learning, planning and accounting."""
    rule, learner, plan, n = rules[0], learners[0], plans[0], len(lanes)
    q, visits, model = borrowed(q), borrowed(visits), borrowed(model)
    counts, visited = borrowed(counts), borrowed(visited)
    for _ in range(vector_steps):
        first = learner.steps
        for i in range(n):
            decide(q, visits, rule, memories[i], lanes[i].state, first + i)
        for i in range(n):
            step_lane(num_actions, indptr, outcomes, lanes[i], memories[i].action, limit)
        for i in range(n):
            lane = lanes[i]
            learn(
                q,
                visits,
                rule,
                learner,
                model,
                counts,
                visited,
                plan,
                lane.state,
                memories[i].action,
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
def learn_all(  # type: ignore[no-untyped-def]
    q,
    visits,
    rules,
    learners,
    memories,
    model,
    counts,
    visited,
    plans,
    state,
    reward,
    terminated,
    next_state,
):
    """Learns from one step of every lane; returns the first lane whose successor is out of range, or −1."""
    rule, learner, plan, n = rules[0], learners[0], plans[0], len(memories)
    q, visits, model = borrowed(q), borrowed(visits), borrowed(model)
    counts, visited = borrowed(counts), borrowed(visited)
    for i in range(n):
        if next_state[i] < 0 or next_state[i] >= q.shape[0]:
            return i
    first = learner.steps
    for i in range(n):
        learn(
            q,
            visits,
            rule,
            learner,
            model,
            counts,
            visited,
            plan,
            state[i],
            memories[i].action,
            reward[i],
            terminated[i],
            next_state[i],
            first + i,
        )
    learner.steps += n
    if rule.moving:
        tick(rule, learner.steps)
    return -1
