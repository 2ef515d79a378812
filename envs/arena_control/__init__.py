"""Control environments: Gymnasium's classics and more on one compiled engine, observed as states or images.

Importing this package registers its environments with Gymnasium; its classes are imported on first use.

Example:
    >>> import gymnasium, arena_control
    >>> env = gymnasium.make("arena/LQR-v0", process_noise=0.0)
    >>> round(env.unwrapped.optimum(100), 2)
    -5.97
"""

from __future__ import annotations

import importlib
from typing import Any

import gymnasium as gym

from arena_control_plugin import ENVIRONMENTS

_HOME = {
    "ControlEnv": "base",
    "ControlVectorEnv": "base",
    "Rasterizer": "drawing",
    "LQRProblem": "riccati",
    "Drawing": "drawing",
    "LQRSolution": "riccati",
    "System": "system",
    "riccati": "riccati",
    "policy_value": "riccati",
}

for _spec in ENVIRONMENTS:
    _entry = _spec.target.removesuffix("Options")
    _module, _, _name = _entry.partition(":")
    _HOME |= dict.fromkeys((_name, f"{_name}Options", f"{_name}Vector"), _module.rpartition(".")[2])
    gym.register(
        id=_spec.name,
        entry_point=_entry,
        vector_entry_point=f"{_entry}Vector",
        max_episode_steps=_spec.horizon,
    )

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
