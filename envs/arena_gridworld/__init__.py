r"""Gridworlds and classic finite MDPs with exact transition models and native vector environments.

Importing this package registers its environments with Gymnasium; its classes are imported on first use.

Example:
    >>> import gymnasium, arena_gridworld
    >>> env = gymnasium.make("arena/Grid-v0", map="S..\n.#G", slip=0.1)
    >>> env.unwrapped.grid.goals
    array([5])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gymnasium as gym

from arena.plugins.lazy_exports import lazy_exports
from arena_gridworld_plugin import ENVIRONMENTS

if TYPE_CHECKING:
    from arena_gridworld.base import GridEnv, GridVectorEnv, MdpEnv, MdpVectorEnv
    from arena_gridworld.car_rental import JacksCarRental, JacksCarRentalOptions, JacksCarRentalVector
    from arena_gridworld.chains import (
        GamblersProblem,
        GamblersProblemOptions,
        GamblersProblemVector,
        RandomWalk,
        RandomWalkOptions,
        RandomWalkVector,
    )
    from arena_gridworld.dyna_maze import DynaMaze, DynaMazeOptions, DynaMazeVector
    from arena_gridworld.engine import (
        KINGS_MOVES,
        KINGS_MOVES_AND_STAY,
        MOVES,
        Rules,
        build_model,
        build_world,
    )
    from arena_gridworld.environments import (
        CliffWalk,
        CliffWalkOptions,
        CliffWalkVector,
        FrozenLake,
        FrozenLakeOptions,
        FrozenLakeVector,
        Grid,
        GridOptions,
        GridVector,
        WindyGrid,
        WindyGridOptions,
        WindyGridVector,
    )
    from arena_gridworld.garnet import Garnet, GarnetOptions, GarnetVector
    from arena_gridworld.maps import GridMap, load_map, parse_map
    from arena_gridworld.mazes import Maze, MazeOptions, MazeVector, maze
    from arena_gridworld.observation.styles import PALETTE
    from arena_gridworld.rooms import (
        FourRooms,
        FourRoomsOptions,
        FourRoomsVector,
        KeyDoor,
        KeyDoorOptions,
        KeyDoorVector,
    )
    from arena_gridworld.schedule import ScheduledTableVectorEnv
    from arena_gridworld.textbook import (
        BookGrid,
        BookGridOptions,
        BookGridVector,
        GridWorld,
        GridWorldOptions,
        GridWorldVector,
    )
    from arena_gridworld.tiles import TILES, Tile
    from arena_gridworld.world import World

__all__ = [
    "KINGS_MOVES",
    "KINGS_MOVES_AND_STAY",
    "MOVES",
    "PALETTE",
    "TILES",
    "BookGrid",
    "BookGridOptions",
    "BookGridVector",
    "CliffWalk",
    "CliffWalkOptions",
    "CliffWalkVector",
    "DynaMaze",
    "DynaMazeOptions",
    "DynaMazeVector",
    "FourRooms",
    "FourRoomsOptions",
    "FourRoomsVector",
    "FrozenLake",
    "FrozenLakeOptions",
    "FrozenLakeVector",
    "GamblersProblem",
    "GamblersProblemOptions",
    "GamblersProblemVector",
    "Garnet",
    "GarnetOptions",
    "GarnetVector",
    "Grid",
    "GridEnv",
    "GridMap",
    "GridOptions",
    "GridVector",
    "GridVectorEnv",
    "GridWorld",
    "GridWorldOptions",
    "GridWorldVector",
    "JacksCarRental",
    "JacksCarRentalOptions",
    "JacksCarRentalVector",
    "KeyDoor",
    "KeyDoorOptions",
    "KeyDoorVector",
    "Maze",
    "MazeOptions",
    "MazeVector",
    "MdpEnv",
    "MdpVectorEnv",
    "RandomWalk",
    "RandomWalkOptions",
    "RandomWalkVector",
    "Rules",
    "ScheduledTableVectorEnv",
    "Tile",
    "WindyGrid",
    "WindyGridOptions",
    "WindyGridVector",
    "World",
    "build_model",
    "build_world",
    "load_map",
    "maze",
    "parse_map",
]

#: Environments without a time limit.
UNLIMITED = ("arena/CliffWalk-v0", "arena/DynaMaze-v0")

_LAZY: dict[str, list[str]] = {
    ".base": ["GridEnv", "GridVectorEnv", "MdpEnv", "MdpVectorEnv"],
    ".engine": ["KINGS_MOVES", "KINGS_MOVES_AND_STAY", "MOVES", "Rules", "build_model", "build_world"],
    ".maps": ["GridMap", "load_map", "parse_map"],
    ".mazes": ["maze"],
    ".observation.styles": ["PALETTE"],
    ".schedule": ["ScheduledTableVectorEnv"],
    ".tiles": ["TILES", "Tile"],
    ".world": ["World"],
}

for _spec in ENVIRONMENTS:
    _entry = _spec.target.removesuffix("Options")
    _module, _, _name = _entry.partition(":")
    _LAZY.setdefault(_module, []).extend((_name, f"{_name}Options", f"{_name}Vector"))
    gym.register(
        id=_spec.name,
        entry_point=_entry,
        vector_entry_point=f"{_entry}Vector",
        max_episode_steps=None if _spec.name in UNLIMITED else _spec.horizon,
    )

__getattr__, __dir__ = lazy_exports(__name__, _LAZY)
