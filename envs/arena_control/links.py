"""Multi-link arms in the plane: the double pendulum, and a reacher with any number of links."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numba import njit

from arena.config.options import Between
from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import GravityOptions, NonNegative, PositiveFloat
from arena_control.system import System, physics_arguments
from arena_control.trigonometry import sincos

__all__ = [
    "DoublePendulum",
    "DoublePendulumOptions",
    "DoublePendulumVector",
    "Reacher",
    "ReacherOptions",
    "ReacherVector",
]

#: Largest angular velocity of a link, in radians per second.
FASTEST = 8 * math.pi

#: Indices of the parameters of every chain; those of the task come last.
MASS, LENGTH, TORQUE, DAMPING, GRAVITY, TASK = range(6)


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (φ, φ̇) of n equal uniform rods: each link's angle in space, 0 hanging down or along −y.

    Lagrange's equations in absolute angles have the mass matrix ``M[i, j] = a[i, j] cos(φᵢ − φⱼ)``, with
    ``a[i, j] = m l² (n − max(i, j) − ½)`` off the diagonal and ``m l² (n − i − ⅔)`` on it (rods of moment ml²/12):

        Σⱼ a[i, j] (cos(φᵢ − φⱼ) φ̈ⱼ + sin(φᵢ − φⱼ) φ̇ⱼ²) + m g l (n − i − ½) sin φᵢ = τᵢ − τᵢ₊₁

    for i, j from 0; the torque of joint i acts on link i and back on link i − 1. Solved by Cholesky's integrator.
    Source: Spong, Hutchinson & Vidyasagar, *Robot Modeling and Control* (2006), chapter 7.
    """
    count, lanes = state.shape
    n = count // 2
    mass_matrix, push = np.empty((n, n)), np.empty(n)
    sine, cosine = np.empty(n), np.empty(n)
    for lane in range(lanes):
        scale = parameters[MASS, lane] * parameters[LENGTH, lane] ** 2
        pull = parameters[MASS, lane] * parameters[GRAVITY, lane] * parameters[LENGTH, lane]
        for i in range(n):
            sine[i], cosine[i] = sincos(state[i, lane])
        for i in range(n):
            push[i] = joint(state, parameters, force, n, i, lane) - pull * (n - i - 0.5) * sine[i]
            if i + 1 < n:
                push[i] -= joint(state, parameters, force, n, i + 1, lane)
            mass_matrix[i, i] = scale * (n - i - 2.0 / 3.0)
            for j in range(n):
                if j != i:
                    a = scale * (n - max(i, j) - 0.5)
                    mass_matrix[i, j] = a * (cosine[i] * cosine[j] + sine[i] * sine[j])
                    push[i] -= a * (sine[i] * cosine[j] - cosine[i] * sine[j]) * state[n + j, lane] ** 2
        solve(mass_matrix, push)
        for i in range(n):
            rate[i, lane] = state[n + i, lane]
            rate[n + i, lane] = push[i]


@njit(cache=True, forceinline=True)
def joint(state, parameters, force, n, i, lane):  # type: ignore[no-untyped-def]
    """Torque of a joint: that of the motor, minus viscous friction."""
    turning = state[n + i, lane] - (state[n + i - 1, lane] if i > 0 else 0.0)
    return parameters[TORQUE, lane] * force[i, lane] - parameters[DAMPING, lane] * turning


