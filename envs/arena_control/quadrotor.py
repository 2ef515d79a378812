"""Planar quadrotor: fly two rotors to a point and hover there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import GravityOptions, NonNegative, PositiveFloat
from arena_control.system import UNBOUNDED, System, physics_arguments
from arena_control.trigonometry import sincos

__all__ = ["Quadrotor", "QuadrotorOptions", "QuadrotorVector"]

#: Half the side of the room, in metres.
ROOM = 3.0


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (x, z, θ, ẋ, ż, θ̇), θ counter-clockwise: Tedrake (2024), section 3.3.1.

    Source: Tedrake, *Underactuated Robotics* (2024).
    """
    for i in range(state.shape[1]):
        mass, arm, moment = parameters[0, i], parameters[1, i], parameters[2, i]
        thrust, drag, gravity = parameters[3, i], parameters[4, i], parameters[5, i]
        left, right = 0.5 * (1.0 + force[0, i]) * thrust, 0.5 * (1.0 + force[1, i]) * thrust
        sine, cosine = sincos(state[2, i])
        for j in range(3):
            rate[j, i] = state[3 + j, i]
        rate[3, i] = (-(left + right) * sine - drag * state[3, i]) / mass
        rate[4, i] = ((left + right) * cosine - drag * state[4, i]) / mass - gravity
        rate[5, i] = (right - left) * arm / moment


@njit(cache=True, error_model="numpy")
def evaluate(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward ½ (1 + cos θ) / (1 + d²); if sparse, 1 within 0.2 m and 0.2 rad/s.

    The episode ends, with reward 0, where the quadrotor leaves the room.
    """
    for i in range(state.shape[1]):
        x, z = state[0, i], state[1, i]
        _, cosine = sincos(state[2, i])
        away = x * x + z * z
        terminated[i] = (abs(x) > ROOM) | (abs(z) > ROOM)
        there = (away < 0.04) & (abs(state[5, i]) < 0.2)
        reward[i] = (1.0 if there else 0.0) if sparse else 0.5 * (1.0 + cosine) / (1.0 + away)
        if terminated[i]:
            reward[i] = 0.0


@njit(cache=True)
def observe(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (x, z, cos θ, sin θ, ẋ, ż, θ̇)."""
    for i in range(state.shape[1]):
        sine, cosine = sincos(state[2, i])
        observation[i, 0] = state[0, i]
        observation[i, 1] = state[1, i]
        observation[i, 2] = cosine
        observation[i, 3] = sine
        for j in range(3):
            observation[i, 4 + j] = state[3 + j, i]


KERNELS = compile_kernels("Quadrotor", __file__, derivative=derivative, evaluate=evaluate, observe=observe)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the frame and its two rotors, at twice their width."""
    x, z, angle = state[0], state[1], state[2]
    along = np.array([np.cos(angle), np.sin(angle)]) * 2 * parameters[1]
    up = np.array([-np.sin(angle), np.cos(angle)])
    drawing.line(x - along[0], z - along[1], x + along[0], z + along[1], 0.14, "slate")
    for side in (-1, 1):
        hub = x + side * along[0], z + side * along[1]
        top = hub[0] + 0.22 * up[0], hub[1] + 0.22 * up[1]
        blade = 0.55 * along
        drawing.line(*hub, *top, 0.07, "slate")
        drawing.line(top[0] - blade[0], top[1] - blade[1], top[0] + blade[0], top[1] + blade[1], 0.08, "sky")
    drawing.disc(x, z, 0.16, "blue")


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the target point and the room."""
    drawing.ring(0.0, 0.0, 0.3, 0.06, "green")
    for side in (-ROOM, ROOM):
        drawing.line(side, -ROOM, side, ROOM, 0.06, "line")
        drawing.line(-ROOM, side, ROOM, side, 0.06, "line")


@dataclass(frozen=True, kw_only=True)
class QuadrotorOptions(GravityOptions):
    """Options of the planar quadrotor; with their defaults it hovers at action 0."""

    dt: PositiveFloat = 0.02

    mass: PositiveFloat = 0.5
    """Mass of the quadrotor, in kilograms."""

    arm_length: PositiveFloat = 0.2
    """Distance from the middle to each rotor, in metres."""

    inertia: PositiveFloat = 0.01
    """Moment of inertia of the quadrotor about its middle, in kilogram square metres."""

    thrust: PositiveFloat = 4.905
    """Full thrust of each rotor, in newtons, at action 1; action −1 gives no thrust."""

    drag: NonNegative = 0.05
    """Coefficient of linear air drag, in newton seconds per metre."""

    def build(self) -> System:
        """System described by these options."""
        near, slow = (-1.5, 1.5), (-0.5, 0.5)
        return System(
            kernels=KERNELS,
            initial_state={
                "x": near,
                "z": near,
                "angle": slow,
                "velocity_x": slow,
                "velocity_z": slow,
                "angular_velocity": slow,
            },
            action_size=2,
            observation_bounds=(2 * ROOM, 2 * ROOM, 1.0, 1.0, UNBOUNDED, UNBOUNDED, UNBOUNDED),
            velocity_columns=(4, 5, 6),
            draw=draw,
            draw_background=draw_background,
            viewport=Viewport(0.0, 0.0, 1.06 * ROOM),
            **physics_arguments(self, "mass", "arm_length", "inertia", "thrust", "drag", fixed=["gravity"]),
        )


class Quadrotor(ControlEnv):
    """Fly two rotors to a point and hover there; action 1 is the full thrust of a rotor, action −1 none."""

    Options = QuadrotorOptions


QuadrotorVector = make_vector_class(Quadrotor)
