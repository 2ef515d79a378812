"""The algorithms of Stable-Baselines3 and sb3-contrib as agents.

Public names are imported on first use, so that importing the light `arena_sb3.plugin` loads neither library.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["StableBaselines", "StreamVecEnv"]

_HOMES = {
    "StableBaselines": "arena_sb3.agent",
    "StreamVecEnv": "arena_sb3.stream_env",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
