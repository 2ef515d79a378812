"""Options that the control environments share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from arena.config.options import Between, Positive

__all__ = ["ControlOptions", "GravityOptions", "Integrator", "NonNegative", "PhysicsOptions", "PositiveFloat"]

PositiveFloat = Annotated[float, Positive]
NonNegative = Annotated[float, Between(0, None)]
Integrator = Literal["euler", "semi-implicit", "rk4"]


@dataclass(frozen=True, kw_only=True)
class ControlOptions:
    """Options of every control environment."""

    observation: Literal["state", "no-velocity", "pixels"] = "state"
    """Kind of observation: the state, the state without velocities, or an RGB image."""

    image_size: Annotated[int, Between(16, 84)] = 64
    """Width and height of an image observation, in pixels, from 16 to 84."""

    observation_noise: NonNegative = 0.0
    """Standard deviation of the Gaussian noise added to every observed number, in the number's own unit; must be 0
    for images."""

    action_noise: NonNegative = 0.0
    """Standard deviation of the Gaussian noise added to every action before clipping, as a fraction of the full
    force."""

    action_repeat: Annotated[int, Between(1, 1000)] = 1
    """Number of physics steps for which each action is held; their rewards are summed."""

    max_steps: Annotated[int, Between(1, None)] | None = None
    """Time limit: steps after which an episode is truncated, if the limit of the registered environment is not
    shorter; None for no further limit."""

    labels: tuple[Literal["state"], ...] = ()
    """Labels in `info`, for perception: state is the observation `state` without noise."""


@dataclass(frozen=True, kw_only=True)
class PhysicsOptions(ControlOptions):
    """Options of every control environment that is given by differential equations."""

    randomize: Annotated[float, Between(0, 0.9)] = 0.0
    """Relative range of the physics of an episode: every mass, length and strength is drawn uniformly within this
    fraction around its value; 0 for fixed physics."""

    integrator: Integrator = "rk4"
    """Integrator of the equations of motion: explicit Euler, semi-implicit Euler, or fourth-order Runge–Kutta."""

    dt: PositiveFloat = 0.05
    """Duration of a physics step, in seconds."""

    reward_type: Literal["shaped", "sparse"] = "shaped"
    """Kind of reward: shaped rewards grade every state, sparse ones depend on reaching the goal or failing only."""


@dataclass(frozen=True, kw_only=True)
class GravityOptions(PhysicsOptions):
    """Options of every control environment with gravity."""

    gravity: NonNegative = 9.81
    """Gravitational acceleration, in metres per second squared; not varied by `randomize`."""
