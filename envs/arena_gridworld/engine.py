"""From a map and its rules to a world: all of a gridworld's dynamics, as arrays.

Every cell of the map is a state of each layout, walls included, so that tables line up with the map and with
Gymnasium's CliffWalking and FrozenLake. No episode acts in a wall, a goal, lava, cliff, or a cell that no start
leads to; there every action has one outcome (itself, reward 0, terminated). That is FrozenLake's choice for its
holes and goals, and keeps values finite without a discount. Gymnasium's CliffWalking lets its goal and cliff cells
be left instead; no episode can tell the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.maps import GridMap, tiles_having
from arena_gridworld.outcomes import Entry, Outcomes, Steps, outcomes_of
from arena_gridworld.tiles import CODES, TILES
from arena_gridworld.walk import ENDS, ENTERS, LEAVES, RETURNS, flood, resting_cells
from arena_gridworld.world import World

__all__ = ["KINGS_MOVES", "KINGS_MOVES_AND_STAY", "MOVES", "Rules", "build_model", "build_world"]

#: What an action adds to row and column: up, right, down, left, in the order of Gymnasium's CliffWalking.
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))

#: The moves of chess's king: the four of `MOVES`, then up right, down right, down left and up left.
KINGS_MOVES = (*MOVES, (-1, 1), (1, 1), (1, -1), (-1, -1))

#: The king's moves, and staying where one is, but for the wind.
KINGS_MOVES_AND_STAY = (*KINGS_MOVES, (0, 0))

#: The most states, over all layouts (4 GB of tables without slip).
MOST_STATES = 1 << 25


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What moving costs and how often it goes astray.

    A step has one reward: that of the tile it enters, where the tile has one, and otherwise `step_reward`.

    Attributes:
        moves: rows down and columns right of each action, in groups of four quarter turns; a last one alone
            never slips.
        slip: the probability that a move goes in another direction of its group.
        slip_to: "sides" for the two perpendicular directions, half each; "others" for all three, a third each.
        wind: the strength, in cells, of the wind in each column, upwards, negative downwards; empty for none.
            A wind tile has its own in place of its column's.
        gust: the strength of wind tiles.
        stochastic_wind: whether wind is one weaker, as said or one stronger, with a third each.
        step_reward: the reward of any other step, such as onto floor, or against a wall or the edge.
        goal_reward: the reward of the step that reaches a goal.
        cliff_reward: the reward of a step onto cliff.
        lava_reward: the reward of the step into lava.
        everywhere: whether cells that no episode is in, walls included, have the outcomes of a walker put there.
    """

    moves: tuple[tuple[int, int], ...] = MOVES
    slip: float = 0.0
    slip_to: Literal["sides", "others"] = "sides"
    wind: tuple[int, ...] = ()
    gust: int = 1
    stochastic_wind: bool = False
    step_reward: float = 0.0
    goal_reward: float = 1.0
    cliff_reward: float = -100.0
    lava_reward: float = 0.0
    everywhere: bool = False


class _Layer(NamedTuple):
    """The map with certain keys in hand: its tiles, where steps end, and the states that episodes are in."""

    tiles: npt.NDArray[np.uint8]
    rest: npt.NDArray[np.int32]
    entered: npt.NDArray[np.bool_]


def build_model(grid: GridMap, rules: Rules) -> TransitionModel:
    """The model of `build_world`."""
    return build_world(grid, rules).model


