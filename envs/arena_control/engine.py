"""The one loop of all environments: n parallel episodes of a controlled system, a step of each in one compiled call.

A system is three functions over all lanes at once, which loop over the lanes themselves (struct-of-arrays: component j
of lane i is ``state[j, i]``), so that the compiler can vectorise them:

    derivative(state, parameters, world, force, rate)         fills ``rate`` with d state / dt
    judge(before, state, parameters, world, force, sparse, reward, terminated)   what the step earned, and limits
    observe(state, parameters, world, seen)                   fills ``seen``, float32, shape (lanes, width)

with ``parameters`` (shape (count, lanes)) drawn for each episode, ``world`` (one-dimensional) the same for all, and
``force`` (shape (actions, lanes)) the action as it was taken. `compiled` makes the loop a system's own.
"""

from __future__ import annotations

import math
import types
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from arena.random.counter_based import fold, uniform

__all__ = ["EULER", "INTEGRATORS", "LANE", "NO_LIMIT", "Kernels", "Setup", "compiled"]

#: Which version of this file it is: a part of the names under which numba keeps what it compiled from it.
EDITION = zlib.crc32(Path(__file__).read_bytes())

#: Where one of n parallel episodes stands, besides its state.
LANE = np.dtype(
    [("key", np.uint64), ("episode", np.int64), ("episode_key", np.uint64), ("elapsed", np.int64)], align=True
)

#: The limit of an episode that has none.
NO_LIMIT = np.iinfo(np.int64).max

EULER, SEMI_IMPLICIT, RK4 = 0, 1, 2
INTEGRATORS = {"euler": EULER, "semi-implicit": SEMI_IMPLICIT, "rk4": RK4}

#: What an episode's random numbers are for: each use has a key of its own.
INITIAL, ACTION, PROCESS, OBSERVATION = 0, 1, 2, 3


class Setup(NamedTuple):
    """What stays the same while n lanes are stepped. It is unpacked at every call, so its arrays are few.

    Attributes:
        method: one of `INTEGRATORS`.
        dt: seconds of a physics step.
        repeat: physics steps an action is held for.
        sparse: whether rewards are sparse.
        limit: the steps after which an episode is truncated.
        reach: real-valued actions are clipped to this magnitude.
        action_noise: standard deviation of the noise added to actions, before they are clipped.
        observation_noise: standard deviation of the noise added to observations.
        world: what all lanes share, one-dimensional.
        box: an episode begins uniformly between ``box[0]`` and ``box[1]``, shape (2, states + parameters).
        margin: largest magnitude of each component of the state, and standard deviation of the noise that a physics
            step adds to it: shape (2, states).
        levels: what each discrete action does, shape (actions, width); none for real-valued actions.
        bounds: noisy observations are clipped to these, shape (2, width).
    """

    method: int
    dt: float
    repeat: int
    sparse: bool
    limit: int
    reach: float
    action_noise: float
    observation_noise: float
    world: Any
    box: Any
    margin: Any
    levels: Any
    bounds: Any


class Kernels(NamedTuple):
    """A system's compiled functions.

    Attributes:
        begin: starts an episode in every lane.
        advance: takes a step in every lane; the number of lanes whose episode ended, or −1 − the first lane whose
            action is none.
        look: fills observations.
        move: one physics step of the integrator, nothing else.
    """

    begin: Any
    advance: Any
    look: Any
    move: Any


