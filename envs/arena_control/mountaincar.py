"""Gymnasium's two mountain cars: too weak for the hill, they have to swing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, vector_of
from arena_control.engine import Kernels, compiled
from arena_control.options import Integrator, PhysicsOptions, PositiveFloat
from arena_control.sketch import Sketch, View
from arena_control.system import System, physical
from arena_control.trigonometry import sincos

__all__ = [
    "MountainCar",
    "MountainCarContinuous",
    "MountainCarContinuousOptions",
    "MountainCarContinuousVector",
    "MountainCarOptions",
    "MountainCarVector",
]

#: The valley's ends, and the largest velocity, a step.
LEFT, RIGHT, FASTEST = -1.2, 0.6, 0.07


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """The state (x, ẋ), a second being a step: ẍ = push · u − gravity · cos 3x (Moore, 1990)."""
    for i in range(state.shape[1]):
        _, slope = sincos(3 * state[0, i])
        rate[0, i] = state[1, i]
        rate[1, i] = force[0, i] * parameters[0, i] + slope * (-parameters[1, i])


@njit(cache=True, forceinline=True)
def height(x):  # type: ignore[no-untyped-def]
    """Of the hill, from 0.1 to 1, as it is drawn."""
    sine, _ = sincos(3 * x)
    return 0.55 + 0.45 * sine


@njit(cache=True, forceinline=True)
def at_the_top(state, i, goal):  # type: ignore[no-untyped-def]
    """Keeps a car in the valley, and says whether it has reached the goal; the left wall stops it."""
    state[0, i] = min(max(state[0, i], LEFT), RIGHT)
    if state[0, i] == LEFT and state[1, i] < 0:
        state[1, i] = 0.0
    return state[0, i] >= goal and state[1, i] >= 0.0


@njit(cache=True)
def judge_discrete(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """−1 a step; shaped, and ten times what it has climbed."""
    for i in range(state.shape[1]):
        terminated[i] = at_the_top(state, i, world[0])
        reward[i] = -1.0
        if not sparse:
            reward[i] += 10.0 * (height(state[0, i]) - height(before[0, i]))


@njit(cache=True)
def judge_continuous(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """100 at the goal, less 0.1 u² a step; shaped, and ten times what it has climbed."""
    for i in range(state.shape[1]):
        terminated[i] = at_the_top(state, i, world[0])
        reward[i] = (100.0 if terminated[i] else 0.0) - force[0, i] ** 2 * 0.1
        if not sparse:
            reward[i] += 10.0 * (height(state[0, i]) - height(before[0, i]))


@njit(cache=True)
def observe(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(x, ẋ)."""
    for i in range(state.shape[1]):
        seen[i, 0] = state[0, i]
        seen[i, 1] = state[1, i]


DISCRETE = compiled("MountainCar", __file__, derivative=derivative, judge=judge_discrete, observe=observe)
CONTINUOUS = compiled(
    "MountainCarContinuous", __file__, derivative=derivative, judge=judge_continuous, observe=observe
)


def draw(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """The car, along the slope."""
    x = state[0]
    y, slope = 0.55 + 0.45 * np.sin(3 * x), 1.35 * np.cos(3 * x)
    along = np.array([np.ones_like(slope), slope]) / np.hypot(1, slope)
    up = np.array([-along[1], along[0]])
    corners = [0.085 * a * along + b * up for a, b in ((-1, 0.05), (1, 0.05), (0.6, 0.125), (-0.7, 0.125))]
    sketch.quad([x + corner[0] for corner in corners], [y + corner[1] for corner in corners], "blue")
    for side in (-0.05, 0.05):
        middle = side * along + 0.042 * up
        sketch.disc(x + middle[0], y + middle[1], 0.032, "abyss")


def slopes(xs: np.ndarray) -> np.ndarray:
    """The hill in straight pieces: x and y of both ends of each."""
    ys = 0.55 + 0.45 * np.sin(3 * xs)
    return np.column_stack([xs[:-1], ys[:-1], xs[1:], ys[1:]])


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """The hill and the flag."""
    # Neighbours share an edge, which both cover by half: a second layer has its edges elsewhere.
    for shift in (0.0, 0.04):
        for x0, y0, x1, y1 in slopes(np.arange(-1.4, 0.8, 0.08) + shift):
            sketch.quad((x0, x1, x1, x0), (-1.0, -1.0, y1, y0), "line")
    for x0, y0, x1, y1 in slopes(np.linspace(-1.4, 0.8, 61)):
        sketch.line(x0, y0, x1, y1, 0.016, "faint")
    goal = world[0]
    foot = 0.55 + 0.45 * math.sin(3 * goal)
    sketch.line(goal, foot, goal, foot + 0.22, 0.018, "slate")
    sketch.quad(
        (goal, goal + 0.13, goal, goal), (foot + 0.13, foot + 0.175, foot + 0.22, foot + 0.22), "green"
    )


VIEW = View(-0.3, 0.62, 0.92)


@dataclass(frozen=True, kw_only=True)
class ValleyOptions(PhysicsOptions):
    """A car in its valley; a step of the engine is one unit of time."""

    integrator: Integrator = "semi-implicit"

    dt: PositiveFloat = 1.0

    reward: Literal["shaped", "sparse"] = "sparse"

    push: PositiveFloat = 0.001
    """Velocity that the full force adds in a step."""

    gravity: PositiveFloat = 0.0025
    """Velocity that the steepest slope adds in a step."""

    def _system(self, kernels: Kernels, goal: float, levels: np.ndarray) -> System:
        return System(
            kernels=kernels,
            start={"x": (-0.6, -0.4), "velocity": (0.0, 0.0)},
            levels=levels,
            seen=((LEFT, RIGHT), FASTEST),
            velocities=(1,),
            caps={"velocity": FASTEST},
            draw=draw,
            scenery=scenery,
            view=VIEW,
            world=np.array([goal]),
            **physical(self, "push", "gravity"),
        )


@dataclass(frozen=True, kw_only=True)
class MountainCarOptions(ValleyOptions):
    """Gymnasium's MountainCar-v0."""

    def build(self) -> System:
        """The system that they describe."""
        return self._system(DISCRETE, 0.5, np.array([[-1.0], [0.0], [1.0]]))


@dataclass(frozen=True, kw_only=True)
class MountainCarContinuousOptions(ValleyOptions):
    """Gymnasium's MountainCarContinuous-v0."""

    push: PositiveFloat = 0.0015
    """Velocity that the full force adds in a step."""

    def build(self) -> System:
        """The system that they describe."""
        return self._system(CONTINUOUS, 0.45, np.zeros((0, 1)))


class MountainCar(ControlEnv):
    """Drive up the right hill: left (0), nothing (1) or right (2)."""

    Options = MountainCarOptions


class MountainCarContinuous(ControlEnv):
    """Drive up the right hill; the action is a share of the full force."""

    Options = MountainCarContinuousOptions


MountainCarVector = vector_of(MountainCar)
MountainCarContinuousVector = vector_of(MountainCarContinuous)
