"""Two small gridworlds from Sutton & Barto's textbook: examples 3.5 and 4.1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena.environments.mdp import TransitionModel
from arena_gridworld.base import GridEnv, make_vector_class
from arena_gridworld.engine import MOVES, Rules, build_world
from arena_gridworld.maps import parse_map
from arena_gridworld.options import GridObservationOptions, NavigationOptions, Reward
from arena_gridworld.tiles import CODES
from arena_gridworld.world import World

__all__ = [
    "BookGrid",
    "BookGridOptions",
    "BookGridVector",
    "GridWorld",
    "GridWorldOptions",
    "GridWorldVector",
]

CORNERS = "GSSS\nSSSS\nSSSS\nSSSG"
SIDE = 5
#: Destinations of every action in a special cell: from A to A′ and from B to B′.
LEAPS = {(0, 1): (4, 1), (0, 3): (2, 3)}


@dataclass(frozen=True, kw_only=True)
class GridWorldOptions(NavigationOptions):
    """Options of the 4 × 4 gridworld of Sutton & Barto's example 4.1."""

    def build(self) -> World:
        """Build 4 × 4 cells; episodes end in two corners and begin in any other cell."""
        rules = Rules(slip=self.slip, step_reward=self.step_reward, goal_reward=self.goal_reward)
        return build_world(parse_map(CORNERS), rules)


@dataclass(frozen=True, kw_only=True)
class BookGridOptions(GridObservationOptions):
    """Options of the 5 × 5 gridworld of Sutton & Barto's examples 3.5 and 3.8."""

    a_reward: Reward = 10.0
    """Reward of every action in cell A, which leads to A′."""

    b_reward: Reward = 5.0
    """Reward of every action in cell B, which leads to B′."""

    edge_reward: Reward = -1.0
    """Reward of a move against the edge."""

    step_reward: Reward = 0.0
    """Reward of a step that is no move against the edge and no action in A or B."""

    def build(self) -> World:
        """Build 5 × 5 cells; episodes begin in any of them."""
        rows = [
            self._outcome(*divmod(cell, SIDE), action) for cell in range(SIDE * SIDE) for action in range(4)
        ]
        cells = SIDE * SIDE
        model = TransitionModel.from_rows(cells, len(MOVES), rows, np.full(cells, 1 / cells))
        layout = np.full((1, SIDE, SIDE), CODES["floor"], dtype=np.uint8)
        for digit, ends in enumerate(LEAPS.items(), start=1):
            for place in ends:
                layout[(0, *place)] = CODES[f"teleport {digit}"]
        return World.layered(model, layout, moves=MOVES)

    def _outcome(self, row: int, column: int, action: int) -> list[tuple[float, int, float, bool]]:
        if (row, column) in LEAPS:
            leap = LEAPS[row, column]
            reward = self.a_reward if column == 1 else self.b_reward
            return [(1.0, leap[0] * SIDE + leap[1], reward, False)]
        down, right = MOVES[action]
        there = (row + down, column + right)
        if min(there) < 0 or max(there) >= SIDE:
            return [(1.0, row * SIDE + column, self.edge_reward, False)]
        return [(1.0, there[0] * SIDE + there[1], self.step_reward, False)]


class GridWorld(GridEnv):
    """4 × 4 gridworld with a goal in two corners, −1 a step.

    Under the random policy the values range from 0 to −22 without a discount. An episode begins in any other cell,
    all equally likely, because the book gives no distribution.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 4.1.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `GridWorldOptions`, by name.
    """

    Options = GridWorldOptions


GridWorldVector = make_vector_class(GridWorld)


class BookGrid(GridEnv):
    """5 × 5 gridworld with two special cells: reward 10 and a jump to A′ from A, reward 5 and a jump to B′ from B.

    Episodes never terminate: the values of the book are for a discount of 0.9, and the time limit of 100 steps only
    truncates. They begin in any cell, all equally likely, because the book gives no distribution. In pictures A and A′
    are the teleport 1, B and B′ the teleport 2; the jump comes on leaving A, not on entering it.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), examples 3.5 and 3.8.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `BookGridOptions`, by name.
    """

    Options = BookGridOptions


BookGridVector = make_vector_class(BookGrid)
