"""Stable-Baselines3's algorithms as agents; what other packages may use of it.

The names are loaded on first use: this package is imported for its light `arena_sb3.plugin` too.
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
