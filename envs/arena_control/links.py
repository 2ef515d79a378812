"""Chains of rods in the plane: the double pendulum, and an arm of any number of links that reaches for a target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numba import njit

from arena.config.options import Between
from arena_control.base import ControlEnv, vector_of
from arena_control.engine import compiled
from arena_control.options import NotNegative, PhysicsOptions, PositiveFloat
from arena_control.sketch import Sketch, View
from arena_control.system import System, physical
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

#: The parameters of every chain, in order; then come two of the task.
MASS, LENGTH, TORQUE, DAMPING, GRAVITY, TASK = range(6)


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """A chain of n equal uniform rods, the state (φ, φ̇): each link's angle in space, 0 hanging down or along −y.

    Lagrange's equations in absolute angles have the mass matrix ``M[i, j] = a[i, j] cos(φᵢ − φⱼ)``, with
    ``a[i, j] = m l² (n − max(i, j) − ½)`` off the diagonal and ``m l² (n − i − ⅔)`` on it (rods of moment ml²/12):

        Σⱼ a[i, j] (cos(φᵢ − φⱼ) φ̈ⱼ + sin(φᵢ − φⱼ) φ̇ⱼ²) + m g l (n − i − ½) sin φᵢ = τᵢ − τᵢ₊₁

    for i, j from 0; the torque of joint i acts on link i and back on link i − 1. Solved by Cholesky's method.
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
    """The torque of a joint: the motor's, less viscous friction."""
    turning = state[n + i, lane] - (state[n + i - 1, lane] if i > 0 else 0.0)
    return parameters[TORQUE, lane] * force[i, lane] - parameters[DAMPING, lane] * turning


