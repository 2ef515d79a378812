"""A planar quadrotor: two rotors, to be flown to a point and held there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, vector_of
from arena_control.engine import compiled
from arena_control.options import NotNegative, PhysicsOptions, PositiveFloat
from arena_control.sketch import Sketch, View
from arena_control.system import ANY, System, physical
from arena_control.trigonometry import sincos

__all__ = ["Quadrotor", "QuadrotorOptions", "QuadrotorVector"]

#: How far it may fly from the point, in metres along each axis.
ROOM = 3.0


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """The state (x, z, θ, ẋ, ż, θ̇), θ counter-clockwise: Tedrake, *Underactuated Robotics* (2024), section 3.3.1."""
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
def judge(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """½ (1 + cos θ) / (1 + d²), 0 where it leaves the room and ends; sparse, 1 within 0.2 m and 0.2 rad/s."""
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
def observe(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(x, z, cos θ, sin θ, ẋ, ż, θ̇)."""
    for i in range(state.shape[1]):
        sine, cosine = sincos(state[2, i])
        seen[i, 0] = state[0, i]
        seen[i, 1] = state[1, i]
        seen[i, 2] = cosine
        seen[i, 3] = sine
        for j in range(3):
            seen[i, 4 + j] = state[3 + j, i]


KERNELS = compiled("Quadrotor", __file__, derivative=derivative, judge=judge, observe=observe)


def draw(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """The frame and its two rotors, twice as wide as they are."""
    x, z, angle = state[0], state[1], state[2]
    along = np.array([np.cos(angle), np.sin(angle)]) * 2 * parameters[1]
    up = np.array([-np.sin(angle), np.cos(angle)])
    sketch.line(x - along[0], z - along[1], x + along[0], z + along[1], 0.14, "slate")
    for side in (-1, 1):
        hub = x + side * along[0], z + side * along[1]
        top = hub[0] + 0.22 * up[0], hub[1] + 0.22 * up[1]
        blade = 0.55 * along
        sketch.line(*hub, *top, 0.07, "slate")
        sketch.line(top[0] - blade[0], top[1] - blade[1], top[0] + blade[0], top[1] + blade[1], 0.08, "sky")
    sketch.disc(x, z, 0.16, "blue")


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """The point, and the room around it."""
    sketch.ring(0.0, 0.0, 0.3, 0.06, "green")
    for side in (-ROOM, ROOM):
        sketch.line(side, -ROOM, side, ROOM, 0.06, "line")
        sketch.line(-ROOM, side, ROOM, side, 0.06, "line")


@dataclass(frozen=True, kw_only=True)
class QuadrotorOptions(PhysicsOptions):
    """A planar quadrotor; it hovers at action 0 as it comes."""

    dt: PositiveFloat = 0.02

    mass: PositiveFloat = 0.5
    """Kilograms."""

    arm: PositiveFloat = 0.2
    """Metres from the middle to a rotor."""

    moment: PositiveFloat = 0.01
    """Moment of inertia, in kilogram square metres."""

    thrust: PositiveFloat = 4.905
    """Newtons of a rotor's full thrust, at action 1; action −1 is none."""

    drag: NotNegative = 0.05
    """Linear drag of the air, in newton seconds per metre."""

    gravity: NotNegative = 9.81
    """Metres per second squared; the same in every episode."""

    def build(self) -> System:
        """The system that they describe."""
        near, slow = (-1.5, 1.5), (-0.5, 0.5)
        return System(
            kernels=KERNELS,
            start={
                "x": near,
                "z": near,
                "angle": slow,
                "velocity_x": slow,
                "velocity_z": slow,
                "angular_velocity": slow,
            },
            width=2,
            seen=(2 * ROOM, 2 * ROOM, 1.0, 1.0, ANY, ANY, ANY),
            velocities=(4, 5, 6),
            draw=draw,
            scenery=scenery,
            view=View(0.0, 0.0, 1.06 * ROOM),
            **physical(self, "mass", "arm", "moment", "thrust", "drag", fixed=["gravity"]),
        )


class Quadrotor(ControlEnv):
    """Fly two rotors to a point and hover there; action 1 is a rotor's full thrust, −1 none."""

    Options = QuadrotorOptions


QuadrotorVector = vector_of(Quadrotor)
