"""Gridworlds of rooms: four rooms with open hallways, and two rooms with a locked door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from arena.config.options import Between
from arena.errors import ArenaError
from arena_gridworld.base import GridEnv, make_vector_class
from arena_gridworld.engine import Rules, build_world
from arena_gridworld.maps import GridMap
from arena_gridworld.options import NavigationOptions, Probability, Reward, Seed
from arena_gridworld.tiles import CODES
from arena_gridworld.world import World

__all__ = ["FourRooms", "FourRoomsOptions", "FourRoomsVector", "KeyDoor", "KeyDoorOptions", "KeyDoorVector"]

FOUR_ROOMS = """\
#############
#.....#.....#
#.....#.....#
#...........#
#.....#.....#
#.....#.....#
##.####.....#
#.....###.###
#.....#.....#
#.....#.....#
#...........#
#.....#.....#
#############"""

Coordinate = Annotated[int, Between(0, 12)]


@dataclass(frozen=True, kw_only=True)
class FourRoomsOptions(NavigationOptions):
    """Options of the four rooms of Sutton, Precup & Singh (1999)."""

    goal: tuple[Coordinate, Coordinate] = (7, 9)
    """Row and column of the goal, counting walls; (7, 9) is the eastern hallway, others are (3, 6), (6, 2), (10, 6)."""

    start: tuple[Coordinate, Coordinate] | None = None
    """Row and column of the start, counting walls; None for any cell but the goal, all equally likely."""

    slip: Probability = 0.0
    """Probability that a move goes in one of the three other directions, a third each; 1/3 in the paper."""

    step_reward: Reward = 0.0

    goal_reward: Reward = 1.0

    def build(self) -> World:
        """Build 13 × 13 cells, walls included.

        Raises:
            ArenaError: the goal or the start is in a wall, or they are equal.
        """
        wall = np.array([[character == "#" for character in row] for row in FOUR_ROOMS.split("\n")])
        cells = np.where(wall, CODES["wall"], CODES["start" if self.start is None else "floor"])
        for name, place in (("start", self.start), ("goal", self.goal)):
            if place is not None and wall[place]:
                raise ArenaError(
                    f"{name} {place} is in a wall of the four rooms",
                    "give the row and column of a floor cell",
                )
            if place is not None:
                cells[place] = CODES[name]
        if self.start == self.goal:
            raise ArenaError(f"start and goal are both {self.goal}", "give two different cells")
        rules = Rules(
            slip=self.slip, slip_to="others", step_reward=self.step_reward, goal_reward=self.goal_reward
        )
        return build_world(GridMap(cells, "the four rooms"), rules)


@dataclass(frozen=True, kw_only=True)
class KeyDoorOptions(NavigationOptions):
    """Options of two rooms with a locked door between them, the key on one side and the goal on the other."""

    height: Annotated[int, Between(2, 1000)] = 6
    """Number of rows of the map."""

    width: Annotated[int, Between(3, 1000)] = 6
    """Number of columns of the map, including the wall between the rooms."""

    seed: Seed | None = None
    """Seed from which the places of wall, door, key, start and goal are drawn; None for a fixed arrangement."""

    def build(self) -> World:
        """Build the two rooms; the world has a layout with the key and one without."""
        return build_world(_two_rooms(self.height, self.width, self.seed), self._rules())

    def _rules(self) -> Rules:
        return Rules(slip=self.slip, step_reward=self.step_reward, goal_reward=self.goal_reward)


class FourRooms(GridEnv):
    """Four rooms of 5 × 5 to 6 × 5 cells, joined by four hallways.

    States are the 13 × 13 cells including walls, of which 104 are floor. The reward, 1 at the goal and 0 elsewhere, is
    meant for a discount of 0.9.

    Source: Sutton, Precup & Singh, "Between MDPs and semi-MDPs", *Artificial Intelligence* 112 (1999), section 3;
    there a move succeeds with probability 2/3 (``slip=1/3``).

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `FourRoomsOptions`, by name.
    """

    Options = FourRoomsOptions


FourRoomsVector = make_vector_class(FourRooms)


class KeyDoor(GridEnv):
    """Fetch the key, open the door, reach the goal.

    A state is a cell, without the key (the first ``height * width`` states) or with it. The shortest way is long, and
    no reward but that of a step comes before its end, which makes exploration hard.

    Source: after Chevalier-Boisvert et al., "Minigrid & Miniworld" (2023), DoorKey.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `KeyDoorOptions`, by name.
    """

    Options = KeyDoorOptions


KeyDoorVector = make_vector_class(KeyDoor)


def _two_rooms(height: int, width: int, seed: int | None) -> GridMap:
    """Map with a wall from top to bottom with a door in it, start and key to its left, the goal to its right."""
    cells = np.full((height, width), CODES["floor"], dtype=np.uint8)
    if seed is None:
        wall, door = width // 2, height // 2
        start, key, goal = (0, 0), (height - 1, 0), (height - 1, width - 1)
    else:
        random = np.random.Generator(np.random.PCG64(seed))
        wall, door = int(random.integers(1, width - 1)), int(random.integers(height))
        first, second = random.choice(height * wall, size=2, replace=False)
        start, key = divmod(int(first), wall), divmod(int(second), wall)
        row, column = divmod(int(random.integers(height * (width - 1 - wall))), width - 1 - wall)
        goal = (row, wall + 1 + column)
    cells[:, wall] = CODES["wall"]
    cells[door, wall] = CODES["door a"]
    cells[start], cells[key], cells[goal] = CODES["start"], CODES["key a"], CODES["goal"]
    return GridMap(cells, "the two rooms")
