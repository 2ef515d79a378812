"""A puck on a table with round obstacles, pushed to a goal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from arena.errors import ArenaError
from arena_control.base import ControlEnv, vector_of
from arena_control.engine import compiled
from arena_control.options import Integrator, NotNegative, PhysicsOptions, PositiveFloat
from arena_control.sketch import Sketch, View
from arena_control.system import ANY, System, physical

__all__ = ["PointMass", "PointMassOptions", "PointMassVector"]

#: Half the table's side, the puck's radius, and how near to the goal its middle must come, in metres.
TABLE, PUCK, NEAR = 1.0, 0.05, 0.1

#: Where the puck begins and where the goal is: |y| up to `SPREAD`, |x| between these.
SIDE, SPREAD = (0.75, 0.9), 0.85


@njit(cache=True, error_model="numpy")
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """Newton's second law with viscous friction, the state (x, y, ẋ, ẏ)."""
    for i in range(state.shape[1]):
        mass, strength, damping = parameters[0, i], parameters[1, i], parameters[2, i]
        for j in range(2):
            rate[j, i] = state[2 + j, i]
            rate[2 + j, i] = (strength * force[j, i] - damping * state[2 + j, i]) / mass


@njit(cache=True, error_model="numpy")
def collide(state, i, world):  # type: ignore[no-untyped-def]
    """Inelastic collisions: out along the normal, and the velocity into the wall is lost."""
    for k in range(len(world) // 3):
        dx, dy = state[0, i] - world[3 * k], state[1, i] - world[3 * k + 1]
        away, contact = math.sqrt(dx * dx + dy * dy), world[3 * k + 2] + PUCK
        if 0.0 < away < contact:
            dx, dy = dx / away, dy / away
            state[0, i] = world[3 * k] + contact * dx
            state[1, i] = world[3 * k + 1] + contact * dy
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
def judge(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """−(distance + 0.01 |u|²) until the goal is reached, which ends the episode; sparse, 1 for that."""
    for i in range(state.shape[1]):
        collide(state, i, world)
        dx, dy = parameters[3, i] - state[0, i], parameters[4, i] - state[1, i]
        away = math.sqrt(dx * dx + dy * dy)
        terminated[i] = away < NEAR
        effort = force[0, i] ** 2 + force[1, i] ** 2
        reward[i] = (1.0 if terminated[i] else 0.0) if sparse else -away - 0.01 * effort


@njit(cache=True)
def observe(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """(x, y, ẋ, ẏ), and the way to the goal."""
    for i in range(state.shape[1]):
        for j in range(4):
            seen[i, j] = state[j, i]
        for j in range(2):
            seen[i, 4 + j] = parameters[3 + j, i] - state[j, i]


KERNELS = compiled("PointMass", __file__, derivative=derivative, judge=judge, observe=observe)


def draw(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """The goal and the puck."""
    goal = parameters[3], parameters[4]
    sketch.disc(*goal, NEAR, "green")
    sketch.disc(*goal, 0.055, "paper")
    sketch.disc(state[0], state[1], PUCK + 0.01, "blue")


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """The table's edge and the obstacles."""
    reach = 1.1
    for left, bottom, right, top in (
        (-reach, -reach, -TABLE, reach),
        (TABLE, -reach, reach, reach),
        (-reach, TABLE, reach, reach),
        (-reach, -reach, reach, -TABLE),
    ):
        sketch.box(left, bottom, right, top, "line")
    for x, y, radius in world.reshape(-1, 3):
        sketch.disc(x, y, radius, "slate")


@dataclass(frozen=True, kw_only=True)
class PointMassOptions(PhysicsOptions):
    """A puck and its obstacles."""

    integrator: Integrator = "semi-implicit"

    mass: PositiveFloat = 1.0
    """Kilograms of the puck."""

    strength: PositiveFloat = 1.0
    """Newtons of the full force along each axis."""

    damping: NotNegative = 0.5
    """Viscous friction, in newton seconds per metre."""

    obstacles: tuple[tuple[float, float, float], ...] = (
        (0.0, 0.45, 0.22),
        (0.05, -0.35, 0.25),
        (-0.4, 0.0, 0.12),
        (0.42, 0.08, 0.1),
    )
    """Circles that stand in the way: x, y and radius of each, in metres, on a table from −1 to 1 both ways."""

    def build(self) -> System:
        """The system that they describe."""
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
            start={"x": left, "y": across, "velocity_x": still, "velocity_y": still},
            width=2,
            seen=(TABLE, TABLE, ANY, ANY, 2 * TABLE, 2 * TABLE),
            velocities=(2, 3),
            world=np.array(self.obstacles, dtype=np.float64).ravel(),
            draw=draw,
            scenery=scenery,
            view=View(0.0, 0.0, 1.06),
            **physical(self, "mass", "strength", "damping", goal_x=SIDE, goal_y=across),
        )


class PointMass(ControlEnv):
    """Push a puck around obstacles to a goal; the actions are shares of the full force along x and y."""

    Options = PointMassOptions


PointMassVector = vector_of(PointMass)
