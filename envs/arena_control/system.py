"""Description of a controlled system: numbers, compiled functions and drawing, from which environments are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena_control.drawing import Drawing, Viewport
from arena_control.engine import EULER, INTEGRATORS, Floats, Kernels
from arena_control.options import PhysicsOptions

__all__ = ["NO_LEVELS", "UNBOUNDED", "System", "physics_arguments"]

#: The bound of an unbounded number: Gymnasium's checker asks for a finite one.
UNBOUNDED = float(np.finfo(np.float32).max)

#: The action levels of a system with real-valued actions.
NO_LEVELS: Floats = np.zeros((0, 1))


def _draw_nothing(drawing: Drawing, constants: Floats) -> None:
    """Draw an empty background."""


@dataclass(frozen=True, kw_only=True, eq=False)
class System:
    """A controlled system.

    Attributes:
        kernels: its compiled functions.
        initial_state: interval of each component of the state at the start of an episode, by name.
        parameters: interval from which each episode draws a parameter, by name.
        action_size: how many numbers a real-valued action has.
        action_levels: force of each discrete action, shape (actions, width); no rows for actions in [−1, 1].
        clip_actions: whether real-valued actions are clipped to [−1, 1].
        observation_bounds: largest magnitude, or interval, of each observed number.
        velocity_columns: columns of the observation that ``no-velocity`` leaves out.
        draw: draws what moves in all lanes: called with (drawing, state, parameters, constants).
        draw_background: draws what never moves: called with (drawing, constants).
        viewport: the part of the plane that an image shows.
        integrator: one of `arena_control.engine.INTEGRATORS`.
        dt: duration of a physics step, in seconds.
        state_limits: largest magnitudes of components of the state, by name.
        process_noise: standard deviation of the noise on each component of the state; empty for none.
        constants: numbers that all lanes share.
    """

    kernels: Kernels
    initial_state: Mapping[str, tuple[float, float]]
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    action_size: int = 1
    action_levels: Floats = field(default_factory=lambda: NO_LEVELS)
    clip_actions: bool = True
    observation_bounds: Sequence[float | tuple[float, float]]
    velocity_columns: Sequence[int] = ()
    draw: Callable[[Drawing, Floats, Floats, Floats], None]
    draw_background: Callable[[Drawing, Floats], None] = _draw_nothing
    viewport: Viewport
    integrator: int = EULER
    dt: float = 1.0
    state_limits: Mapping[str, float] = field(default_factory=dict)
    process_noise: Sequence[float] = ()
    constants: Floats = field(default_factory=lambda: np.zeros(1))

    @property
    def action_space(self) -> gym.spaces.Discrete | gym.spaces.Box:
        """Action space of one environment."""
        if len(self.action_levels):
            return gym.spaces.Discrete(len(self.action_levels))
        return gym.spaces.Box(-1.0, 1.0, (self.action_size,), np.float32)

    @property
    def observation_limits(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Smallest and largest observation."""
        pairs = [pair if isinstance(pair, tuple) else (-pair, pair) for pair in self.observation_bounds]
        low, high = np.array(pairs, dtype=np.float32).T.copy()
        return low, high


class PhysicsArguments(TypedDict):
    """Arguments of `System` that come from the options of an environment."""

    integrator: int
    dt: float
    parameters: dict[str, tuple[float, float]]


def physics_arguments(
    options: PhysicsOptions, *varied: str, fixed: Sequence[str] = (), **task: tuple[float, float]
) -> PhysicsArguments:
    """Arguments of `System` that come from options: integrator, duration of a step, and parameters.

    Args:
        options: options of the environment.
        varied: options that are parameters and are varied by `randomize`, in the order that the kernels read them.
        fixed: options that are parameters and are never varied; they come after the varied ones.
        task: further parameters that an episode draws, such as a goal, with their intervals; they come last.
    """
    share = options.randomize
    values = {name: getattr(options, name) for name in (*varied, *fixed)}
    intervals = {name: (values[name] * (1 - share), values[name] * (1 + share)) for name in varied}
    intervals |= {name: (values[name], values[name]) for name in fixed}
    return {
        "integrator": INTEGRATORS[options.integrator],
        "dt": options.dt,
        "parameters": {**intervals, **task},
    }