@njit(cache=True, forceinline=True)
def normal(key, counter):  # type: ignore[no-untyped-def]
    """A standard normal number: the ``counter``-th of ``key`` (Box & Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(fold(key, 2 * counter))))
    return radius * math.cos(2 * math.pi * uniform(fold(key, 2 * counter + 1)))


@njit(cache=True, forceinline=True)
def copy(source, target):  # type: ignore[no-untyped-def]
    """Copies a contiguous array as one line of numbers: by rows it would take four times as long."""
    a, b = source.reshape(source.size), target.reshape(source.size)
    for i in range(len(a)):
        b[i] = a[i]


@njit(cache=True)
def take_actions(setup, lanes, action, force):  # type: ignore[no-untyped-def]
    """Fills ``force`` from actions, shape (lanes, width); −1, or the first lane whose action is none."""
    levels = setup.levels
    discrete = len(levels) > 0
    for i in range(len(lanes)):
        for j in range(len(force)):
            if discrete:
                choice = action[i, 0]
                if not (0 <= choice < len(levels)):
                    return i
                given = levels[int(choice), j]
            else:
                given = action[i, j]
                if np.isnan(given):
                    return i
            if setup.action_noise > 0:
                key = fold(lanes[i].episode_key, ACTION)
                given += setup.action_noise * normal(key, lanes[i].elapsed * len(force) + j)
            if not discrete:
                given = min(max(given, -setup.reach), setup.reach)
            force[j, i] = given
    return -1


@njit(cache=True)
def draw_start(setup, lane, i, episode, state, parameters):  # type: ignore[no-untyped-def]
    """An episode's key, and its first state and parameters from their box."""
    lane.episode = episode
    lane.episode_key = fold(lane.key, episode)
    lane.elapsed = 0
    key = fold(lane.episode_key, INITIAL)
    low, high = setup.box[0], setup.box[1]
    for j in range(len(low)):
        value = low[j]
        if high[j] > low[j]:
            value += (high[j] - low[j]) * uniform(fold(key, j))
        if j < len(state):
            state[j, i] = value
        else:
            parameters[j - len(state), i] = value


@njit(cache=True)
def add_noise(setup, lanes, part, state):  # type: ignore[no-untyped-def]
    """Process noise of one physics step, the ``part``-th of the present step."""
    spread = setup.margin[1]
    for j in range(len(state)):
        if spread[j] > 0:
            for i in range(len(lanes)):
                key = fold(lanes[i].episode_key, PROCESS)
                count = (lanes[i].elapsed * setup.repeat + part) * len(state) + j
                state[j, i] += spread[j] * normal(key, count)


@njit(cache=True)
def blur(setup, lanes, seen):  # type: ignore[no-untyped-def]
    """Observation noise, a function of the lane's episode and step: looking twice shows the same."""
    low, high = setup.bounds[0], setup.bounds[1]
    width = seen.shape[1]
    for i in range(len(lanes)):
        key = fold(lanes[i].episode_key, OBSERVATION)
        for j in range(width):
            noise = setup.observation_noise * normal(key, lanes[i].elapsed * width + j)
            seen[i, j] = min(max(seen[i, j] + noise, low[j]), high[j])


def move(setup, before, state, work, parameters, force):  # type: ignore[no-untyped-def]
    """One physics step, from ``before`` to ``state``; ``work`` is scratch, shape (3, components, lanes).

    Semi-implicit Euler takes the second half of the components for the velocities of the first. A capped component is
    capped as soon as it is known, so that a position moves with the velocity that is seen.
    """
    count, lanes = state.shape
    dt, cap, world = setup.dt, setup.margin[0], setup.world
    rate, total, middle = work[0], work[1], work[2]
    derivative(before, parameters, world, force, rate)  # type: ignore[name-defined]  # noqa: F821
    if setup.method == RK4:
        for stage in range(3):
            h = dt if stage == 2 else dt / 2.0
            for j in range(count):
                for i in range(lanes):
                    total[j, i] = rate[j, i] if stage == 0 else total[j, i] + 2 * rate[j, i]
                    middle[j, i] = before[j, i] + h * rate[j, i]
            derivative(middle, parameters, world, force, rate)  # type: ignore[name-defined]  # noqa: F821
        for j in range(count):
            for i in range(lanes):
                rate[j, i] = total[j, i] + rate[j, i]
        dt = dt / 6.0
    half = count // 2 if setup.method == SEMI_IMPLICIT else 0
    for place in range(count):
        j = (place + half) % count
        # The rate of a position is its old velocity; semi-implicitly, it moves with the new one.
        change = state[j + half] if j < half else rate[j]
        for i in range(lanes):
            state[j, i] = before[j, i] + dt * change[i]
        if cap[j] < np.inf:
            for i in range(lanes):
                state[j, i] = min(max(state[j, i], -cap[j]), cap[j])


def look(setup, lanes, state, parameters, seen):  # type: ignore[no-untyped-def]
    """What every lane shows of its state."""
    observe(state, parameters, setup.world, seen)  # type: ignore[name-defined]  # noqa: F821
    if setup.observation_noise > 0:
        blur(setup, lanes, seen)


