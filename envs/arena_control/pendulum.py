"""Gymnasium's pendulum: swing it up with too weak a motor, and hold it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, vector_of
from arena_control.engine import compiled
from arena_control.options import Integrator, NotNegative, PhysicsOptions, PositiveFloat
from arena_control.sketch import Sketch, View
from arena_control.system import System, physical
from arena_control.trigonometry import sincos, wrapped

__all__ = ["Pendulum", "PendulumOptions", "PendulumVector"]

#: Largest angular velocity, in radians per second.
FASTEST = 8.0


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """A rod on a motor, its state (θ, θ̇), θ from upright: θ̈ = 3g/2l sin θ + 3/ml² u."""
    for i in range(state.shape[1]):
        mass, length, torque = parameters[0, i], parameters[1, i], parameters[2, i] * force[0, i]
        gravity = parameters[3, i]
        sine, _ = sincos(state[0, i])
        rate[0, i] = state[1, i]
        rate[1, i] = 3 * gravity / (2 * length) * sine + 3.0 / (mass * (length * length)) * torque


@njit(cache=True)
def judge(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """−(θ² + 0.1 θ̇² + 0.001 u²) before the step; sparse, 1 within 0.2 rad and 1 rad/s of upright rest after it."""
    for i in range(state.shape[1]):
        terminated[i] = False
        if sparse:
            near = (abs(wrapped(state[0, i])) < 0.2) & (abs(state[1, i]) < 1.0)
            reward[i] = 1.0 if near else 0.0
        else:
            angle, omega, torque = wrapped(before[0, i]), before[1, i], parameters[2, i] * force[0, i]
            reward[i] = -(angle * angle + 0.1 * (omega * omega) + 0.001 * (torque * torque))


@njit(cache=True)
def observe(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(cos θ, sin θ, θ̇)."""
    for i in range(state.shape[1]):
        sine, cosine = sincos(state[0, i])
        seen[i, 0] = cosine
        seen[i, 1] = sine
        seen[i, 2] = state[1, i]


KERNELS = compiled("Pendulum", __file__, derivative=derivative, judge=judge, observe=observe)


def draw(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """The rod, its bob and its hinge."""
    x, y = parameters[1] * np.sin(state[0]), parameters[1] * np.cos(state[0])
    sketch.line(0.0, 0.0, x, y, 0.16, "blue")
    sketch.disc(x, y, 0.16, "blue")
    sketch.disc(0.0, 0.0, 0.06, "white")


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """Where the bob is to be."""
    sketch.ring(0.0, 0.0, 1.0, 0.02, "line")
    sketch.ring(0.0, 1.0, 0.24, 0.04, "green")


@dataclass(frozen=True, kw_only=True)
class PendulumOptions(PhysicsOptions):
    """Gymnasium's Pendulum-v1, with actions of −1 to 1 for −2 to 2 N·m."""

    integrator: Integrator = "semi-implicit"

    mass: PositiveFloat = 1.0
    """Kilograms of the rod."""

    length: PositiveFloat = 1.0
    """Metres of the rod."""

    torque: PositiveFloat = 2.0
    """Newton metres of the full torque."""

    gravity: NotNegative = 10.0
    """Metres per second squared; the same in every episode."""

    def build(self) -> System:
        """The system that they describe."""
        return System(
            kernels=KERNELS,
            start={"angle": (-math.pi, math.pi), "angular_velocity": (-1.0, 1.0)},
            seen=(1.0, 1.0, FASTEST),
            velocities=(2,),
            caps={"angular_velocity": FASTEST},
            draw=draw,
            scenery=scenery,
            view=View(0.0, 0.0, 1.4 * max(self.length, 1.0)),
            **physical(self, "mass", "length", "torque", fixed=["gravity"]),
        )


class Pendulum(ControlEnv):
    """Swing a rod up and hold it; the action is a share of the full torque."""

    Options = PendulumOptions


PendulumVector = vector_of(Pendulum)
