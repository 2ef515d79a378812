"""Evaluation presets of environments, and short constructors of learners' presets.

The presets were chosen by experiment. Comments beside them give the mean over five seeds of the greedy policy's
exact value within the horizon, and the best that any policy can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.plugins.specs import Preset

__all__ = ["exponential", "learner", "linear", "visits", "with_evaluation"]

#: CliffWalking has no limit of its own.
EVALUATION = {
    "*": Preset(),
    "arena/CliffWalk-v0": Preset(horizon=200),
    "CliffWalking-v1": Preset(horizon=200),
    "arena/DynaMaze-v0": Preset(env={"maze": "dyna"}),
    "FrozenLake-v1": Preset(episodes=100),
    "FrozenLake8x8-v1": Preset(episodes=100),
    "Taxi-v4": Preset(episodes=100),
    "Blackjack-v1": Preset(episodes=500),
}


def learner(steps: int, *, num_envs: int | None = None, **options: object) -> Preset:
    """A learner's preset: five seeds, and these options."""
    return Preset(steps=steps, seeds=5, num_envs=num_envs, options=options)


def linear(name: str, start: float, final: float, steps: int) -> dict[str, Any]:
    """Options of the number called `name` that changes linearly from `start` to `final`."""
    return {
        name: start,
        f"{name}_schedule": "linear",
        f"{name}_final": final,
        f"{name}_steps": steps,
    }


def exponential(name: str, start: float, final: float, steps: int) -> dict[str, Any]:
    """Options of the number called `name` that changes exponentially from `start` to `final`."""
    return {**linear(name, start, final, steps), f"{name}_schedule": "exponential"}


def visits(name: str, start: float, power: float) -> dict[str, Any]:
    """Options of the number called `name` that is start / visits^power."""
    return {name: start, f"{name}_schedule": "visits", f"{name}_power": power}


def with_evaluation(presets: Mapping[str, Preset]) -> dict[str, Preset]:
    """Presets with how their environments are evaluated, and every other environment's evaluation."""
    names = dict.fromkeys([*EVALUATION, *presets])
    return {env: EVALUATION.get(env, Preset()).updated(presets.get(env, Preset())) for env in names}