def build_world(grid: GridMap, rules: Rules) -> World:
    """The gridworld as a Markov decision process.

    A step moves, slides on over ice, is pushed by the wind of the cell that it began in, and is taken by a teleport;
    the cell where it comes to rest decides reward and effect (see `resting_cells`). A key that is entered opens all
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
    """The layers that episodes come to, by the set of keys in hand as a bit mask, ascending."""
    push = _push(grid, rules)
    gusts = np.array([-1, 0, 1] if rules.stochastic_wind and push[:, 2].any() else [0])
    entries = {0: np.isin(np.arange(grid.cells.size), grid.starts)}
    layers: dict[int, _Layer] = {}
    while entries:
        held = min(entries)  # a key more is a larger mask, so this layer's entries are complete
        if (len(layers) + 1) * grid.cells.size > MOST_STATES:
            raise ArenaError(
                f"{grid.name} has more than {MOST_STATES:,} states, {grid.cells.size:,} for every set of keys",
                "give it fewer kinds of keys, or fewer cells",
            )
        tiles = _tiles(held)[grid.cells]
        rest = resting_cells(
            tiles_having("blocks")[tiles],
            tiles_having("slides")[tiles],
            _partners(tiles),
            push,
            np.array(rules.moves),
            gusts,
        )
        entered = flood(entries.pop(held), rest, EFFECTS[tiles.ravel()], grid.starts)
        layers[held] = _Layer(tiles, rest, entered)
        for cell in np.flatnonzero(entered & (EFFECTS[tiles.ravel()] == LEAVES)):
            more = held | int(KEYS[tiles.flat[cell]])
            entries.setdefault(more, np.zeros(grid.cells.size, dtype=np.bool_))[cell] = True
    return layers


def _outcomes(grid: GridMap, rules: Rules, layer: _Layer, held: int, layer_of: dict[int, int]) -> Outcomes:
    """A layer's rows of the model."""
    tiles, size = layer.tiles.ravel(), layer.tiles.size
    acting = layer.entered & ~tiles_having("blocks")[tiles]
    if rules.everywhere:
        acting[:] = True
    acting &= (EFFECTS == ENTERS)[tiles]
    directions, chance = _turns(rules)
    layers = np.array([layer_of.get(held | int(key), 0) for key in KEYS])
    entry = Entry(
        reward=_entry_rewards(rules)[tiles],
        ends=tiles_having("ends")[tiles],
        returns=tiles_having("sends_back")[tiles],
        offset=size * layers[tiles],
    )
    windy = _push(grid, rules)[:, 2] != 0
    own = size * layer_of[held]
    return outcomes_of(
        Steps(layer.rest, directions, chance, windy, acting), entry, grid.starts + own, own, grid.name
    )


def _turns(rules: Rules) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The directions that each action may take, and their probabilities, both of shape (actions, turns)."""
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


def _push(grid: GridMap, rules: Rules) -> npt.NDArray[np.int64]:
    """Shape (cells, 3): the direction, down and right, and the strength of each cell's wind."""
    if rules.wind and len(rules.wind) != grid.columns:
        raise ArenaError(
            f"wind has {len(rules.wind)} strengths for a map of {grid.columns} columns",
            "give each column one",
        )
    columns = np.array(rules.wind or [0] * grid.columns)
    push = np.zeros((grid.rows, grid.columns, 3), dtype=np.int64)
    push[..., 0], push[..., 2] = -np.sign(columns), np.abs(columns)
    for code, tile in enumerate(TILES):
        if any(tile.wind):
            push[grid.cells == code] = (*tile.wind, rules.gust)
    return push.reshape(-1, 3)


def _partners(tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Shape (cells,): the cell that entering each cell leads to."""
    partner = np.arange(tiles.size, dtype=np.int32)
    for code in np.flatnonzero(tiles_having("teleports")):
        pair = np.flatnonzero(tiles == code)
        partner[pair] = pair[::-1]
    return partner


def _tiles(held: int) -> npt.NDArray[np.uint8]:
    """Shape (tiles,): how each kind of cell looks with certain keys in hand."""
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
            f"no start of {grid.name} leads to a goal; the one at {grid.place(grid.goals[0])} is cut off",
            "open a way through the walls, doors, cliffs and lava around it",
        )


def _entry_rewards(rules: Rules) -> npt.NDArray[np.float64]:
    """Shape (tiles,): the reward of a step that enters each kind of tile."""
    return np.array([float(getattr(rules, f"{tile.name}_reward", rules.step_reward)) for tile in TILES])


def _bits() -> npt.NDArray[np.int64]:
    """Shape (tiles,): the bit that stands for each key, 0 for what is none."""
    keys = [tile.key for tile in TILES if tile.key]
    return np.array([1 << keys.index(tile.key) if tile.key else 0 for tile in TILES])


KEYS = _bits()
#: What entering a kind of cell does to a walk; `walk.ENTERS` is 0.
EFFECTS = (
    ENDS * tiles_having("ends") + RETURNS * tiles_having("sends_back") + LEAVES * tiles_having("key")
).astype(np.int8)
