"""Compilation of a map and its rules to a world: the dynamics of a gridworld as arrays.

Every cell of the map is a state of each layout, walls included, so that tables line up with the map and with
Gymnasium's CliffWalking and FrozenLake. No action is chosen in a wall, a goal, lava, cliff, or a cell that cannot
be reached; there every action has one outcome (itself, reward 0, terminated). FrozenLake does the same for its holes
and goals, and values stay finite without a discount. In Gymnasium's CliffWalking, actions leave goal and cliff cells;
no episode is affected.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.maps import GridMap, tiles_with
from arena_gridworld.movement import (
    CHANGES_LAYOUT,
    CONTINUES,
    ENDS,
    RETURNS,
    reachable_cells,
    step_destinations,
)
from arena_gridworld.tiles import CODES, TILES
from arena_gridworld.transitions import CellEffects, StepDestinations, TransitionRows, transition_rows
from arena_gridworld.world import World

__all__ = ["KINGS_MOVES", "KINGS_MOVES_AND_STAY", "MOVES", "Rules", "build_model", "build_world"]

#: Rows down and columns right of each action: up, right, down, left, in the order of Gymnasium's CliffWalking.
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))

#: King's moves: the four of `MOVES`, then up right, down right, down left and up left.
KINGS_MOVES = (*MOVES, (-1, 1), (1, 1), (1, -1), (-1, -1))

#: King's moves, and staying in place, where only the wind moves the walker.
KINGS_MOVES_AND_STAY = (*KINGS_MOVES, (0, 0))

#: Most states, over all layouts (4 GB of tables without slip).
MOST_STATES = 1 << 25


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rules of a gridworld: moves, slip, wind and rewards.

    The reward of a step is that of the tile it enters, where the tile has one, and otherwise `step_reward`.

    Attributes:
        moves: rows down and columns right of each action, in groups of four quarter turns; a single last action never
            slips.
        slip: probability that a move goes in another direction of its group.
        slip_to: "sides" for the two perpendicular directions, half each; "others" for all three, a third each.
        wind: strength of the wind in each column, in cells upwards, negative for downwards; empty for none. A wind tile
            replaces the wind of its column.
        wind_tile_strength: strength of wind tiles, in cells.
        stochastic_wind: whether wind is one cell weaker, as given, or one cell stronger, each with probability 1/3.
        step_reward: reward of any other step, such as onto floor, or against a wall or the edge.
        goal_reward: reward of the step that reaches a goal.
        cliff_reward: reward of a step onto cliff.
        lava_reward: reward of the step into lava.
        include_unreachable: whether cells that cannot be reached, walls included, have the outcomes of a walker put
            there.
    """

    moves: tuple[tuple[int, int], ...] = MOVES
    slip: float = 0.0
    slip_to: Literal["sides", "others"] = "sides"
    wind: tuple[int, ...] = ()
    wind_tile_strength: int = 1
    stochastic_wind: bool = False
    step_reward: float = 0.0
    goal_reward: float = 1.0
    cliff_reward: float = -100.0
    lava_reward: float = 0.0
    include_unreachable: bool = False


class _Layer(NamedTuple):
    """A layout of the map, with certain keys held: its tiles, destinations of steps, and cells that are entered."""

    tiles: npt.NDArray[np.uint8]
    destination: npt.NDArray[np.int32]
    entered: npt.NDArray[np.bool_]


def build_model(grid: GridMap, rules: Rules) -> TransitionModel:
    """Build the transition model of a gridworld; see `build_world`."""
    return build_world(grid, rules).model


