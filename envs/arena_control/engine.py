"""Compiled loop of all control environments: one call steps n parallel episodes of a system.

A system is three functions over all lanes at once. They loop over the lanes themselves (struct-of-arrays: component j
of lane i is ``state[j, i]``), so that the compiler can vectorize them:

    derivative(state, parameters, constants, force, rate)   fills ``rate`` with d state / dt
    evaluate(before, state, parameters, constants, force, sparse, reward, terminated)   fills ``reward``, ``terminated``
    observe(state, parameters, constants, observation)   fills ``observation``, float32, shape (lanes, width)

``parameters`` (shape (count, lanes)) are drawn for each episode, ``constants`` (one-dimensional) are shared by all
lanes, and ``force`` (shape (actions, lanes)) is the action after noise and clipping. `compile_kernels` compiles the
loop for one system.
"""

from __future__ import annotations

import math
import types
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from arena.random.counter_based import fold, uniform

__all__ = ["EULER", "INTEGRATORS", "LANE", "NO_LIMIT", "Kernels", "StepSettings", "compile_kernels"]

#: Checksum of this file: a part of the names under which numba caches what it compiled from it.
SOURCE_HASH = zlib.crc32(Path(__file__).read_bytes())

#: Bookkeeping of one of n parallel episodes, besides its state.
LANE = np.dtype(
    [("key", np.uint64), ("episode", np.int64), ("episode_key", np.uint64), ("elapsed", np.int64)], align=True
)

#: The time limit of an episode without one.
NO_LIMIT = np.iinfo(np.int64).max

EULER, SEMI_IMPLICIT, RK4 = 0, 1, 2
INTEGRATORS = {"euler": EULER, "semi-implicit": SEMI_IMPLICIT, "rk4": RK4}

#: Purposes of an episode's random numbers: each has a key of its own.
INITIAL, ACTION, PROCESS, OBSERVATION = 0, 1, 2, 3

Floats = npt.NDArray[np.float64]


class StepSettings(NamedTuple):
    """Settings of a step that all lanes share. They are unpacked at every call, so there are few arrays.

    Attributes:
        integrator: one of `INTEGRATORS`.
        dt: duration of a physics step, in seconds.
        action_repeat: physics steps for which an action is held.
        sparse: whether rewards are sparse.
        limit: steps after which an episode is truncated.
        action_bound: real-valued actions are clipped to this magnitude.
        action_noise: standard deviation of the noise added to actions, before they are clipped.
        observation_noise: standard deviation of the noise added to observations.
        constants: numbers that all lanes share, one-dimensional.
        initial_box: an episode begins uniformly between ``initial_box[0]`` and ``initial_box[1]``, shape
            (2, states + parameters).
        limits_and_noise: largest magnitude of each component of the state, and standard deviation of the noise that a
            physics step adds to it: shape (2, states).
        action_levels: force of each discrete action, shape (actions, width); no rows for real-valued actions.
        observation_limits: noisy observations are clipped to these, shape (2, width).
    """

    integrator: int
    dt: float
    action_repeat: int
    sparse: bool
    limit: int
    action_bound: float
    action_noise: float
    observation_noise: float
    constants: Floats
    initial_box: Floats
    limits_and_noise: Floats
    action_levels: Floats
    observation_limits: npt.NDArray[np.float32]


class Kernels(NamedTuple):
    """Compiled functions of a system.

    Attributes:
        reset_lanes: starts an episode in every lane.
        step_lanes: takes a step in every lane; returns how many episodes ended, or −1 − the first lane with an
            invalid action.
        fill_observation: fills observations of states.
        integrate: one physics step of the integrator, without noise, rewards or ends.
    """

    reset_lanes: Callable[..., Any]
    step_lanes: Callable[..., Any]
    fill_observation: Callable[..., Any]
    integrate: Callable[..., Any]


