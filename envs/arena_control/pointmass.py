"""Point mass: push a puck around round obstacles on a table to a goal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from arena.errors import ArenaError
from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import Integrator, NonNegative, PhysicsOptions, PositiveFloat
from arena_control.system import UNBOUNDED, System, physics_arguments

__all__ = ["PointMass", "PointMassOptions", "PointMassVector"]

#: Half the side of the table, the radius of the puck, and the distance at which the goal is reached, in metres.
TABLE, PUCK, NEAR = 1.0, 0.05, 0.1

#: The range of |x| of start and goal, and the largest |y|, in metres.
SIDE, SPREAD = (0.75, 0.9), 0.85


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Time derivative of (x, y, ẋ, ẏ): Newton's second law with viscous friction."""
    for i in range(state.shape[1]):
        mass, strength, damping = parameters[0, i], parameters[1, i], parameters[2, i]
        for j in range(2):
            rate[j, i] = state[2 + j, i]
            rate[2 + j, i] = (strength * force[j, i] - damping * state[2 + j, i]) / mass


@njit(cache=True, error_model="numpy")
def collide(state, i, constants):  # type: ignore[no-untyped-def]
    """Inelastic collision: move out along the normal and drop the velocity into the wall."""
    for k in range(len(constants) // 3):
        dx, dy = state[0, i] - constants[3 * k], state[1, i] - constants[3 * k + 1]
        away, contact = math.sqrt(dx * dx + dy * dy), constants[3 * k + 2] + PUCK
        if 0.0 < away < contact:
            dx, dy = dx / away, dy / away
            state[0, i] = constants[3 * k] + contact * dx
            state[1, i] = constants[3 * k + 1] + contact * dy
            inwards = min(dx * state[2, i] + dy * state[3, i], 0.0)
            state[2, i] -= inwards * dx
            state[3, i] -= inwards * dy
    edge = TABLE - PUCK
    for j in range(2):
        if abs(state[j, i]) > edge:
            state[j, i] = min(max(state[j, i], -edge), edge)
            if state[j, i] * state[2 + j, i] > 0:
                state[2 + j, i] = 0.0


@njit(cache=True)
def evaluate(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward −(distance + 0.01 |u|²) until the goal is reached, which ends the episode; if sparse, 1 at the goal."""
    for i in range(state.shape[1]):
        collide(state, i, constants)
        dx, dy = parameters[3, i] - state[0, i], parameters[4, i] - state[1, i]
        away = math.sqrt(dx * dx + dy * dy)
        terminated[i] = away < NEAR
        effort = force[0, i] ** 2 + force[1, i] ** 2
        reward[i] = (1.0 if terminated[i] else 0.0) if sparse else -away - 0.01 * effort


@njit(cache=True)
def observe(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation (x, y, ẋ, ẏ), and the vector to the goal."""
    for i in range(state.shape[1]):
        for j in range(4):
            observation[i, j] = state[j, i]
        for j in range(2):
            observation[i, 4 + j] = parameters[3 + j, i] - state[j, i]


KERNELS = compile_kernels("PointMass", __file__, derivative=derivative, evaluate=evaluate, observe=observe)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw the goal and the puck."""
    goal = parameters[3], parameters[4]
    drawing.disc(*goal, NEAR, "green")
    drawing.disc(*goal, 0.055, "paper")
    drawing.disc(state[0], state[1], PUCK + 0.01, "blue")


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the edge of the table and the obstacles."""
    reach = 1.1
    for left, bottom, right, top in (
        (-reach, -reach, -TABLE, reach),
        (TABLE, -reach, reach, reach),
        (-reach, TABLE, reach, reach),
        (-reach, -reach, reach, -TABLE),
    ):
        drawing.box(left, bottom, right, top, "line")
    for x, y, radius in constants.reshape(-1, 3):
        drawing.disc(x, y, radius, "slate")


@dataclass(frozen=True, kw_only=True)
class PointMassOptions(PhysicsOptions):
    """Options of the point mass."""

    integrator: Integrator = "semi-implicit"

    mass: PositiveFloat = 1.0
    """Mass of the puck, in kilograms."""

    force: PositiveFloat = 1.0
    """Full force along each axis, in newtons."""

    damping: NonNegative = 0.5
    """Coefficient of viscous friction, in newton seconds per metre."""

    obstacles: tuple[tuple[float, float, float], ...] = (
        (0.0, 0.45, 0.22),
        (0.05, -0.35, 0.25),
        (-0.4, 0.0, 0.12),
        (0.42, 0.08, 0.1),
    )
    """Round obstacles: x, y and radius of each, in metres; the table reaches from −1 to 1 along both axes."""

    def build(self) -> System:
        """System described by these options."""
        for x, _, radius in self.obstacles:
            if not 0 < radius <= SIDE[0] - NEAR - abs(x):
                raise ArenaError(
                    f"the obstacle at x = {x} with radius {radius} leaves no room for start and goal",
                    f"let |x| + radius be at most {SIDE[0] - NEAR:g} and the radius positive",
                )
        left, across = (-SIDE[1], -SIDE[0]), (-SPREAD, SPREAD)
        still = (0.0, 0.0)
        return System(
            kernels=KERNELS,
            initial_state={"x": left, "y": across, "velocity_x": still, "velocity_y": still},
            action_size=2,
            observation_bounds=(TABLE, TABLE, UNBOUNDED, UNBOUNDED, 2 * TABLE, 2 * TABLE),
            velocity_columns=(2, 3),
            constants=np.array(self.obstacles, dtype=np.float64).ravel(),
            draw=draw,
            draw_background=draw_background,
            viewport=Viewport(0.0, 0.0, 1.06),
            **physics_arguments(self, "mass", "force", "damping", goal_x=SIDE, goal_y=across),
        )


class PointMass(ControlEnv):
    """Push a puck around obstacles to a goal; the two actions are fractions of the full force along x and y."""

    Options = PointMassOptions


PointMassVector = make_vector_class(PointMass)
