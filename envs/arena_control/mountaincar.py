"""Mountain car with discrete or continuous actions, as in Gymnasium: a car too weak to drive straight up a hill."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, Kernels, compile_kernels
from arena_control.options import Integrator, PhysicsOptions, PositiveFloat
from arena_control.system import System, physics_arguments
from arena_control.trigonometry import sincos

__all__ = [
    "MountainCar",
    "MountainCarContinuous",
    "MountainCarContinuousOptions",
    "MountainCarContinuousVector",
    "MountainCarOptions",
    "MountainCarVector",
]

#: Left and right end of the valley, and the largest velocity per step.
LEFT, RIGHT, FASTEST = -1.2, 0.6, 0.07


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (x, ẋ), time in steps: ẍ = push · u − gravity · cos 3x (Moore, 1990)."""
    for i in range(state.shape[1]):
        _, slope = sincos(3 * state[0, i])
        rate[0, i] = state[1, i]
        rate[1, i] = force[0, i] * parameters[0, i] + slope * (-parameters[1, i])


@njit(cache=True, forceinline=True)
def height(x):  # type: ignore[no-untyped-def]
    """Height of the hill as it is drawn, from 0.1 to 1."""
    sine, _ = sincos(3 * x)
    return 0.55 + 0.45 * sine


@njit(cache=True, forceinline=True)
def at_the_top(state, i, goal):  # type: ignore[no-untyped-def]
    """Keep a car in the valley, stopped by its left wall; returns whether it has reached the goal."""
    state[0, i] = min(max(state[0, i], LEFT), RIGHT)
    if state[0, i] == LEFT and state[1, i] < 0:
        state[1, i] = 0.0
    return state[0, i] >= goal and state[1, i] >= 0.0


@njit(cache=True)
def evaluate_discrete(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward −1 a step; if shaped, plus ten times the height gained."""
    for i in range(state.shape[1]):
        terminated[i] = at_the_top(state, i, constants[0])
        reward[i] = -1.0
        if not sparse:
            reward[i] += 10.0 * (height(state[0, i]) - height(before[0, i]))


@njit(cache=True)
def evaluate_continuous(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward 100 at the goal, minus 0.1 u² a step; if shaped, plus ten times the height gained."""
    for i in range(state.shape[1]):
        terminated[i] = at_the_top(state, i, constants[0])
        reward[i] = (100.0 if terminated[i] else 0.0) - force[0, i] ** 2 * 0.1
        if not sparse:
            reward[i] += 10.0 * (height(state[0, i]) - height(before[0, i]))


@njit(cache=True)
def observe(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (x, ẋ)."""
    for i in range(state.shape[1]):
        observation[i, 0] = state[0, i]
        observation[i, 1] = state[1, i]


DISCRETE = compile_kernels(
    "MountainCar", __file__, derivative=derivative, evaluate=evaluate_discrete, observe=observe
)
CONTINUOUS = compile_kernels(
    "MountainCarContinuous", __file__, derivative=derivative, evaluate=evaluate_continuous, observe=observe
)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the car, parallel to the slope."""
    x = state[0]
    y, slope = 0.55 + 0.45 * np.sin(3 * x), 1.35 * np.cos(3 * x)
    along = np.array([np.ones_like(slope), slope]) / np.hypot(1, slope)
    up = np.array([-along[1], along[0]])
    corners = [0.085 * a * along + b * up for a, b in ((-1, 0.05), (1, 0.05), (0.6, 0.125), (-0.7, 0.125))]
    drawing.quad([x + corner[0] for corner in corners], [y + corner[1] for corner in corners], "blue")
    for side in (-0.05, 0.05):
        middle = side * along + 0.042 * up
        drawing.disc(x + middle[0], y + middle[1], 0.032, "abyss")


def slopes(xs: Floats) -> Floats:
    """Straight segments of the hill: x and y of both ends of each."""
    ys = 0.55 + 0.45 * np.sin(3 * xs)
    return np.column_stack([xs[:-1], ys[:-1], xs[1:], ys[1:]])


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the hill and the flag."""
    # Neighbours share an edge, which both cover by half: a second layer has its edges elsewhere.
    for shift in (0.0, 0.04):
        for x0, y0, x1, y1 in slopes(np.arange(-1.4, 0.8, 0.08) + shift):
            drawing.quad((x0, x1, x1, x0), (-1.0, -1.0, y1, y0), "line")
    for x0, y0, x1, y1 in slopes(np.linspace(-1.4, 0.8, 61)):
        drawing.line(x0, y0, x1, y1, 0.016, "faint")
    goal = constants[0]
    foot = 0.55 + 0.45 * math.sin(3 * goal)
    drawing.line(goal, foot, goal, foot + 0.22, 0.018, "slate")
    drawing.quad(
        (goal, goal + 0.13, goal, goal), (foot + 0.13, foot + 0.175, foot + 0.22, foot + 0.22), "green"
    )


VIEW = Viewport(-0.3, 0.62, 0.92)


@dataclass(frozen=True, kw_only=True)
class ValleyOptions(PhysicsOptions):
    """Options of both mountain cars; a physics step is one unit of time."""

    integrator: Integrator = "semi-implicit"

    dt: PositiveFloat = 1.0

    reward_type: Literal["shaped", "sparse"] = "sparse"

    push: PositiveFloat = 0.001
    """Full force of the motor, as the velocity that it adds in a step."""

    gravity: PositiveFloat = 0.0025
    """Gravity, as the velocity that the steepest slope adds in a step; varied by `randomize`."""

    def _system(self, kernels: Kernels, goal: float, levels: Floats) -> System:
        return System(
            kernels=kernels,
            initial_state={"x": (-0.6, -0.4), "velocity": (0.0, 0.0)},
            action_levels=levels,
            observation_bounds=((LEFT, RIGHT), FASTEST),
            velocity_columns=(1,),
            state_limits={"velocity": FASTEST},
            draw=draw,
            draw_background=draw_background,
            viewport=VIEW,
            constants=np.array([goal]),
            **physics_arguments(self, "push", "gravity"),
        )


@dataclass(frozen=True, kw_only=True)
class MountainCarOptions(ValleyOptions):
    """Options with discrete actions; their defaults give Gymnasium's MountainCar-v0."""

    def build(self) -> System:
        """System described by these options."""
        return self._system(DISCRETE, 0.5, np.array([[-1.0], [0.0], [1.0]]))


@dataclass(frozen=True, kw_only=True)
class MountainCarContinuousOptions(ValleyOptions):
    """Options with continuous actions; their defaults give Gymnasium's MountainCarContinuous-v0."""

    push: PositiveFloat = 0.0015

    def build(self) -> System:
        """System described by these options."""
        return self._system(CONTINUOUS, 0.45, np.zeros((0, 1)))


class MountainCar(ControlEnv):
    """Drive a weak car up the right hill; actions push left (0), not at all (1) or right (2)."""

    Options = MountainCarOptions


class MountainCarContinuous(ControlEnv):
    """Drive a weak car up the right hill; the action is a fraction of the full force, in [−1, 1]."""

    Options = MountainCarContinuousOptions


MountainCarVector = make_vector_class(MountainCar)
MountainCarContinuousVector = make_vector_class(MountainCarContinuous)
