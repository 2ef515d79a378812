"""What an environment says of itself: numbers, compiled functions and shapes, from which the base makes both kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena_control.engine import EULER, INTEGRATORS, Kernels
from arena_control.options import PhysicsOptions
from arena_control.sketch import Sketch, View

__all__ = ["ANY", "BOX", "System", "physical"]

Floats = npt.NDArray[np.float64]

#: The bound of what has none: Gymnasium's checker wants a finite one.
ANY = float(np.finfo(np.float32).max)

#: Levels of real-valued actions: there are none.
BOX: Floats = np.zeros((0, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class System:
    """A controlled system.

    Attributes:
        kernels: its compiled functions.
        start: each component of the state: its name, and the interval that it begins in.
        parameters: what each episode draws: a name and an interval.
        width: how many numbers a real-valued action has.
        levels: what each discrete action does, shape (actions, width); empty for actions in [−1, 1].
        clipped: whether real-valued actions are clipped to [−1, 1].
        seen: the largest magnitudes of what is observed, or intervals.
        velocities: the columns of the observation that ``no-velocity`` leaves out.
        draw: sketches lanes: called with (sketch, state, parameters, world).
        scenery: sketches what never moves: called with (sketch, world).
        view: which part of the plane a frame shows.
        method: the integrator.
        dt: seconds of a physics step.
        caps: largest magnitudes of components of the state, by name.
        process: standard deviation of the noise on each component of the state.
        world: what all lanes share.
    """

    kernels: Kernels
    start: Mapping[str, tuple[float, float]]
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    width: int = 1
    levels: Floats = field(default_factory=lambda: BOX)
    clipped: bool = True
    seen: Sequence[float | tuple[float, float]]
    velocities: Sequence[int] = ()
    draw: Callable[[Sketch, Floats, Floats, Floats], None]
    scenery: Callable[[Sketch, Floats], None] = lambda sketch, world: None
    view: View
    method: int = EULER
    dt: float = 1.0
    caps: Mapping[str, float] = field(default_factory=dict)
    process: Sequence[float] = ()
    world: Floats = field(default_factory=lambda: np.zeros(1))

    @property
    def action_space(self) -> gym.Space[Any]:
        """Of one environment."""
        if len(self.levels):
            return gym.spaces.Discrete(len(self.levels))
        return gym.spaces.Box(-1.0, 1.0, (self.width,), np.float32)

    @property
    def bounds(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The least and the greatest observation."""
        pairs = [pair if isinstance(pair, tuple) else (-pair, pair) for pair in self.seen]
        low, high = np.array(pairs, dtype=np.float32).T.copy()
        return low, high


def physical(
    options: PhysicsOptions, *varied: str, fixed: Sequence[str] = (), **task: tuple[float, float]
) -> dict[str, Any]:
    """The arguments of `System` that come from options: integrator, step and parameters.

    Args:
        options: the environment's.
        varied: options that are parameters, and that `randomise` varies; in the order that the kernels read them.
        fixed: options that are parameters and are never varied; they come after the varied ones.
        task: what else an episode draws, and from which interval; last.
    """
    share = options.randomise
    values = {name: getattr(options, name) for name in (*varied, *fixed)}
    intervals = {name: (values[name] * (1 - share), values[name] * (1 + share)) for name in varied}
    intervals |= {name: (values[name], values[name]) for name in fixed}
    return {
        "method": INTEGRATORS[options.integrator],
        "dt": options.dt,
        "parameters": {**intervals, **task},
    }