def begin(setup, lanes, state, parameters, seen, first):  # type: ignore[no-untyped-def]
    """Starts episode 0 in every lane, or the next one."""
    for i in range(len(lanes)):
        draw_start(setup, lanes[i], i, 0 if first else lanes[i].episode + 1, state, parameters)
    look(setup, lanes, state, parameters, seen)  # type: ignore[no-untyped-call]


def advance(setup, lanes, states, parameters, work, force, action, earned, ends, which, seen, onward, keep):  # type: ignore[no-untyped-def]
    """One step in every lane, and on to the next episode where one ended, if ``onward``.

    Args:
        setup: `Setup`.
        lanes: `LANE` records, shape (n,).
        states: the states and, where an episode ended, those before the next began: shape (2, components, n).
        parameters: the same of the parameters, shape (2, count, n).
        work: scratch, shape (4, components, n).
        force: shape (width, n); filled.
        action: float64, shape (n, width), or int64, shape (n, 1), of discrete ones.
        earned: the rewards, and scratch: shape (2, n); filled.
        ends: terminated, truncated, and scratch: bool, shape (3, n); filled.
        which: the lanes whose episode ended come first: int64, shape (n,); filled.
        seen: what is seen where the next action is taken and, where an episode ended, what the successors show:
            float32, shape (2, n, width); filled.
        onward: whether finished lanes begin their next episode.
        keep: whether ``states[1]`` and ``parameters[1]`` are needed.

    Returns:
        How many episodes ended, or −1 − lane for the first lane whose action is none; then nothing has changed.
    """
    n = len(lanes)
    state, drawn, before = states[0], parameters[0], work[3]
    wrong = take_actions(setup, lanes, action, force)
    if wrong >= 0:
        return -1 - wrong
    for part in range(setup.repeat):
        copy(state, before)
        move(setup, before, state, work, drawn, force)  # type: ignore[no-untyped-call]
        add_noise(setup, lanes, part, state)
        into = min(part, 1)
        ended = ends[2 * into]
        judge(before, state, drawn, setup.world, force, setup.sparse, earned[into], ended)  # type: ignore[name-defined]  # noqa: F821
        if part > 0:
            for i in range(n):
                if ends[0, i]:  # since an earlier part: it stays where it ended
                    state[:, i] = before[:, i]
                else:
                    earned[0, i] += earned[1, i]
                    ends[0, i] = ended[i]
    finished = 0
    for i in range(n):
        lanes[i].elapsed += 1
        over = lanes[i].elapsed >= setup.limit
        ends[1, i] = over
        which[finished] = i  # overwritten by the next lane, unless this one ended
        finished += over | ends[0, i]
    look(setup, lanes, state, drawn, seen[0])  # type: ignore[no-untyped-call]
    if finished > 0 and onward:
        copy(seen[0], seen[1])
        if keep:
            copy(state, states[1])
            copy(drawn, parameters[1])
        for place in range(finished):
            i = which[place]
            draw_start(setup, lanes[i], i, lanes[i].episode + 1, state, drawn)
        look(setup, lanes, state, drawn, seen[0])  # type: ignore[no-untyped-call]
    return finished


def compiled(name: str, home: str, *, derivative: Any, judge: Any, observe: Any) -> Kernels:
    """The loop as a system's own: the functions above, with the system's in place of their free names.

    numba caches a function by its file and name, and never one that takes functions as arguments or closes over them.
    So each system has copies of the loop that live in the system's file, under a name of the system's and this file's:
    compiled once a machine, and again when either file changes.

    Args:
        name: the system's, unique in its module.
        home: the module's file, ``__file__``.
        derivative: compiled, as `judge` and `observe`; see the module's docstring.
        judge: what a step earned and whether it ended the episode; may also keep the state within limits.
        observe: what a state shows.
    """
    scope: dict[str, Any] = {**globals(), "derivative": derivative, "judge": judge, "observe": observe}
    for template in (move, look, begin, advance):
        scope[template.__name__] = njit(cache=True, error_model="numpy")(_moved(template, name, home, scope))
    return Kernels(scope["begin"], scope["advance"], scope["look"], scope["move"])


def _moved(template: Callable[..., Any], name: str, home: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """A copy of a function that lives in another file, with other globals."""
    code = template.__code__.replace(co_filename=home)
    moved = types.FunctionType(code, scope, template.__name__)
    moved.__qualname__ = f"{name}.{template.__name__}-{EDITION:08x}"
    moved.__module__ = template.__module__
    return moved