def build_world(grid: GridMap, rules: Rules) -> World:
    """Build a gridworld as a Markov decision process.

    A step moves, slides on over ice, is pushed by the wind of the cell that it began in, and is moved by a teleport;
    the cell where it ends determines reward and effect (see `step_destinations`). A key that is entered opens all
    doors of its letter until the episode ends, and the other keys of its letter vanish.

    The outcomes of a move with slip are those of the directions a − 1, a, a + 1 (and a + 2, if it may go anywhere)
    of its group, in this order, which is Gymnasium's, and of the wind's strengths, ascending, for each; those of
    probability zero are left out, and equal successors are not merged. A step onto cliff has an outcome for each
    start in place of one, in ascending order.

    Args:
        grid: the map.
        rules: rewards, slip, moves and wind.

    Returns:
        A world with one layout for each set of keys that an episode can hold; the initial distribution is uniform
        over the starts.

    Raises:
        ArenaError: no goal can be reached, the wind is not given for each column, or keys, starts and cliff make
            the tables too large.
    """
    layers = _layers(grid, rules)
    _check_goals(grid, layers)
    layer_of = {held: index for index, held in enumerate(layers)}
    rows = [_outcomes(grid, rules, layer, held, layer_of) for held, layer in layers.items()]
    lengths, successor, probability, reward, terminated = (
        np.concatenate(part) if len(rows) > 1 else part[0] for part in zip(*rows, strict=True)
    )
    initial = np.zeros(len(layers) * grid.cells.size)
    initial[grid.starts] = 1 / len(grid.starts)
    model = TransitionModel(
        num_states=len(initial),
        num_actions=len(rules.moves),
        indptr=np.concatenate(([0], np.cumsum(lengths))),
        successor=successor,
        probability=probability,
        reward=reward,
        terminated=terminated,
        initial=initial,
    )
    layouts = np.stack([layer.tiles for layer in layers.values()])
    return replace(World.layered(model, layouts, moves=rules.moves), wind=rules.wind)


def _layers(grid: GridMap, rules: Rules) -> dict[int, _Layer]:
    """Layers that can be reached, by the set of held keys as a bit mask, ascending."""
    push = _wind(grid, rules)
    gusts = np.array([-1, 0, 1] if rules.stochastic_wind and push[:, 2].any() else [0])
    entries = {0: np.isin(np.arange(grid.cells.size), grid.starts)}
    layers: dict[int, _Layer] = {}
    while entries:
        held = min(entries)  # one more key gives a larger mask, so the entries of this layer are complete
        if (len(layers) + 1) * grid.cells.size > MOST_STATES:
            raise ArenaError(
                f"{grid.name} has more than {MOST_STATES:,} states, {grid.cells.size:,} for every set of keys",
                "use fewer kinds of keys, or fewer cells",
            )
        tiles = _tiles_with_keys(held)[grid.cells]
        destination = step_destinations(
            tiles_with("blocks")[tiles],
            tiles_with("slides")[tiles],
            _teleport_exits(tiles),
            push,
            np.array(rules.moves),
            gusts,
        )
        entered = reachable_cells(entries.pop(held), destination, EFFECTS[tiles.ravel()], grid.starts)
        layers[held] = _Layer(tiles, destination, entered)
        for cell in np.flatnonzero(entered & (EFFECTS[tiles.ravel()] == CHANGES_LAYOUT)):
            more = held | int(KEYS[tiles.flat[cell]])
            entries.setdefault(more, np.zeros(grid.cells.size, dtype=np.bool_))[cell] = True
    return layers


def _outcomes(
    grid: GridMap, rules: Rules, layer: _Layer, held: int, layer_of: dict[int, int]
) -> TransitionRows:
    """Rows of the model for one layer."""
    tiles, size = layer.tiles.ravel(), layer.tiles.size
    acting = layer.entered & ~tiles_with("blocks")[tiles]
    if rules.include_unreachable:
        acting[:] = True
    acting &= (EFFECTS == CONTINUES)[tiles]
    directions, chance = _slip_directions(rules)
    layers = np.array([layer_of.get(held | int(key), 0) for key in KEYS])
    entry = CellEffects(
        reward=_entry_rewards(rules)[tiles],
        ends=tiles_with("ends")[tiles],
        returns=tiles_with("sends_back")[tiles],
        offset=size * layers[tiles],
    )
    windy = _wind(grid, rules)[:, 2] != 0
    own = size * layer_of[held]
    return transition_rows(
        StepDestinations(layer.destination, directions, chance, windy, acting),
        entry,
        grid.starts + own,
        own,
        grid.name,
    )