@njit(cache=True, forceinline=True)
def normal(key, counter):  # type: ignore[no-untyped-def]
    """Standard normal number: the ``counter``-th of ``key`` (Box & Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(fold(key, 2 * counter))))
    return radius * math.cos(2 * math.pi * uniform(fold(key, 2 * counter + 1)))


@njit(cache=True, forceinline=True)
def copy_array(source, target):  # type: ignore[no-untyped-def]
    """Copy a contiguous array as one row of numbers, which is four times as fast as row by row."""
    a, b = source.reshape(source.size), target.reshape(source.size)
    for i in range(len(a)):
        b[i] = a[i]


@njit(cache=True)
def take_actions(settings, lanes, action, force):  # type: ignore[no-untyped-def]
    """Fill ``force`` from actions, shape (lanes, width); returns −1, or the first lane with an invalid action."""
    levels = settings.action_levels
    discrete = len(levels) > 0
    for i in range(len(lanes)):
        for j in range(len(force)):
            if discrete:
                choice = action[i, 0]
                if not (0 <= choice < len(levels)):
                    return i
                force_j = levels[int(choice), j]
            else:
                force_j = action[i, j]
                if np.isnan(force_j):
                    return i
            if settings.action_noise > 0:
                key = fold(lanes[i].episode_key, ACTION)
                force_j += settings.action_noise * normal(key, lanes[i].elapsed * len(force) + j)
            if not discrete:
                force_j = min(max(force_j, -settings.action_bound), settings.action_bound)
            force[j, i] = force_j
    return -1


@njit(cache=True)
def begin_episode(settings, lane, i, episode, state, parameters):  # type: ignore[no-untyped-def]
    """Start an episode: its key, and its first state and parameters, drawn from the initial box."""
    lane.episode = episode
    lane.episode_key = fold(lane.key, episode)
    lane.elapsed = 0
    key = fold(lane.episode_key, INITIAL)
    low, high = settings.initial_box[0], settings.initial_box[1]
    for j in range(len(low)):
        value = low[j]
        if high[j] > low[j]:
            value += (high[j] - low[j]) * uniform(fold(key, j))
        if j < len(state):
            state[j, i] = value
        else:
            parameters[j - len(state), i] = value


@njit(cache=True)
def add_process_noise(settings, lanes, part, state):  # type: ignore[no-untyped-def]
    """Add process noise to a state after the ``part``-th physics step of the present step."""
    spread = settings.limits_and_noise[1]
    for j in range(len(state)):
        if spread[j] > 0:
            for i in range(len(lanes)):
                key = fold(lanes[i].episode_key, PROCESS)
                count = (lanes[i].elapsed * settings.action_repeat + part) * len(state) + j
                state[j, i] += spread[j] * normal(key, count)


@njit(cache=True)
def add_observation_noise(settings, lanes, observation):  # type: ignore[no-untyped-def]
    """Add observation noise, a function of the lane's episode and step: observing twice gives equal numbers."""
    low, high = settings.observation_limits[0], settings.observation_limits[1]
    width = observation.shape[1]
    for i in range(len(lanes)):
        key = fold(lanes[i].episode_key, OBSERVATION)
        for j in range(width):
            noise = settings.observation_noise * normal(key, lanes[i].elapsed * width + j)
            observation[i, j] = min(max(observation[i, j] + noise, low[j]), high[j])


def integrate(settings, before, state, work, parameters, force):  # type: ignore[no-untyped-def]
    """One physics step, from ``before`` to ``state``; ``work`` is scratch, shape (3, components, lanes).

    Semi-implicit Euler takes the second half of the components for the velocities of the first. A limited component is
    clipped as soon as it is known, so that a position moves with the velocity that is observed.
    """
    count, lanes = state.shape
    dt, cap, constants = settings.dt, settings.limits_and_noise[0], settings.constants
    rate, total, middle = work[0], work[1], work[2]
    derivative(before, parameters, constants, force, rate)  # type: ignore[name-defined]  # noqa: F821
    if settings.integrator == RK4:
        for stage in range(3):
            h = dt if stage == 2 else dt / 2.0
            for j in range(count):
                for i in range(lanes):
                    total[j, i] = rate[j, i] if stage == 0 else total[j, i] + 2 * rate[j, i]
                    middle[j, i] = before[j, i] + h * rate[j, i]
            derivative(middle, parameters, constants, force, rate)  # type: ignore[name-defined]  # noqa: F821
        for j in range(count):
            for i in range(lanes):
                rate[j, i] = total[j, i] + rate[j, i]
        dt = dt / 6.0
    half = count // 2 if settings.integrator == SEMI_IMPLICIT else 0
    for place in range(count):
        j = (place + half) % count
        # The rate of a position is its old velocity; semi-implicitly, it moves with the new one.
        change = state[j + half] if j < half else rate[j]
        for i in range(lanes):
            state[j, i] = before[j, i] + dt * change[i]
        if cap[j] < np.inf:
            for i in range(lanes):
                state[j, i] = min(max(state[j, i], -cap[j]), cap[j])


def fill_observation(settings, lanes, state, parameters, observation):  # type: ignore[no-untyped-def]
    """Observations of all lanes, with noise."""
    observe(state, parameters, settings.constants, observation)  # type: ignore[name-defined]  # noqa: F821
    if settings.observation_noise > 0:
        add_observation_noise(settings, lanes, observation)


def reset_lanes(settings, lanes, state, parameters, observation, first):  # type: ignore[no-untyped-def]
    """Start episode 0 in every lane, or the next one."""
    for i in range(len(lanes)):
        begin_episode(settings, lanes[i], i, 0 if first else lanes[i].episode + 1, state, parameters)
    fill_observation(settings, lanes, state, parameters, observation)  # type: ignore[no-untyped-call]