@njit(cache=True, error_model="numpy")
def solve(matrix, vector):  # type: ignore[no-untyped-def]
    """Solve a positive definite linear system by Cholesky's method, in place: ``vector`` becomes the solution."""
    n = len(vector)
    for j in range(n):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] ** 2
        matrix[j, j] = math.sqrt(matrix[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for i in range(n):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]


@njit(cache=True)
def evaluate_upright(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward: height of the tip from 0 to 1, minus 0.01 |u|²; if sparse, 1 with the tip within 5 % of the top."""
    n = len(state) // 2
    for lane in range(state.shape[1]):
        up, effort = 0.0, 0.0
        for i in range(n):
            _, cosine = sincos(state[i, lane])
            up += 0.5 * (1.0 - cosine) / n
            effort += force[i, lane] ** 2
        terminated[lane] = False
        reward[lane] = (1.0 if up > 0.95 else 0.0) if sparse else up - 0.01 * effort


@njit(cache=True)
def observe_upright(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (cos φ, sin φ, φ̇), each of all links."""
    n = len(state) // 2
    for lane in range(state.shape[1]):
        for i in range(n):
            sine, cosine = sincos(state[i, lane])
            observation[lane, i] = cosine
            observation[lane, n + i] = sine
            observation[lane, 2 * n + i] = state[n + i, lane]


@njit(cache=True)
def tip_to_target(state, parameters, lane):  # type: ignore[no-untyped-def]
    """Vector from the tip to the target, in metres."""
    sine, cosine = sincos(parameters[TASK + 1, lane])
    reach = parameters[TASK, lane] * parameters[LENGTH, lane] * (len(state) // 2)
    x, y = reach * sine, -reach * cosine
    for i in range(len(state) // 2):
        sine, cosine = sincos(state[i, lane])
        x -= parameters[LENGTH, lane] * sine
        y += parameters[LENGTH, lane] * cosine
    return x, y


@njit(cache=True)
def evaluate_reach(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward −(distance + 0.01 |u|²) after the step; if sparse, 1 within 5 % of the arm's length."""
    n = len(state) // 2
    for lane in range(state.shape[1]):
        x, y = tip_to_target(state, parameters, lane)
        away, effort = math.sqrt(x * x + y * y), 0.0
        for i in range(n):
            effort += force[i, lane] ** 2
        terminated[lane] = False
        near = away < 0.05 * n * parameters[LENGTH, lane]
        reward[lane] = (1.0 if near else 0.0) if sparse else -away - 0.01 * effort


@njit(cache=True)
def observe_reach(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (cos q, sin q, q̇), each of all joints, and the vector from the tip to the target."""
    n = len(state) // 2
    for lane in range(state.shape[1]):
        for i in range(n):
            sine, cosine = sincos(state[i, lane] - (state[i - 1, lane] if i > 0 else 0.0))
            observation[lane, i] = cosine
            observation[lane, n + i] = sine
            observation[lane, 2 * n + i] = state[n + i, lane] - (state[n + i - 1, lane] if i > 0 else 0.0)
        x, y = tip_to_target(state, parameters, lane)
        observation[lane, 3 * n] = x
        observation[lane, 3 * n + 1] = y


UPRIGHT = compile_kernels(
    "DoublePendulum", __file__, derivative=derivative, evaluate=evaluate_upright, observe=observe_upright
)
REACH = compile_kernels(
    "Reacher", __file__, derivative=derivative, evaluate=evaluate_reach, observe=observe_reach
)


def draw_chain(
    drawing: Drawing, state: Floats, length: Floats, colours: tuple[str, ...], width: float
) -> None:
    """Draw the links, each thinner than the one before, and their joints."""
    n = len(state) // 2
    x, y = np.zeros_like(length), np.zeros_like(length)
    joints = []
    for i in range(n):
        joints.append((x, y))
        x0, y0, x, y = x, y, x + length * np.sin(state[i]), y - length * np.cos(state[i])
        drawing.line(x0, y0, x, y, width * (1 - 0.4 * i / n), colours[i % len(colours)])
    for place in joints:
        drawing.disc(*place, 0.25 * width, "white")


def draw_upright(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the two rods."""
    draw_chain(drawing, state, parameters[LENGTH], ("orange", "yellow"), 0.2 * parameters[LENGTH].mean())


def draw_reach(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the target and the arm."""
    arm = parameters[LENGTH] * (len(state) // 2)
    reach, angle = parameters[TASK] * arm, parameters[TASK + 1]
    drawing.disc(reach * np.sin(angle), -reach * np.cos(angle), 0.09 * arm, "green")
    drawing.disc(reach * np.sin(angle), -reach * np.cos(angle), 0.05 * arm, "paper")
    draw_chain(drawing, state, parameters[LENGTH], ("blue", "sky"), 0.1 * arm.mean())


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the circle that the arm can reach."""
    drawing.ring(0.0, 0.0, constants[0], 0.02 * constants[0], "line")


@dataclass(frozen=True, kw_only=True)
class ChainOptions(GravityOptions):
    """Options of equal uniform rods with a motor at every joint."""

    mass: PositiveFloat = 1.0
    """Mass of each rod, in kilograms."""

    length: PositiveFloat = 1.0
    """Length of each rod, in metres."""

    torque: PositiveFloat = 5.0
    """Full torque of each motor, in newton metres."""

    damping: NonNegative = 0.0
    """Coefficient of viscous friction of each joint, in newton metre seconds."""

    def _chain(self, n: int, angles: tuple[float, float], **task: tuple[float, float]) -> dict[str, Any]:
        start = {f"angle_{i}": angles for i in range(1, n + 1)}
        speeds = [f"velocity_{i}" for i in range(1, n + 1)]
        return {
            "initial_state": start | dict.fromkeys(speeds, (-0.1, 0.1)),
            "state_limits": dict.fromkeys(speeds, FASTEST),
            "action_size": n,
            "velocity_columns": range(2 * n, 3 * n),
            "constants": np.array([n * self.length]),
            "viewport": Viewport(0.0, 0.0, 1.15 * n * self.length),
            "draw_background": draw_background,
            **physics_arguments(self, "mass", "length", "torque", "damping", fixed=["gravity"], **task),
        }


@dataclass(frozen=True, kw_only=True)
class DoublePendulumOptions(ChainOptions):
    """Options of the double pendulum."""

    dt: PositiveFloat = 0.02

    def build(self) -> System:
        """System described by these options."""
        return System(
            kernels=UPRIGHT,
            observation_bounds=(1.0, 1.0, 1.0, 1.0, FASTEST, FASTEST),
            draw=draw_upright,
            **self._chain(2, (-0.1, 0.1)),
        )


@dataclass(frozen=True, kw_only=True)
class ReacherOptions(ChainOptions):
    """Options of the reacher."""

    links: Annotated[int, Between(1, 12)] = 2
    """Number of links of the arm, from 1 to 12."""

    dt: PositiveFloat = 0.02

    length: PositiveFloat = 0.5

    torque: PositiveFloat = 1.0

    damping: NonNegative = 0.1

    gravity: NonNegative = 0.0
    """Gravitational acceleration along −y, in metres per second squared; 0 for an arm on a table."""

    def build(self) -> System:
        """System described by these options."""
        n, circle = self.links, (-math.pi, math.pi)
        # Lengths vary by `randomize`, on both sides of the subtraction.
        away = 2.0 * n * self.length * (1 + self.randomize)
        return System(
            kernels=REACH,
            observation_bounds=(*[1.0] * (2 * n), *[2 * FASTEST] * n, away, away),
            draw=draw_reach,
            **self._chain(n, circle, target_distance=(0.3, 0.9), target_angle=circle),
        )


class DoublePendulum(ControlEnv):
    """Swing two rods up and hold them; the two actions are fractions of the motors' full torques, in [−1, 1]."""

    Options = DoublePendulumOptions


class Reacher(ControlEnv):
    """Bring the tip of an arm to a target and hold it there; the actions are fractions of the motors' full torques."""

    Options = ReacherOptions


DoublePendulumVector = make_vector_class(DoublePendulum)
ReacherVector = make_vector_class(Reacher)
