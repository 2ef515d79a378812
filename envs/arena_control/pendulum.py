"""Pendulum: swing a rod up with a weak motor and hold it upright, as in Gymnasium."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import GravityOptions, Integrator, NonNegative, PositiveFloat
from arena_control.system import System, physics_arguments
from arena_control.trigonometry import sincos, wrapped

__all__ = ["Pendulum", "PendulumOptions", "PendulumVector"]

#: Largest angular velocity, in radians per second.
FASTEST = 8.0


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (θ, θ̇), θ from upright: θ̈ = 3g/2l sin θ + 3/ml² u."""
    for i in range(state.shape[1]):
        mass, length, torque = parameters[0, i], parameters[1, i], parameters[2, i] * force[0, i]
        gravity = parameters[3, i]
        sine, _ = sincos(state[0, i])
        rate[0, i] = state[1, i]
        rate[1, i] = 3 * gravity / (2 * length) * sine + 3.0 / (mass * (length * length)) * torque


@njit(cache=True)
def evaluate(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward −(θ² + 0.1 θ̇² + 0.001 u²) before the step; if sparse, 1 within 0.2 rad and 1 rad/s of upright after it."""
    for i in range(state.shape[1]):
        terminated[i] = False
        if sparse:
            near = (abs(wrapped(state[0, i])) < 0.2) & (abs(state[1, i]) < 1.0)
            reward[i] = 1.0 if near else 0.0
        else:
            angle, omega, torque = wrapped(before[0, i]), before[1, i], parameters[2, i] * force[0, i]
            reward[i] = -(angle * angle + 0.1 * (omega * omega) + 0.001 * (torque * torque))


@njit(cache=True)
def observe(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (cos θ, sin θ, θ̇)."""
    for i in range(state.shape[1]):
        sine, cosine = sincos(state[0, i])
        observation[i, 0] = cosine
        observation[i, 1] = sine
        observation[i, 2] = state[1, i]


KERNELS = compile_kernels("Pendulum", __file__, derivative=derivative, evaluate=evaluate, observe=observe)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the rod, its bob and its hinge."""
    x, y = parameters[1] * np.sin(state[0]), parameters[1] * np.cos(state[0])
    drawing.line(0.0, 0.0, x, y, 0.16, "blue")
    drawing.disc(x, y, 0.16, "blue")
    drawing.disc(0.0, 0.0, 0.06, "white")


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the target of the bob."""
    drawing.ring(0.0, 0.0, 1.0, 0.02, "line")
    drawing.ring(0.0, 1.0, 0.24, 0.04, "green")


@dataclass(frozen=True, kw_only=True)
class PendulumOptions(GravityOptions):
    """Options of the pendulum; their defaults give Gymnasium's Pendulum-v1, with actions in [−1, 1] for ±2 N·m."""

    integrator: Integrator = "semi-implicit"

    mass: PositiveFloat = 1.0
    """Mass of the rod, in kilograms."""

    length: PositiveFloat = 1.0
    """Length of the rod, in metres."""

    torque: PositiveFloat = 2.0
    """Full torque of the motor, in newton metres."""

    gravity: NonNegative = 10.0

    def build(self) -> System:
        """System described by these options."""
        return System(
            kernels=KERNELS,
            initial_state={"angle": (-math.pi, math.pi), "angular_velocity": (-1.0, 1.0)},
            observation_bounds=(1.0, 1.0, FASTEST),
            velocity_columns=(2,),
            state_limits={"angular_velocity": FASTEST},
            draw=draw,
            draw_background=draw_background,
            viewport=Viewport(0.0, 0.0, 1.4 * max(self.length, 1.0)),
            **physics_arguments(self, "mass", "length", "torque", fixed=["gravity"]),
        )


class Pendulum(ControlEnv):
    """Swing a rod up and hold it; the action is a fraction of the full torque, in [−1, 1]."""

    Options = PendulumOptions


PendulumVector = make_vector_class(Pendulum)
