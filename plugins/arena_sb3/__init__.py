"""The algorithms of Stable-Baselines3 and sb3-contrib as agents.

Public names are imported on first use, so that importing the light `arena_sb3.plugin` loads neither library.
"""

from __future__ import annotations

from arena.plugins.lazy_exports import lazy_exports

__all__ = ["StableBaselines", "StreamVecEnv"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".agent": ["StableBaselines"],
        ".stream_env": ["StreamVecEnv"],
    },
)