@njit(cache=True, error_model="numpy")
def solve(matrix, vector):  # type: ignore[no-untyped-def]
    """``vector`` becomes the solution of a positive definite system; ``matrix`` is overwritten."""
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
def judge_upright(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """The tip's height from 0 to 1, less 0.01 |u|²; sparse, 1 with the tip within 5 % of the top."""
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
def observe_upright(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(cos φ, sin φ, φ̇), each of all links."""
    n = len(state) // 2
    for lane in range(state.shape[1]):
        for i in range(n):
            sine, cosine = sincos(state[i, lane])
            seen[lane, i] = cosine
            seen[lane, n + i] = sine
            seen[lane, 2 * n + i] = state[n + i, lane]


@njit(cache=True)
def tip_to_target(state, parameters, lane):  # type: ignore[no-untyped-def]
    """The way from the tip to the target, in metres."""
    sine, cosine = sincos(parameters[TASK + 1, lane])
    reach = parameters[TASK, lane] * parameters[LENGTH, lane] * (len(state) // 2)
    x, y = reach * sine, -reach * cosine
    for i in range(len(state) // 2):
        sine, cosine = sincos(state[i, lane])
        x -= parameters[LENGTH, lane] * sine
        y += parameters[LENGTH, lane] * cosine
    return x, y


@njit(cache=True)
def judge_reach(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """−(distance + 0.01 |u|²) after the step; sparse, 1 within 5 % of the arm's length."""
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
def observe_reach(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(cos q, sin q, q̇), each of all joints, and the way from the tip to the target."""
    n = len(state) // 2
    for lane in range(state.shape[1]):
        for i in range(n):
            sine, cosine = sincos(state[i, lane] - (state[i - 1, lane] if i > 0 else 0.0))
            seen[lane, i] = cosine
            seen[lane, n + i] = sine
            seen[lane, 2 * n + i] = state[n + i, lane] - (state[n + i - 1, lane] if i > 0 else 0.0)
        x, y = tip_to_target(state, parameters, lane)
        seen[lane, 3 * n] = x
        seen[lane, 3 * n + 1] = y


UPRIGHT = compiled(
    "DoublePendulum", __file__, derivative=derivative, judge=judge_upright, observe=observe_upright
)
REACH = compiled("Reacher", __file__, derivative=derivative, judge=judge_reach, observe=observe_reach)


def chain(
    sketch: Sketch, state: np.ndarray, length: np.ndarray, colours: tuple[str, ...], width: float
) -> None:
    """The links from the base on, each thinner than the last, and their joints."""
    n = len(state) // 2
    x, y = np.zeros_like(length), np.zeros_like(length)
    joints = []
    for i in range(n):
        joints.append((x, y))
        x0, y0, x, y = x, y, x + length * np.sin(state[i]), y - length * np.cos(state[i])
        sketch.line(x0, y0, x, y, width * (1 - 0.4 * i / n), colours[i % len(colours)])
    for place in joints:
        sketch.disc(*place, 0.25 * width, "white")


def draw_upright(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """Two rods."""
    chain(sketch, state, parameters[LENGTH], ("orange", "yellow"), 0.2 * parameters[LENGTH].mean())


def draw_reach(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """The target and the arm."""
    arm = parameters[LENGTH] * (len(state) // 2)
    reach, angle = parameters[TASK] * arm, parameters[TASK + 1]
    sketch.disc(reach * np.sin(angle), -reach * np.cos(angle), 0.09 * arm, "green")
    sketch.disc(reach * np.sin(angle), -reach * np.cos(angle), 0.05 * arm, "paper")
    chain(sketch, state, parameters[LENGTH], ("blue", "sky"), 0.1 * arm.mean())


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """How far the chain reaches."""
    sketch.ring(0.0, 0.0, world[0], 0.02 * world[0], "line")


@dataclass(frozen=True, kw_only=True)
class ChainOptions(PhysicsOptions):
    """Equal uniform rods with a motor at every joint."""

    mass: PositiveFloat = 1.0
    """Kilograms of a rod."""

    length: PositiveFloat = 1.0
    """Metres of a rod."""

    torque: PositiveFloat = 5.0
    """Newton metres of every motor's full torque."""

    damping: NotNegative = 0.0
    """Viscous friction of a joint, in newton metre seconds."""

    gravity: NotNegative = 9.81
    """Metres per second squared; the same in every episode."""

    def _chain(self, n: int, angles: tuple[float, float], **task: tuple[float, float]) -> dict[str, Any]:
        start = {f"angle_{i}": angles for i in range(1, n + 1)}
        speeds = [f"velocity_{i}" for i in range(1, n + 1)]
        return {
            "start": start | dict.fromkeys(speeds, (-0.1, 0.1)),
            "caps": dict.fromkeys(speeds, FASTEST),
            "width": n,
            "velocities": range(2 * n, 3 * n),
            "world": np.array([n * self.length]),
            "view": View(0.0, 0.0, 1.15 * n * self.length),
            "scenery": scenery,
            **physical(self, "mass", "length", "torque", "damping", fixed=["gravity"], **task),
        }


@dataclass(frozen=True, kw_only=True)
class DoublePendulumOptions(ChainOptions):
    """The double pendulum, driven at both joints."""

    dt: PositiveFloat = 0.02

    def build(self) -> System:
        """The system that they describe."""
        return System(
            kernels=UPRIGHT,
            seen=(1.0, 1.0, 1.0, 1.0, FASTEST, FASTEST),
            draw=draw_upright,
            **self._chain(2, (-0.1, 0.1)),
        )


@dataclass(frozen=True, kw_only=True)
class ReacherOptions(ChainOptions):
    """An arm on a table."""

    links: Annotated[int, Between(1, 12)] = 2
    """How many links the arm has."""

    dt: PositiveFloat = 0.02

    length: PositiveFloat = 0.5
    """Metres of a rod."""

    torque: PositiveFloat = 1.0
    """Newton metres of every motor's full torque."""

    damping: NotNegative = 0.1
    """Viscous friction of a joint, in newton metre seconds."""

    gravity: NotNegative = 0.0
    """Metres per second squared along −y; 0 on a table. The same in every episode."""

    def build(self) -> System:
        """The system that they describe."""
        n, circle = self.links, (-math.pi, math.pi)
        # Lengths vary by `randomise`, on both sides of the subtraction.
        away = 2.0 * n * self.length * (1 + self.randomise)
        return System(
            kernels=REACH,
            seen=(*[1.0] * (2 * n), *[2 * FASTEST] * n, away, away),
            draw=draw_reach,
            **self._chain(n, circle, target_distance=(0.3, 0.9), target_angle=circle),
        )


class DoublePendulum(ControlEnv):
    """Swing two rods up and hold them; the actions are shares of the two motors' full torques."""

    Options = DoublePendulumOptions


class Reacher(ControlEnv):
    """Bring the tip of an arm to a target and keep it there; the actions are shares of the motors' full torques."""

    Options = ReacherOptions


DoublePendulumVector = vector_of(DoublePendulum)
ReacherVector = vector_of(Reacher)
