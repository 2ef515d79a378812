"""Walks through maps that are drawn: a user's own, the cliff, the windy grid, the frozen lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

from arena.config.options import Between
from arena.errors import ArenaError
from arena_gridworld.base import GridEnv, vector_of
from arena_gridworld.engine import KINGS_MOVES, KINGS_MOVES_AND_STAY, MOVES, Rules, build_world
from arena_gridworld.maps import GridMap, load_map, parse_map
from arena_gridworld.options import Reward, Shown, Slip, Walking
from arena_gridworld.world import World

__all__ = [
    "CliffWalk",
    "CliffWalkOptions",
    "CliffWalkVector",
    "FrozenLake",
    "FrozenLakeOptions",
    "FrozenLakeVector",
    "Grid",
    "GridOptions",
    "GridVector",
    "WindyGrid",
    "WindyGridOptions",
    "WindyGridVector",
]

DEFAULT_MAP = "S..#....\n...#.L..\n...#.L..\n.......G"
CLIFF_MAP = "............\n............\n............\nSCCCCCCCCCCG"
WINDY_MAP = "..........\n..........\n..........\nS......G..\n..........\n..........\n.........."
#: Upwards, in each column.
WINDS = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
LAKES = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}
#: Left, down, right, up: the order of Gymnasium's FrozenLake.
LAKE_MOVES = tuple(reversed(MOVES))

#: The moves of so many actions.
MOVES_OF = {4: MOVES, 8: KINGS_MOVES, 9: KINGS_MOVES_AND_STAY}

Strength = Annotated[int, Between(-1000, 1000)]


@dataclass(frozen=True, kw_only=True)
class GridOptions(Walking):
    """A gridworld drawn by its user; a step is rewarded by the tile that it enters."""

    map: str = DEFAULT_MAP
    """A text file, or the map itself, a line a row: # is a wall, . floor, S a start, G a goal, C cliff (back
    to a start), L lava (ends the episode), ~ ice (slides on), ^ > v < wind, two equal digits a teleport, a b d e
    f h keys and A B D E F H their doors."""

    moves: Literal[4, 8, 9] = 4
    """How many actions there are: four directions, a king's eight, or these and staying."""

    wind: tuple[Strength, ...] = ()
    """Cells that each column's wind pushes upwards, negative for downwards, a number a column; none if empty."""

    gust: Annotated[int, Between(0, 1000)] = 1
    """Cells that the wind tiles ^ > v < push."""

    stochastic_wind: bool = False
    """Whether wind is one cell weaker, as said, or one stronger, with a third each."""

    step_reward: Reward = 0.0
    """Reward of a step onto a tile that has none of its own, or against a wall or the edge."""

    goal_reward: Reward = 1.0
    """Reward of the step that reaches a goal, which ends the episode."""

    cliff_reward: Reward = -100.0
    """Reward of a step onto cliff, which sends the walker back to a start, keys in hand."""

    lava_reward: Reward = 0.0
    """Reward of the step into lava, which ends the episode."""

    def canonical(self) -> Self:
        """The same options with the map's text in place of its path.

        The core calls this before it derives a run's id and when it writes `run.json`, so that an experiment
        is what the file said, wherever it lies; equal maps give equal texts.

        Raises:
            ArenaError: the map cannot be read, or is none.
        """
        return replace(self, map=self.grid().text)

    def grid(self) -> GridMap:
        """The map to walk in.

        Raises:
            ArenaError: the map cannot be read, or is none.
        """
        return load_map(self.map)

    def build(self) -> World:
        """The map under these rules.

        Raises:
            ArenaError: the map cannot be read, or is none, or has no goal that can be reached.
        """
        rules = Rules(
            moves=MOVES_OF[self.moves],
            slip=self.slip,
            wind=self.wind,
            gust=self.gust,
            stochastic_wind=self.stochastic_wind,
            step_reward=self.step_reward,
            goal_reward=self.goal_reward,
            cliff_reward=self.cliff_reward,
            lava_reward=self.lava_reward,
        )
        return build_world(self.grid(), rules)


@dataclass(frozen=True, kw_only=True)
class CliffWalkOptions(Shown):
    """The cliff of Sutton & Barto's example 6.6."""

    slip: Slip = 0.0
    """Probability that a move goes to one of the two perpendicular directions instead, half each."""

    step_reward: Reward = -1.0
    """Reward of a step, the one that reaches the goal included."""

    cliff_reward: Reward = -100.0
    """Reward of a step onto the cliff, which sends the walker back to the start."""

    def build(self) -> World:
        """4 rows of 12 cells, the cliff along the last."""
        step = self.step_reward
        rules = Rules(slip=self.slip, step_reward=step, goal_reward=step, cliff_reward=self.cliff_reward)
        return build_world(parse_map(CLIFF_MAP), rules)


