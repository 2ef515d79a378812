"""From a map and its rules to a transition model: all of a gridworld's dynamics, as arrays.

Every cell of the map is a state, with the index ``row * columns + column``, walls included, so that tables
line up with the map and with Gymnasium's CliffWalking and FrozenLake. No episode acts in a wall, a goal,
lava, cliff, or a cell that no start leads to; there every action has one outcome (itself, reward 0,
terminated). That is FrozenLake's choice for its holes and goals, and keeps values finite without a discount.
Gymnasium's CliffWalking lets its goal and cliff cells be left instead; no episode can tell the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.mdp import TransitionModel
from arena_gridworld.tiles import TILES

if TYPE_CHECKING:
    from arena_gridworld.maps import GridMap

__all__ = ["Rules", "build_model"]

#: What an action adds to row and column: up, right, down, left, in the order of Gymnasium's CliffWalking.
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))

#: The most outcomes that steps onto cliff may have together (1.5 GB of tables).
MOST_RETURNS = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What moving costs and how often it goes astray.

    A step has one reward: that of the tile it enters, where the tile has one, and otherwise `step_reward`.

    Attributes:
        slip: the probability that a move goes to one of the two perpendicular directions, half each.
        step_reward: the reward of a step onto floor or a start, or against a wall or the edge.
        goal_reward: the reward of the step that reaches a goal.
        cliff_reward: the reward of a step onto cliff.
        lava_reward: the reward of the step into lava.
    """

    slip: float = 0.0
    step_reward: float = 0.0
    goal_reward: float = 1.0
    cliff_reward: float = -100.0
    lava_reward: float = 0.0


def build_model(grid: GridMap, rules: Rules) -> TransitionModel:
    """The gridworld as a Markov decision process.

    Without slip a row has one outcome. With it, the outcomes of action a are those of the directions a − 1,
    a and a + 1 (modulo 4), in this order, which is Gymnasium's; those of probability zero are left out, and
    equal successors are not merged. A step onto cliff has an outcome for each start in place of one, in
    ascending order.

    Args:
        grid: the map.
        rules: rewards and slip.

    Returns:
        A model of rows · columns states and 4 actions; the initial distribution is uniform over the starts.

    Raises:
        ArenaError: the map has so many starts and so much cliff that the table of returns would not fit.
    """
    cells = grid.cells.ravel()
    acting = grid.reached & ~grid.having("blocks", "ends", "sends_back")
    turns, chance = _directions(rules.slip)
    # Axes: cell, action, outcome.
    directions = (np.arange(len(MOVES))[:, None] + turns) % len(MOVES)
    target = _destinations(grid)[:, directions]
    kept = np.broadcast_to(acting[:, None, None] | (np.arange(len(turns)) == 0), target.shape)
    lengths = np.where(np.repeat(acting, len(MOVES)), len(turns), 1)

    target = target[kept]
    acts = np.repeat(acting, len(MOVES) * np.where(acting, len(turns), 1))
    probability = np.where(acts, np.broadcast_to(chance, kept.shape)[kept], 1.0)
    tile = cells[target]
    reward = np.where(acts, _entry_rewards(rules)[tile], 0.0)
    terminated = _tiles_that("ends")[tile] | ~acts
    returns = _tiles_that("sends_back")[tile] & acts
    target[~acts] = np.repeat(np.flatnonzero(~acting), len(MOVES))

    if len(grid.starts) == 1 or not returns.any():
        target[returns] = grid.starts[0]
    else:
        # An outcome that sends back becomes one for each start.
        starts = len(grid.starts)
        if np.count_nonzero(returns) * starts > MOST_RETURNS:
            raise ArenaError(f"the map has {starts:,} starts that its cliff sends back to", "keep a few")
        lengths = lengths + (starts - 1) * np.add.reduceat(returns, _offsets(lengths)[:-1], dtype=np.int64)
        copies = np.where(returns, starts, 1)
        source = np.repeat(np.arange(len(target)), copies)
        target, probability = target[source], (probability / copies)[source]
        reward, terminated = reward[source], terminated[source]
        target[returns[source]] = np.tile(grid.starts, np.count_nonzero(returns))

    initial = np.zeros(len(cells))
    initial[grid.starts] = 1 / len(grid.starts)
    return TransitionModel(
        num_states=len(cells),
        num_actions=len(MOVES),
        indptr=_offsets(lengths),
        successor=target,
        probability=probability,
        reward=reward,
        terminated=terminated,
        initial=initial,
    )


def _directions(slip: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Quarter turns that a move may take, and their probabilities, none of them zero."""
    turns, chance = np.array([-1, 0, 1]), np.array([slip / 2, 1 - slip, slip / 2])
    return turns[chance > 0], chance[chance > 0]


def _destinations(grid: GridMap) -> npt.NDArray[np.int32]:
    """Shape (cells, 4): the cell that each move enters; its own where a wall or the edge is in the way."""
    index = np.arange(grid.rows * grid.columns, dtype=np.int32).reshape(grid.rows, grid.columns)
    padded = np.pad(index, 1, constant_values=-1)
    blocks = grid.having("blocks")
    destination = np.empty((index.size, len(MOVES)), dtype=np.int32)
    for action, (down, right) in enumerate(MOVES):
        there = padded[1 + down : 1 + down + grid.rows, 1 + right : 1 + right + grid.columns].ravel()
        destination[:, action] = np.where((there < 0) | blocks[there], index.ravel(), there)
    return destination


def _entry_rewards(rules: Rules) -> npt.NDArray[np.float64]:
    """Shape (tiles,): the reward of a step that enters each kind of tile."""
    return np.array([float(getattr(rules, f"{tile.name}_reward", rules.step_reward)) for tile in TILES])


def _tiles_that(effect: str) -> npt.NDArray[np.bool_]:
    return np.array([getattr(tile, effect) for tile in TILES])


def _offsets(lengths: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))
