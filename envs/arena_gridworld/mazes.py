"""Random mazes: every perfect maze of a size is equally likely, and every maze can be solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from numba import njit

from arena.config.options import Between
from arena.random.counter_based import below, fold, mix, uniform
from arena_gridworld.base import GridEnv, make_vector_class
from arena_gridworld.engine import Rules, build_world
from arena_gridworld.maps import GridMap
from arena_gridworld.options import NavigationOptions, Seed
from arena_gridworld.tiles import CODES
from arena_gridworld.world import World

__all__ = ["Maze", "MazeOptions", "MazeVector", "maze"]

Side = Annotated[int, Between(1, 2000)]


@dataclass(frozen=True, kw_only=True)
class MazeOptions(NavigationOptions):
    """Options of a random maze."""

    height: Side = 8
    """Number of rows of rooms n; the map has 2n + 1 rows, with the walls."""

    width: Side = 8
    """Number of columns of rooms n; the map has 2n + 1 columns, with the walls."""

    seed: Seed = 0
    """Seed from which the maze is drawn."""

    loops: Annotated[float, Between(0, 1)] = 0.0
    """Fraction of the inner walls that are opened, in [0, 1]; 0 leaves exactly one way between two rooms."""

    def build(self) -> World:
        """Build the maze, with the start in the upper left corner and the goal in the lower right."""
        rules = Rules(slip=self.slip, step_reward=self.step_reward, goal_reward=self.goal_reward)
        return build_world(maze(self.height, self.width, self.seed, self.loops), rules)


class Maze(GridEnv):
    """Random maze, to be crossed from the upper left corner to the lower right.

    The states are the cells of a map of ``2 · height + 1`` rows and ``2 · width + 1`` columns, walls included.

    Source: Wilson, "Generating random spanning trees more quickly than the cover time", STOC 1996.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `MazeOptions`, by name.
    """

    Options = MazeOptions


MazeVector = make_vector_class(Maze)


def maze(height: int, width: int, seed: int, loops: float = 0.0) -> GridMap:
    """Draw a uniform perfect maze, then open some of its walls.

    Args:
        height: number of rows of rooms.
        width: number of columns of rooms; a maze of one room gets a second room, so that the goal is not the start.
        seed: seed from which the maze is drawn.
        loops: fraction of the remaining walls between two rooms that are opened, rounded down.

    Returns:
        A map of ``2 · height + 1`` rows and ``2 · width + 1`` columns; rooms are at odd rows and columns.
    """
    if height * width == 1:
        width = 2
    key = np.uint64(mix(np.uint64(seed)))
    east, south = np.zeros((2, height, width), dtype=np.bool_)
    _spanning_tree(np.uint64(fold(key, 0)), east, south)
    if loops:
        _open(np.uint64(fold(key, 1)), loops, east, south)
    cells = np.full((2 * height + 1, 2 * width + 1), CODES["wall"], dtype=np.uint8)
    cells[1::2, 1::2] = CODES["floor"]
    cells[1::2, 2:-1:2][east[:, :-1]] = CODES["floor"]
    cells[2:-1:2, 1::2][south[:-1]] = CODES["floor"]
    cells[1, 1], cells[-2, -2] = CODES["start"], CODES["goal"]
    return GridMap(cells, "the maze")


def _open(key: np.uint64, loops: float, east: npt.NDArray[np.bool_], south: npt.NDArray[np.bool_]) -> None:
    """Open a fraction of the walls between rooms, in place."""
    inner = np.zeros((2, *east.shape), dtype=np.bool_)
    inner[0, :, :-1], inner[1, :-1] = ~east[:, :-1], ~south[:-1]
    walls = np.argwhere(inner)
    chosen = walls[np.argsort(_uniforms(key, len(walls)))[: int(loops * len(walls))]]
    for passage, side in enumerate((east, south)):
        rows, columns = chosen[chosen[:, 0] == passage, 1:].T
        side[rows, columns] = True


@njit(cache=True)
def _uniforms(key, count):  # type: ignore[no-untyped-def]
    drawn = np.empty(count)
    for i in range(count):
        drawn[i] = uniform(fold(key, i))
    return drawn


@njit(cache=True)
def _spanning_tree(key, east, south):  # type: ignore[no-untyped-def]
    """Wilson's algorithm: a random walk from each room to the tree, its loops erased, becomes a branch of it."""
    height, width = east.shape
    rooms, drawn = height * width, 0
    in_tree = np.zeros(rooms, dtype=np.bool_)
    onward = np.zeros(rooms, dtype=np.int64)
    in_tree[0] = True
    for first in range(rooms):
        room = first
        while not in_tree[room]:  # walking over a room again overwrites where it went: the loop is erased
            row, column = room // width, room % width
            while True:
                direction = below(fold(key, drawn), 4)
                drawn += 1
                if direction == 0 and row > 0:
                    step = -width
                elif direction == 1 and column < width - 1:
                    step = 1
                elif direction == 2 and row < height - 1:
                    step = width
                elif direction == 3 and column > 0:
                    step = -1
                else:
                    continue
                break
            onward[room] = room + step
            room = room + step
        room = first
        while not in_tree[room]:
            in_tree[room] = True
            other = onward[room]
            north_west = min(room, other)
            if abs(other - room) == 1 and width > 1:
                east[north_west // width, north_west % width] = True
            else:
                south[north_west // width, north_west % width] = True
            room = other