@dataclass(frozen=True, kw_only=True)
class WindyGridOptions(Walking):
    """The windy gridworld of Sutton & Barto's example 6.5 and exercises 6.9 and 6.10."""

    moves: Literal[4, 8, 9] = 4
    """How many actions there are: four directions, a king's eight, or these and staying."""

    stochastic: bool = False
    """Whether wind is one cell weaker, as said, or one stronger, with a third each."""

    def build(self) -> World:
        """7 rows of 10 cells."""
        rules = Rules(
            moves=MOVES_OF[self.moves],
            wind=WINDS,
            stochastic_wind=self.stochastic,
            slip=self.slip,
            step_reward=self.step_reward,
            goal_reward=self.goal_reward,
        )
        return build_world(parse_map(WINDY_MAP), rules)


@dataclass(frozen=True, kw_only=True)
class FrozenLakeOptions(Shown):
    """Gymnasium's frozen lake, with its options."""

    desc: tuple[str, ...] | None = None
    """The lake's rows, with S start, F frozen, H hole and G goal; in place of `map_name`."""

    map_name: Literal["4x4", "8x8"] = "4x4"
    """Which of Gymnasium's two lakes."""

    is_slippery: bool = True
    """Whether a move may go to one of the two perpendicular directions instead."""

    success_rate: Annotated[float, Between(0, 1)] = 1 / 3
    """Probability, on a slippery lake, that a move goes where it should."""

    reward_schedule: tuple[Reward, Reward, Reward] = (1.0, 0.0, 0.0)
    """Rewards of the step that reaches the goal, of the one into a hole, and of all others."""

    def build(self) -> World:
        """The lake.

        Raises:
            ArenaError: rows that draw no lake.
        """
        rows = LAKES[self.map_name] if self.desc is None else self.desc
        strangers = sorted(set("".join(rows)) - set("SFHG"))
        if strangers:
            raise ArenaError(f"desc has {strangers[0]!r}", "use S start, F frozen, H hole and G goal")
        goal, hole, frozen = self.reward_schedule
        rules = Rules(
            moves=LAKE_MOVES,
            slip=1 - self.success_rate if self.is_slippery else 0.0,
            step_reward=frozen,
            goal_reward=goal,
            lava_reward=hole,
            everywhere=True,
        )
        text = "\n".join(rows).translate(str.maketrans("FH", ".L"))
        return build_world(parse_map(text, "the lake"), rules)


class Grid(GridEnv):
    """A walk through a map, from a start to a goal.

    Observations are cell indices, ``row * columns + column``; on a map with keys they count on for each set of keys
    in hand, in the order in which the sets' bit masks ascend. Actions are 0 up, 1 right, 2 down and 3 left, then
    up right, down right, down left, up left and stay; a move against a wall, a closed door or the edge stays where it
    is. Goal and lava end the episode; cliff sends back to a start, drawn anew where there are several. Wind is that of
    the cell from which a step sets out. A key that is entered opens all doors of its letter for the rest of the
    episode. A step is a move, a slide over ice, the wind's push and a teleport's jump, in this order; only the cell
    where it ends has an effect and a reward.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return a text or a frame, or None.
        options: the fields of `GridOptions`, by name; ``map`` may also be a `pathlib.Path`.

    Attributes:
        options: what it was made with.
        grid: the map.
        world: the map compiled.
        model: the dynamics as a `TransitionModel`.

    Raises:
        ArenaError: an option that does not exist, a value out of range, a map that is none.
    """

    Options = GridOptions


GridVector = vector_of(Grid)


class CliffWalk(GridEnv):
    """Along the cliff: 4 × 12 cells, −1 a step, −100 and back to the start for a fall.

    The best return is −13. The tables are those of Gymnasium's ``CliffWalking-v1`` in every state that an
    episode can act in; there is no time limit.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 6.6.

    Args:
        render_mode: as `Grid`'s.
        options: the fields of `CliffWalkOptions`, by name.
    """

    Options = CliffWalkOptions


CliffWalkVector = vector_of(CliffWalk)


class WindyGrid(GridEnv):
    """Across columns in which wind pushes upwards: 7 × 10 cells, −1 a step.

    The best return is −15 with four moves and −7 with a king's. The wind is that of the column in which a step begins;
    it shifts where the move leads, so that a walker who bumps into the lower edge is pushed up from there.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 6.5, exercises 6.9 and 6.10.

    Args:
        render_mode: as `Grid`'s.
        options: the fields of `WindyGridOptions`, by name.
    """

    Options = WindyGridOptions


WindyGridVector = vector_of(WindyGrid)


class FrozenLake(GridEnv):
    """Over a frozen lake with holes, where one may slip: Gymnasium's, with its tables, options and actions.

    Actions are 0 left, 1 down, 2 right and 3 up. The time limit is 100 steps for every lake; Gymnasium gives its
    8 × 8 lake 200.

    Source: Gymnasium's ``FrozenLake-v1``.

    Args:
        render_mode: as `Grid`'s.
        options: the fields of `FrozenLakeOptions`, by name.
    """

    Options = FrozenLakeOptions


FrozenLakeVector = vector_of(FrozenLake)
