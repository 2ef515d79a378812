"""Acrobot: two links in the plane with a motor at the joint between them, as in Gymnasium."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import GravityOptions, NonNegative, PositiveFloat
from arena_control.system import System, physics_arguments
from arena_control.trigonometry import sincos

__all__ = ["Acrobot", "AcrobotOptions", "AcrobotVector"]

#: Largest angular velocities of shoulder and elbow, in radians per second.
FASTEST = (4 * math.pi, 9 * math.pi)


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (θ₁, θ₂, θ̇₁, θ̇₂), θ₁ from hanging, θ₂ from link 1: Sutton & Barto (1998), section 11.3."""
    for i in range(state.shape[1]):
        m1, m2, l1, l2 = parameters[0, i], parameters[1, i], parameters[2, i], parameters[3, i]
        moment, torque, gravity = parameters[4, i], parameters[5, i] * force[0, i], parameters[6, i]
        c1, c2 = 0.5 * l1, 0.5 * l2
        omega1, omega2 = state[2, i], state[3, i]
        sine2, cosine2 = sincos(state[1, i])
        # cos(θ − π/2) = sin θ
        sine1, _ = sincos(state[0, i])
        sine12, _ = sincos(state[0, i] + state[1, i])
        d1 = m1 * c1**2 + m2 * (l1**2 + c2**2 + 2 * l1 * c2 * cosine2) + moment + moment
        d2 = m2 * (c2**2 + l1 * c2 * cosine2) + moment
        phi2 = m2 * c2 * gravity * sine12
        phi1 = (
            -m2 * l1 * c2 * omega2**2 * sine2
            - 2 * m2 * l1 * c2 * omega2 * omega1 * sine2
            + (m1 * c1 + m2 * l1) * gravity * sine1
            + phi2
        )
        elbow = (torque + d2 / d1 * phi1 - m2 * l1 * c2 * omega1**2 * sine2 - phi2) / (
            m2 * c2**2 + moment - d2**2 / d1
        )
        rate[0, i] = omega1
        rate[1, i] = omega2
        rate[2, i] = -(d2 * elbow + phi1) / d1
        rate[3, i] = elbow


@njit(cache=True, forceinline=True)
def height(angle1, angle2):  # type: ignore[no-untyped-def]
    """Height of the tip above the shoulder, in link lengths: −2 to 2."""
    _, cosine1 = sincos(angle1)
    _, cosine12 = sincos(angle1 + angle2)
    return -cosine1 - cosine12


@njit(cache=True)
def evaluate(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward −1 a step until the tip is one link above the shoulder; if shaped, plus the rise of the tip."""
    for i in range(state.shape[1]):
        for j in range(2):
            while state[j, i] > math.pi:
                state[j, i] -= 2 * math.pi
            while state[j, i] < -math.pi:
                state[j, i] += 2 * math.pi
        tip = height(state[0, i], state[1, i])
        terminated[i] = tip > 1.0
        reward[i] = 0.0 if terminated[i] else -1.0
        if not sparse:
            reward[i] += tip - height(before[0, i], before[1, i])


@njit(cache=True)
def observe(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂)."""
    for i in range(state.shape[1]):
        for j in range(2):
            sine, cosine = sincos(state[j, i])
            observation[i, 2 * j] = cosine
            observation[i, 2 * j + 1] = sine
            observation[i, 4 + j] = state[2 + j, i]


KERNELS = compile_kernels("Acrobot", __file__, derivative=derivative, evaluate=evaluate, observe=observe)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the two links and their joints."""
    x1, y1 = parameters[2] * np.sin(state[0]), -parameters[2] * np.cos(state[0])
    angle = state[0] + state[1]
    x2, y2 = x1 + parameters[3] * np.sin(angle), y1 - parameters[3] * np.cos(angle)
    drawing.line(0.0, 0.0, x1, y1, 0.22, "blue")
    drawing.line(x1, y1, x2, y2, 0.18, "sky")
    for x, y in ((0.0, 0.0), (x1, y1)):
        drawing.disc(x, y, 0.06, "white")


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the height to be reached, and the support."""
    drawing.line(-2.2, 1.0, 2.2, 1.0, 0.04, "green")
    drawing.line(-0.35, 0.0, 0.35, 0.0, 0.06, "faint")


@dataclass(frozen=True, kw_only=True)
class AcrobotOptions(GravityOptions):
    """Options of the acrobot; their defaults give Gymnasium's Acrobot-v1."""

    dt: PositiveFloat = 0.2

    reward_type: Literal["shaped", "sparse"] = "sparse"

    mass_1: PositiveFloat = 1.0
    """Mass of the first link, in kilograms, centered in its middle."""

    mass_2: PositiveFloat = 1.0
    """Mass of the second link, in kilograms, centered in its middle."""

    length_1: PositiveFloat = 1.0
    """Length of the first link, in metres."""

    length_2: PositiveFloat = 1.0
    """Length of the second link, in metres."""

    inertia: PositiveFloat = 1.0
    """Moment of inertia of each link about its middle, in kilogram square metres."""

    torque: PositiveFloat = 1.0
    """Full torque of the motor, in newton metres."""

    gravity: NonNegative = 9.8

    def build(self) -> System:
        """System described by these options."""
        start = dict.fromkeys(("angle_1", "angle_2", "velocity_1", "velocity_2"), (-0.1, 0.1))
        varied = ("mass_1", "mass_2", "length_1", "length_2", "inertia", "torque")
        return System(
            kernels=KERNELS,
            initial_state=start,
            action_levels=np.array([[-1.0], [0.0], [1.0]]),
            observation_bounds=(1.0, 1.0, 1.0, 1.0, *FASTEST),
            velocity_columns=(4, 5),
            state_limits={"velocity_1": FASTEST[0], "velocity_2": FASTEST[1]},
            draw=draw,
            draw_background=draw_background,
            viewport=Viewport(0.0, 0.0, 1.15 * (self.length_1 + self.length_2)),
            **physics_arguments(self, *varied, fixed=["gravity"]),
        )


class Acrobot(ControlEnv):
    """Swing the tip of two links above a line; actions are a torque at the elbow of −1 (0), none (1) or 1 (2)."""

    Options = AcrobotOptions


AcrobotVector = make_vector_class(Acrobot)
