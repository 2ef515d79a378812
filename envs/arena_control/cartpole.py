"""Cart-pole: balancing a pole on a cart, as in Gymnasium, and swinging it up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import GravityOptions, Integrator, PositiveFloat
from arena_control.system import UNBOUNDED, PhysicsArguments, System, physics_arguments
from arena_control.trigonometry import sincos

__all__ = [
    "CartPole",
    "CartPoleOptions",
    "CartPoleSwingUp",
    "CartPoleSwingUpOptions",
    "CartPoleSwingUpVector",
    "CartPoleVector",
]

#: Half the length of the track, in metres, and the angle at which the pole has fallen, in radians.
TRACK, FALLEN = 2.4, 12 * 2 * math.pi / 360


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (x, θ, ẋ, θ̇), θ from upright, without friction: Florian (2007), equations 23 and 24."""
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
def evaluate_balance(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward 1 a step; if sparse, −1 for the fall alone."""
    for i in range(state.shape[1]):
        over = (abs(state[0, i]) > TRACK) | (abs(state[1, i]) > FALLEN)
        terminated[i] = over
        reward[i] = (-1.0 if over else 0.0) if sparse else 1.0


@njit(cache=True)
def observe_balance(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (x, ẋ, θ, θ̇), in Gymnasium's order."""
    for i in range(state.shape[1]):
        observation[i, 0] = state[0, i]
        observation[i, 1] = state[2, i]
        observation[i, 2] = state[1, i]
        observation[i, 3] = state[3, i]


@njit(cache=True)
def evaluate_swing(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward from 0 to 1 for an upright pole and a central cart; if sparse, 1 while the pole stands.

    The episode ends, with reward 0, where the cart leaves the track.
    """
    for i in range(state.shape[1]):
        _, cosine = sincos(state[1, i])
        off = state[0, i] / TRACK
        upright = 0.5 * (1.0 + cosine) * (1.0 - 0.25 * off * off) * (1.0 - 0.05 * force[0, i] ** 2)
        reward[i] = (1.0 if cosine > 0.95 else 0.0) if sparse else upright
        terminated[i] = abs(off) > 1.0
        if terminated[i]:
            reward[i] = 0.0


@njit(cache=True)
def observe_swing(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (x, ẋ, cos θ, sin θ, θ̇)."""
    for i in range(state.shape[1]):
        sine, cosine = sincos(state[1, i])
        observation[i, 0] = state[0, i]
        observation[i, 1] = state[2, i]
        observation[i, 2] = cosine
        observation[i, 3] = sine
        observation[i, 4] = state[3, i]


BALANCE = compile_kernels(
    "CartPole", __file__, derivative=derivative, evaluate=evaluate_balance, observe=observe_balance
)
SWING = compile_kernels(
    "CartPoleSwingUp", __file__, derivative=derivative, evaluate=evaluate_swing, observe=observe_swing
)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the cart and its pole."""
    x, angle = state[0], state[1]
    length = 2 * parameters[2]
    drawing.box(x - 0.32, -0.18, x + 0.32, 0.14, "slate")
    for side in (-0.19, 0.19):
        drawing.disc(x + side, -0.2, 0.09, "abyss")
    drawing.line(x, 0.0, x + length * np.sin(angle), length * np.cos(angle), 0.13, "orange")
    drawing.disc(x, 0.0, 0.07, "paper")


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the track and its ends."""
    drawing.line(-TRACK - 0.1, -0.3, TRACK + 0.1, -0.3, 0.05, "faint")
    for end in (-TRACK, TRACK):
        drawing.line(end, -0.42, end, -0.18, 0.06, "faint")


VIEW = Viewport(0.0, 0.1, 2.75)


@dataclass(frozen=True, kw_only=True)
class CartOptions(GravityOptions):
    """Options of both cart-pole environments."""

    dt: PositiveFloat = 0.02

    cart_mass: PositiveFloat = 1.0
    """Mass of the cart, in kilograms."""

    pole_mass: PositiveFloat = 0.1
    """Mass of the pole, in kilograms."""

    half_length: PositiveFloat = 0.5
    """Half the length of the pole, from its hinge to its middle, in metres."""

    push: PositiveFloat = 10.0
    """Full force on the cart, in newtons."""

    gravity: PositiveFloat = 9.8

    def _physics(self) -> PhysicsArguments:
        return physics_arguments(self, "cart_mass", "pole_mass", "half_length", "push", fixed=["gravity"])


@dataclass(frozen=True, kw_only=True)
class CartPoleOptions(CartOptions):
    """Options of balancing; their defaults give Gymnasium's CartPole-v1."""

    integrator: Integrator = "euler"

    def build(self) -> System:
        """System described by these options."""
        return System(
            kernels=BALANCE,
            initial_state=dict.fromkeys(("x", "angle", "velocity", "angular_velocity"), (-0.05, 0.05)),
            action_levels=np.array([[-1.0], [1.0]]),
            observation_bounds=(2 * TRACK, UNBOUNDED, 2 * FALLEN, UNBOUNDED),
            velocity_columns=(1, 3),
            draw=draw,
            draw_background=draw_background,
            viewport=VIEW,
            **self._physics(),
        )


@dataclass(frozen=True, kw_only=True)
class CartPoleSwingUpOptions(CartOptions):
    """Options of the swing-up."""

    def build(self) -> System:
        """System described by these options."""
        return System(
            kernels=SWING,
            initial_state={
                "x": (-0.1, 0.1),
                "angle": (math.pi - 0.1, math.pi + 0.1),
                "velocity": (-0.1, 0.1),
                "angular_velocity": (-0.1, 0.1),
            },
            observation_bounds=(2 * TRACK, UNBOUNDED, 1.0, 1.0, UNBOUNDED),
            velocity_columns=(1, 4),
            draw=draw,
            draw_background=draw_background,
            viewport=VIEW,
            **self._physics(),
        )


class CartPole(ControlEnv):
    """Balance a pole on a cart by pushing it left (0) or right (1)."""

    Options = CartPoleOptions


class CartPoleSwingUp(ControlEnv):
    """Swing a pole up from below its cart and balance it; the action is a fraction of the full force, in [−1, 1]."""

    Options = CartPoleSwingUpOptions


CartPoleVector = make_vector_class(CartPole)
CartPoleSwingUpVector = make_vector_class(CartPoleSwingUp)