def step_lanes(  # type: ignore[no-untyped-def]
    settings,
    lanes,
    states,
    parameters,
    work,
    force,
    action,
    rewards,
    ends,
    finished_lanes,
    observation,
    autoreset,
    keep_final,
):
    """One step in every lane; with ``autoreset``, finished lanes begin their next episode.

    Args:
        settings: `StepSettings`.
        lanes: `LANE` records, shape (n,).
        states: ``states[0]`` are the states; ``states[1]`` becomes those before the next episode began, where one
            ended: shape (2, components, n).
        parameters: parameters of the episodes, kept like the states: shape (2, count, n).
        work: scratch, shape (4, components, n).
        force: shape (width, n); filled.
        action: float64, shape (n, width), or int64, shape (n, 1), of discrete actions.
        rewards: rewards, and scratch: shape (2, n); filled.
        ends: terminated, truncated, and scratch: bool, shape (3, n); filled.
        finished_lanes: the lanes whose episode ended come first: int64, shape (n,); filled.
        observation: observations where the next action is taken and, where an episode ended, those of the final states:
            float32, shape (2, n, width); filled.
        autoreset: whether finished lanes begin their next episode.
        keep_final: whether ``states[1]`` and ``parameters[1]`` are needed.

    Returns:
        How many episodes ended, or −1 − lane for the first lane with an invalid action; then nothing has changed.
    """
    n = len(lanes)
    state, drawn, before = states[0], parameters[0], work[3]
    wrong = take_actions(settings, lanes, action, force)
    if wrong >= 0:
        return -1 - wrong
    for part in range(settings.action_repeat):
        copy_array(state, before)
        integrate(settings, before, state, work, drawn, force)  # type: ignore[no-untyped-call]
        add_process_noise(settings, lanes, part, state)
        into = min(part, 1)
        ended = ends[2 * into]
        evaluate(before, state, drawn, settings.constants, force, settings.sparse, rewards[into], ended)  # type: ignore[name-defined]  # noqa: F821
        if part > 0:
            for i in range(n):
                if ends[0, i]:  # since an earlier part: it stays where it ended
                    state[:, i] = before[:, i]
                else:
                    rewards[0, i] += rewards[1, i]
                    ends[0, i] = ended[i]
    finished = 0
    for i in range(n):
        lanes[i].elapsed += 1
        over = lanes[i].elapsed >= settings.limit
        ends[1, i] = over
        finished_lanes[finished] = i  # overwritten by the next lane, unless this one ended
        finished += over | ends[0, i]
    fill_observation(settings, lanes, state, drawn, observation[0])  # type: ignore[no-untyped-call]
    if finished > 0 and autoreset:
        copy_array(observation[0], observation[1])
        if keep_final:
            copy_array(state, states[1])
            copy_array(drawn, parameters[1])
        for place in range(finished):
            i = finished_lanes[place]
            begin_episode(settings, lanes[i], i, lanes[i].episode + 1, state, drawn)
        fill_observation(settings, lanes, state, drawn, observation[0])  # type: ignore[no-untyped-call]
    return finished


def compile_kernels(
    name: str,
    home: str,
    *,
    derivative: Callable[..., None],
    evaluate: Callable[..., None],
    observe: Callable[..., None],
) -> Kernels:
    """Compile the loop for one system: the functions above, with the system's in place of their free names.

    numba caches a function by its file and name, and never one that takes functions as arguments or closes over them.
    So each system has copies of the loop that live in the system's file, under a name made of the system's name and
    this file's checksum: compiled once a machine, and again when either file changes.

    Args:
        name: name of the system, unique in its module.
        home: path of the system's module, ``__file__``.
        derivative: time derivative of the state; compiled, as are `evaluate` and `observe`. See the module's docstring.
        evaluate: reward and termination of a step; may also keep the state within limits.
        observe: observation of a state.
    """
    scope: dict[str, Any] = {**globals(), "derivative": derivative, "evaluate": evaluate, "observe": observe}
    for template in (integrate, fill_observation, reset_lanes, step_lanes):
        copied = _copy_with_globals(template, name, home, scope)
        scope[template.__name__] = njit(cache=True, error_model="numpy")(copied)
    return Kernels(*(scope[field] for field in Kernels._fields))


def _copy_with_globals(
    template: Callable[..., Any], name: str, home: str, scope: dict[str, Any]
) -> Callable[..., Any]:
    """Copy a function so that it lives in another file and has other globals."""
    code = template.__code__.replace(co_filename=home)
    copied = types.FunctionType(code, scope, template.__name__)
    copied.__qualname__ = f"{name}.{template.__name__}-{SOURCE_HASH:08x}"
    copied.__module__ = template.__module__
    return copied
