r"""Gridworlds with exact tables: one engine, maps drawn in characters, single and native vector environments.

Importing this package registers its environments with Gymnasium; what it exports is imported on first use.

Example:
    >>> import gymnasium, arena_gridworld
    >>> env = gymnasium.make("arena/Grid-v0", map="S..\n.#G", slip=0.1)
    >>> env.unwrapped.grid.goals
    array([5])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import gymnasium as gym

if TYPE_CHECKING:
    from arena_gridworld.engine import Rules, build_model
    from arena_gridworld.environments import (
        CliffWalk,
        CliffWalkOptions,
        CliffWalkVector,
        Grid,
        GridOptions,
        GridVector,
    )
    from arena_gridworld.maps import GridMap, load_map, parse_map
    from arena_gridworld.tiles import TILES, Tile

__all__ = [
    "TILES",
    "CliffWalk",
    "CliffWalkOptions",
    "CliffWalkVector",
    "Grid",
    "GridMap",
    "GridOptions",
    "GridVector",
    "Rules",
    "Tile",
    "build_model",
    "load_map",
    "parse_map",
]

_MODULES = {
    "engine": ("Rules", "build_model"),
    "environments": ("CliffWalk", "CliffWalkOptions", "CliffWalkVector", "Grid", "GridOptions", "GridVector"),
    "maps": ("GridMap", "load_map", "parse_map"),
    "tiles": ("TILES", "Tile"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

gym.register(
    id="arena/Grid-v0",
    entry_point="arena_gridworld.environments:Grid",
    vector_entry_point="arena_gridworld.environments:GridVector",
    max_episode_steps=1000,
)
gym.register(
    id="arena/CliffWalk-v0",
    entry_point="arena_gridworld.environments:CliffWalk",
    vector_entry_point="arena_gridworld.environments:CliffWalkVector",
)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