def _slip_directions(rules: Rules) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Directions that each action may take, and their probabilities, both of shape (actions, turns)."""
    slip = rules.slip
    sides = rules.slip_to == "sides"
    turns = np.array([-1, 0, 1] if sides else [-1, 0, 1, 2])
    astray = slip / (2 if sides else 3)
    likely = np.where(turns == 0, 1 - slip, astray)
    turns, likely = turns[likely > 0], likely[likely > 0]
    action = np.arange(len(rules.moves))[:, None]
    alone = action >= len(action) // 4 * 4
    directions = np.where(alone, action, action // 4 * 4 + (action + turns) % 4)
    return directions, np.where(alone, np.arange(len(turns)) == 0, likely).astype(np.float64)


def _wind(grid: GridMap, rules: Rules) -> npt.NDArray[np.int64]:
    """Wind of each cell: direction, down and right, and strength, shape (cells, 3)."""
    if rules.wind and len(rules.wind) != grid.columns:
        raise ArenaError(
            f"wind has {len(rules.wind)} strengths for a map of {grid.columns} columns",
            "give one strength for each column",
        )
    columns = np.array(rules.wind or [0] * grid.columns)
    push = np.zeros((grid.rows, grid.columns, 3), dtype=np.int64)
    push[..., 0], push[..., 2] = -np.sign(columns), np.abs(columns)
    for code, tile in enumerate(TILES):
        if any(tile.wind):
            push[grid.cells == code] = (*tile.wind, rules.wind_tile_strength)
    return push.reshape(-1, 3)


def _teleport_exits(tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Cell that entering each cell leads to, shape (cells,)."""
    teleport_exit = np.arange(tiles.size, dtype=np.int32)
    for code in np.flatnonzero(tiles_with("teleports")):
        pair = np.flatnonzero(tiles == code)
        teleport_exit[pair] = pair[::-1]
    return teleport_exit


def _tiles_with_keys(held: int) -> npt.NDArray[np.uint8]:
    """Tile that replaces each kind of tile while certain keys are held, shape (tiles,)."""
    looks = np.arange(len(TILES), dtype=np.uint8)
    for code, tile in enumerate(TILES):
        if tile.key and held & int(KEYS[code]):
            looks[code] = CODES["floor"]
        elif tile.door and held & int(KEYS[CODES[f"key {tile.door}"]]):
            looks[code] = CODES["open door"]
    return looks


def _check_goals(grid: GridMap, layers: dict[int, _Layer]) -> None:
    if not any(layer.entered[grid.goals].any() for layer in layers.values()):
        raise ArenaError(
            f"no goal of {grid.name} can be reached from a start; the one at {grid.place(grid.goals[0])} is cut off",
            "open a way through the walls, doors, cliffs and lava around it",
        )


def _entry_rewards(rules: Rules) -> npt.NDArray[np.float64]:
    """Reward of a step that enters each kind of tile, shape (tiles,)."""
    return np.array([float(getattr(rules, f"{tile.name}_reward", rules.step_reward)) for tile in TILES])


def _bits() -> npt.NDArray[np.int64]:
    """Bit of each key, 0 for other tiles, shape (tiles,)."""
    keys = [tile.key for tile in TILES if tile.key]
    return np.array([1 << keys.index(tile.key) if tile.key else 0 for tile in TILES])


KEYS = _bits()
#: Effect of entering each kind of cell; `CONTINUES` is 0.
EFFECTS = (
    ENDS * tiles_with("ends") + RETURNS * tiles_with("sends_back") + CHANGES_LAYOUT * tiles_with("key")
).astype(np.int8)
