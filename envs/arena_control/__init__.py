"""Control environments: Gymnasium's classics and more on one compiled engine, observed as states or images.

Importing this package registers its environments with Gymnasium; its classes are imported on first use.

Example:
    >>> import gymnasium, arena_control
    >>> env = gymnasium.make("arena/LQR-v0", process_noise=0.0)
    >>> round(env.unwrapped.optimum(100), 2)
    -5.97
"""

from __future__ import annotations

import gymnasium as gym

from arena.plugins.lazy_exports import lazy_exports
from arena_control_plugin import ENVIRONMENTS

_LAZY: dict[str, list[str]] = {
    ".base": ["ControlEnv", "ControlVectorEnv"],
    ".drawing": ["Drawing", "Rasterizer"],
    ".riccati": ["LQRProblem", "LQRSolution", "policy_value", "riccati"],
    ".system": ["System"],
}

for _spec in ENVIRONMENTS:
    _entry = _spec.target.removesuffix("Options")
    _module, _, _name = _entry.partition(":")
    _LAZY.setdefault(_module, []).extend((_name, f"{_name}Options", f"{_name}Vector"))
    gym.register(
        id=_spec.name,
        entry_point=_entry,
        vector_entry_point=f"{_entry}Vector",
        max_episode_steps=_spec.horizon,
    )

__all__ = sorted(name for names in _LAZY.values() for name in names)

__getattr__, __dir__ = lazy_exports(__name__, _LAZY)
