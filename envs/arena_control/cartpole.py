"""A pole on a cart: Gymnasium's balancing act, and the swing-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, vector_of
from arena_control.engine import compiled
from arena_control.options import Integrator, PhysicsOptions, PositiveFloat
from arena_control.sketch import Sketch, View
from arena_control.system import ANY, System, physical
from arena_control.trigonometry import sincos

__all__ = [
    "CartPole",
    "CartPoleOptions",
    "CartPoleSwingUp",
    "CartPoleSwingUpOptions",
    "CartPoleSwingUpVector",
    "CartPoleVector",
]

#: Where the track ends, in metres, and where the pole counts as fallen, in radians.
TRACK, FALLEN = 2.4, 12 * 2 * math.pi / 360


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """The cart-pole without friction, its state (x, θ, ẋ, θ̇), θ from upright: Florian (2007), equations 23 and 24."""
    for i in range(state.shape[1]):
        cart, pole, length = parameters[0, i], parameters[1, i], parameters[2, i]
        push, gravity = force[0, i] * parameters[3, i], parameters[4, i]
        omega = state[3, i]
        sine, cosine = sincos(state[1, i])
        total = pole + cart
        moment = pole * length
        common = (push + moment * (omega * omega) * sine) / total
        turning = (gravity * sine - cosine * common) / (
            length * (4.0 / 3.0 - pole * (cosine * cosine) / total)
        )
        rate[0, i] = state[2, i]
        rate[1, i] = omega
        rate[2, i] = common - moment * turning * cosine / total
        rate[3, i] = turning


@njit(cache=True)
def judge_balance(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """1 a step; sparse, −1 for the fall alone."""
    for i in range(state.shape[1]):
        over = (abs(state[0, i]) > TRACK) | (abs(state[1, i]) > FALLEN)
        terminated[i] = over
        reward[i] = (-1.0 if over else 0.0) if sparse else 1.0


@njit(cache=True)
def observe_balance(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(x, ẋ, θ, θ̇), in Gymnasium's order."""
    for i in range(state.shape[1]):
        seen[i, 0] = state[0, i]
        seen[i, 1] = state[2, i]
        seen[i, 2] = state[1, i]
        seen[i, 3] = state[3, i]


@njit(cache=True)
def judge_swing(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """How upright and central it is, from 0 to 1; sparse, whether it stands. Off the track is the end."""
    for i in range(state.shape[1]):
        _, cosine = sincos(state[1, i])
        off = state[0, i] / TRACK
        upright = 0.5 * (1.0 + cosine) * (1.0 - 0.25 * off * off) * (1.0 - 0.05 * force[0, i] ** 2)
        reward[i] = (1.0 if cosine > 0.95 else 0.0) if sparse else upright
        terminated[i] = abs(off) > 1.0
        if terminated[i]:
            reward[i] = 0.0


@njit(cache=True)
def observe_swing(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(x, ẋ, cos θ, sin θ, θ̇)."""
    for i in range(state.shape[1]):
        sine, cosine = sincos(state[1, i])
        seen[i, 0] = state[0, i]
        seen[i, 1] = state[2, i]
        seen[i, 2] = cosine
        seen[i, 3] = sine
        seen[i, 4] = state[3, i]


BALANCE = compiled("CartPole", __file__, derivative=derivative, judge=judge_balance, observe=observe_balance)
SWING = compiled("CartPoleSwingUp", __file__, derivative=derivative, judge=judge_swing, observe=observe_swing)


def draw(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """The cart and its pole."""
    x, angle = state[0], state[1]
    length = 2 * parameters[2]
    sketch.box(x - 0.32, -0.18, x + 0.32, 0.14, "slate")
    for side in (-0.19, 0.19):
        sketch.disc(x + side, -0.2, 0.09, "abyss")
    sketch.line(x, 0.0, x + length * np.sin(angle), length * np.cos(angle), 0.13, "orange")
    sketch.disc(x, 0.0, 0.07, "paper")


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """The track and its ends."""
    sketch.line(-TRACK - 0.1, -0.3, TRACK + 0.1, -0.3, 0.05, "faint")
    for end in (-TRACK, TRACK):
        sketch.line(end, -0.42, end, -0.18, 0.06, "faint")


VIEW = View(0.0, 0.1, 2.75)


@dataclass(frozen=True, kw_only=True)
class CartOptions(PhysicsOptions):
    """A cart and its pole."""

    dt: PositiveFloat = 0.02

    cart_mass: PositiveFloat = 1.0
    """Kilograms of the cart."""

    pole_mass: PositiveFloat = 0.1
    """Kilograms of the pole."""

    half_length: PositiveFloat = 0.5
    """Metres from the hinge to the pole's middle."""

    push: PositiveFloat = 10.0
    """Newtons of the full force."""

    gravity: PositiveFloat = 9.8
    """Metres per second squared; the same in every episode."""

    def _physics(self) -> dict[str, Any]:
        return physical(self, "cart_mass", "pole_mass", "half_length", "push", fixed=["gravity"])


@dataclass(frozen=True, kw_only=True)
class CartPoleOptions(CartOptions):
    """Gymnasium's CartPole-v1."""

    integrator: Integrator = "euler"

    def build(self) -> System:
        """The system that they describe."""
        return System(
            kernels=BALANCE,
            start=dict.fromkeys(("x", "angle", "velocity", "angular_velocity"), (-0.05, 0.05)),
            levels=np.array([[-1.0], [1.0]]),
            seen=(2 * TRACK, ANY, 2 * FALLEN, ANY),
            velocities=(1, 3),
            draw=draw,
            scenery=scenery,
            view=VIEW,
            **self._physics(),
        )


@dataclass(frozen=True, kw_only=True)
class CartPoleSwingUpOptions(CartOptions):
    """The swing-up."""

    def build(self) -> System:
        """The system that they describe."""
        return System(
            kernels=SWING,
            start={
                "x": (-0.1, 0.1),
                "angle": (math.pi - 0.1, math.pi + 0.1),
                "velocity": (-0.1, 0.1),
                "angular_velocity": (-0.1, 0.1),
            },
            seen=(2 * TRACK, ANY, 1.0, 1.0, ANY),
            velocities=(1, 4),
            draw=draw,
            scenery=scenery,
            view=VIEW,
            **self._physics(),
        )


class CartPole(ControlEnv):
    """Balance a pole on a cart by pushing it left (0) or right (1)."""

    Options = CartPoleOptions


class CartPoleSwingUp(ControlEnv):
    """Swing the pole up from below the cart and balance it there; the action is a share of the full force."""

    Options = CartPoleSwingUpOptions


CartPoleVector = vector_of(CartPole)
CartPoleSwingUpVector = vector_of(CartPoleSwingUp)
