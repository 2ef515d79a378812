"""The training loop of tabular learners, compiled once for each family of methods.

A vector step has four phases, each over all lanes in order: decide, step, foresee, learn. So all lanes decide
by the tables and visits as they stand when the step begins, and their updates follow one another. The driver for
tables of transitions and the two functions around a Python environment are made of the same kernels, which is why
they agree to the last bit.

A family keeps its arrays in a named tuple with at least `q` (what the behavior policy acts by), `visits`, `rules`,
`learners` and `memories` (one record a lane, with `MEMORY_FIELDS`), and implements `foresee` and `learn` for it:

    @implements(learn, OneStepArrays)
    def learn_one_step(agent, lane, step, counter): ...

numba compiles the loop for the type of the tuple, and so calls the family's own functions; the loop imports no
family. The tuples are `borrowed` before the loop: otherwise three quarters of the time would go to counting
references to their arrays. Single entries are records (docs/decisions/0002-records.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.core import types
from numba.extending import overload

from arena.environments.tabular import advance_lane, step_lane
from arena.random.counter_based import fold
from arena.streams.episode_statistics import account_lane
from arena_tabular.behavior import choose
from arena_tabular.borrow import borrowed
from arena_tabular.schedules import tick

__all__ = [
    "MEMORY_FIELDS",
    "Step",
    "Transitions",
    "World",
    "decide_all",
    "drive",
    "foresee",
    "implements",
    "learn",
    "learn_all",
]

Function = TypeVar("Function", bound=Callable[..., Any])

#: The first fields of every family's memory of a lane: the action of this step, the action that the target assumes
#: at the successor, and the action already chosen for the next step, or −1. Only the last outlives a step.
MEMORY_FIELDS = [("action", np.int64), ("assumed", np.int64), ("next_action", np.int64)]


class World(NamedTuple):
    """An environment that is a table, and the accounts of its stream, as `drive` takes them."""

    num_actions: int
    indptr: npt.NDArray[np.int64]
    outcomes: npt.NDArray[Any]
    starts: npt.NDArray[Any]
    lanes: npt.NDArray[Any]
    limit: int
    episodes: npt.NDArray[Any]
    totals: npt.NDArray[Any]


class Transitions(NamedTuple):
    """One step of every lane, as `learn_all` takes it: arrays of shape (num_envs,)."""

    state: npt.NDArray[Any]
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    next_state: npt.NDArray[Any]


class Step(NamedTuple):
    """One step of one lane; `next_state` is the true successor, also where the episode ended."""

    state: int
    reward: float
    terminated: bool
    truncated: bool
    next_state: int


def foresee(agent: Any, lane: int, step: Step, counter: int) -> None:
    """What a family notes of a lane before any update of this step; compiled code only.

    Args:
        agent: the family's arrays.
        lane: the index of the lane.
        step: the step that the lane has taken.
        counter: of the lane's next step.
    """
    raise NotImplementedError


def learn(agent: Any, lane: int, step: Step, counter: int) -> None:
    """A family's update from one step of one lane; compiled code only.

    Args:
        agent: the family's arrays.
        lane: the index of the lane.
        step: the step that the lane has taken.
        counter: of this step.
    """
    raise NotImplementedError


def implements(phase: Callable[..., None], arrays: type) -> Callable[[Function], Function]:
    """Makes a function the implementation of `foresee` or `learn` for a family's named tuple."""

    def register(function: Function) -> Function:
        @overload(phase, jit_options={"forceinline": True})
        def select(agent, lane, step, counter):  # type: ignore[no-untyped-def]
            named = isinstance(agent, types.BaseNamedTuple)
            return function if named and getattr(agent, "instance_class", None) is arrays else None

        return function

    return register


@njit(cache=True, inline="always")
def decide(agent, lane, state, counter):  # type: ignore[no-untyped-def]
    """The action of this step: the one chosen already, or a choice at `state`."""
    memory = agent.memories[lane]
    if memory.next_action >= 0:
        memory.action = memory.next_action
    else:
        rule = agent.rules[0]
        memory.action = choose(agent.q, agent.visits, rule, state, fold(rule.explore_key, counter))


@njit(cache=True, nogil=True)
def drive(agent, world, vector_steps):  # type: ignore[no-untyped-def]
    """Takes `vector_steps` steps in every lane of a `TableVectorEnv`, learning and accounting."""
    agent, world = borrowed(agent), borrowed(world)
    rule, learner, lanes = agent.rules[0], agent.learners[0], world.lanes
    n = len(lanes)
    for _ in range(vector_steps):
        first = learner.steps
        for i in range(n):
            decide(agent, i, lanes[i].state, first + i)
        for i in range(n):
            action = agent.memories[i].action
            step_lane(world.num_actions, world.indptr, world.outcomes, lanes[i], action, world.limit)
        for i in range(n):
            lane = lanes[i]
            step = Step(lane.state, lane.reward, lane.terminated, lane.truncated, lane.next_state)
            foresee(agent, i, step, first + n + i)
        for i in range(n):
            lane = lanes[i]
            step = Step(lane.state, lane.reward, lane.terminated, lane.truncated, lane.next_state)
            learn(agent, i, step, first + i)
            account_lane(world.episodes[i], world.totals[0], lane.reward, lane.terminated or lane.truncated)
            advance_lane(world.starts, lane)
        learner.steps += n
        if rule.moving:
            tick(rule, learner.steps)


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
    """Learns from one step of every lane; returns the first lane whose successor is out of range, or −1."""
    agent, steps = borrowed(agent), borrowed(steps)
    rule, learner, n = agent.rules[0], agent.learners[0], len(agent.memories)
    first = learner.steps
    for i in range(n):
        if steps.next_state[i] < 0 or steps.next_state[i] >= agent.q.shape[0]:
            return i
    for i in range(n):
        step = Step(
            steps.state[i], steps.reward[i], steps.terminated[i], steps.truncated[i], steps.next_state[i]
        )
        foresee(agent, i, step, first + n + i)
    for i in range(n):
        step = Step(
            steps.state[i], steps.reward[i], steps.terminated[i], steps.truncated[i], steps.next_state[i]
        )
        learn(agent, i, step, first + i)
    learner.steps += n
    if rule.moving:
        tick(rule, learner.steps)
    return -1
