"""Options that the environments share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from arena.config.options import Between, Positive

__all__ = ["ControlOptions", "Integrator", "NotNegative", "PhysicsOptions", "PositiveFloat"]

PositiveFloat = Annotated[float, Positive]
NotNegative = Annotated[float, Between(0, None)]
Integrator = Literal["euler", "semi-implicit", "rk4"]


@dataclass(frozen=True, kw_only=True)
class ControlOptions:
    """What every environment can be asked for."""

    observation: Literal["state", "no-velocity", "pixels"] = "state"
    """What an agent sees: the state, the state without velocities, or an RGB frame."""

    size: Annotated[int, Between(16, 84)] = 64
    """Pixels that a frame of the observation is wide and high."""

    observation_noise: NotNegative = 0.0
    """Standard deviation of Gaussian noise on every number that is observed, in its own unit; none on pixels."""

    action_noise: NotNegative = 0.0
    """Standard deviation of Gaussian noise on every action, in units of the full force, before it is clipped."""

    action_repeat: Annotated[int, Between(1, 1000)] = 1
    """Physics steps for which an action is held; their rewards add up."""

    max_steps: Annotated[int, Between(1, None)] | None = None
    """Steps after which an episode is truncated, where the limit that the id has does not come first."""

    labels: tuple[Literal["state"], ...] = ()
    """What `info` tells beside the observation: the numbers of the observation `state`, without noise (state)."""


@dataclass(frozen=True, kw_only=True)
class PhysicsOptions(ControlOptions):
    """What every environment that obeys differential equations can be asked for."""

    randomise: Annotated[float, Between(0, 0.9)] = 0.0
    """Each episode draws every mass, length and strength uniformly within this share around its value."""

    integrator: Integrator = "rk4"
    """How the equations of motion are integrated: explicit Euler, semi-implicit Euler, or Runge and Kutta's fourth
    order."""

    dt: PositiveFloat = 0.05
    """Seconds of a physics step."""

    reward: Literal["shaped", "sparse"] = "shaped"
    """Whether every step is rewarded by how good its state is, or the goal alone."""
