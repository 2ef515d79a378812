"""Gridworlds with drawn maps: your own map, the cliff walk, the windy gridworld and the frozen lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

from arena.config.options import Between
from arena.errors import ArenaError
from arena_gridworld.base import GridEnv, make_vector_class
from arena_gridworld.engine import KINGS_MOVES, KINGS_MOVES_AND_STAY, MOVES, Rules, build_world
from arena_gridworld.maps import GridMap, load_map, parse_map
from arena_gridworld.options import GridObservationOptions, Reward, SlipOptions, WindOptions
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
#: Strength of the wind in each column, in cells upwards.
WINDS = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
LAKES = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}
#: Moves left, down, right, up: the order of Gymnasium's FrozenLake.
LAKE_MOVES = tuple(reversed(MOVES))

#: Moves for each number of actions.
MOVES_OF = {4: MOVES, 8: KINGS_MOVES, 9: KINGS_MOVES_AND_STAY}

Strength = Annotated[int, Between(-1000, 1000)]


@dataclass(frozen=True, kw_only=True)
class GridOptions(WindOptions):
    """Options of a gridworld with your own map; the reward of a step depends on the tile that it enters."""

    map: str = DEFAULT_MAP
    """Map, or path of a text file with it, a line per row: # is a wall, . floor, S a start, G a goal, C cliff (back to
    a start), L lava (ends the episode), ~ ice (slides on), ^ > v < wind, two equal digits a teleport, a b d e f h keys
    and A B D E F H their doors."""

    wind: tuple[Strength, ...] = ()
    """Strength of the wind in each column, in cells upwards, negative for downwards; empty for no wind."""

    wind_tile_strength: Annotated[int, Between(0, 1000)] = 1
    """Strength of the wind tiles ^ > v <, in cells."""

    step_reward: Reward = 0.0
    """Reward of a step onto a tile without a reward of its own, or against a wall or the edge."""

    goal_reward: Reward = 1.0

    cliff_reward: Reward = -100.0
    """Reward of a step onto cliff, which sends the walker back to a start; keys are kept."""

    lava_reward: Reward = 0.0
    """Reward of the step into lava, which ends the episode."""

    def canonical(self) -> Self:
        """Replace the path of a map by its text.

        The core calls this before it derives the id of a run and when it writes `run.json`, so that an experiment
        depends on the contents of the file, not on its path; equal maps give equal texts.

        Raises:
            ArenaError: the map cannot be read, or is invalid.
        """
        return replace(self, map=self.grid().text)

    def grid(self) -> GridMap:
        """Load the map.

        Raises:
            ArenaError: the map cannot be read, or is invalid.
        """
        return load_map(self.map)

    def build(self) -> World:
        """Build the gridworld.

        Raises:
            ArenaError: the map cannot be read or is invalid, or no goal can be reached.
        """
        rules = Rules(
            moves=MOVES_OF[self.num_actions],
            slip=self.slip,
            wind=self.wind,
            wind_tile_strength=self.wind_tile_strength,
            stochastic_wind=self.stochastic_wind,
            step_reward=self.step_reward,
            goal_reward=self.goal_reward,
            cliff_reward=self.cliff_reward,
            lava_reward=self.lava_reward,
        )
        return build_world(self.grid(), rules)


@dataclass(frozen=True, kw_only=True)
class CliffWalkOptions(SlipOptions):
    """Options of the cliff walk of Sutton & Barto's example 6.6."""

    step_reward: Reward = -1.0
    """Reward of a step, including the step that reaches the goal."""

    cliff_reward: Reward = -100.0
    """Reward of a step onto the cliff, which sends the walker back to the start."""

    def build(self) -> World:
        """Build 4 rows of 12 cells, with the cliff along the last row."""
        step = self.step_reward
        rules = Rules(slip=self.slip, step_reward=step, goal_reward=step, cliff_reward=self.cliff_reward)
        return build_world(parse_map(CLIFF_MAP), rules)


@dataclass(frozen=True, kw_only=True)
class WindyGridOptions(WindOptions):
    """Options of the windy gridworld of Sutton & Barto's example 6.5 and exercises 6.9 and 6.10."""

    def build(self) -> World:
        """Build 7 rows of 10 cells."""
        rules = Rules(
            moves=MOVES_OF[self.num_actions],
            wind=WINDS,
            stochastic_wind=self.stochastic_wind,
            slip=self.slip,
            step_reward=self.step_reward,
            goal_reward=self.goal_reward,
        )
        return build_world(parse_map(WINDY_MAP), rules)


@dataclass(frozen=True, kw_only=True)
class FrozenLakeOptions(GridObservationOptions):
    """Options of the frozen lake, named as in Gymnasium."""

    desc: tuple[str, ...] | None = None
    """Rows of the map, with S start, F frozen, H hole and G goal; None for the map of `map_name`."""

    map_name: Literal["4x4", "8x8"] = "4x4"
    """Size of the map: one of Gymnasium's two lakes."""

    is_slippery: bool = True
    """Slippery ice: a move may go to one of the two perpendicular directions instead."""

    success_rate: Annotated[float, Between(0, 1)] = 1 / 3
    """Probability that a move goes in its own direction on a slippery lake."""

    reward_schedule: tuple[Reward, Reward, Reward] = (1.0, 0.0, 0.0)
    """Rewards of the step that reaches the goal, of the step into a hole, and of all other steps."""

    def build(self) -> World:
        """Build the lake.

        Raises:
            ArenaError: the map is invalid.
        """
        rows = LAKES[self.map_name] if self.desc is None else self.desc
        unknown = sorted(set("".join(rows)) - set("SFHG"))
        if unknown:
            raise ArenaError(f"desc has {unknown[0]!r}", "use S start, F frozen, H hole and G goal")
        goal, hole, frozen = self.reward_schedule
        rules = Rules(
            moves=LAKE_MOVES,
            slip=1 - self.success_rate if self.is_slippery else 0.0,
            step_reward=frozen,
            goal_reward=goal,
            lava_reward=hole,
            include_unreachable=True,
        )
        text = "\n".join(rows).translate(str.maketrans("FH", ".L"))
        return build_world(parse_map(text, "the lake"), rules)


class Grid(GridEnv):
    """A gridworld with your own map: find the way from a start to a goal.

    Observations are cell indices, ``row * columns + column``; on a map with keys, each set of held keys has its own
    range of indices, in the order of the bit masks of the sets. Actions are 0 up, 1 right, 2 down and 3 left, then
    up right, down right, down left, up left and stay; a move against a wall, a closed door or the edge stays where it
    is. Goal and lava end the episode; cliff sends back to a start, drawn again if there are several. The wind is
    that of the cell in which a step begins. A key that is entered opens all doors of its letter for the rest of the
    episode. A step is a move, a slide over ice, the wind's push and a teleport's jump, in this order; only the cell
    where it ends has an effect and a reward.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `GridOptions`, by name; ``map`` may also be a `pathlib.Path`.

    Attributes:
        options: the options, as an instance of `GridOptions`.
        grid: the map.
        world: the compiled map.
        model: the dynamics as a `TransitionModel`.

    Raises:
        ArenaError: an option that does not exist, a value out of range, an invalid map.
    """

    Options = GridOptions


GridVector = make_vector_class(Grid)


class CliffWalk(GridEnv):
    """Cliff walk: 4 × 12 cells, −1 a step, −100 and back to the start for a fall.

    The best return is −13. In every state in which actions are chosen, the transition model equals that of Gymnasium's
    ``CliffWalking-v1``; there is no time limit.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 6.6.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `CliffWalkOptions`, by name.
    """

    Options = CliffWalkOptions


CliffWalkVector = make_vector_class(CliffWalk)


class WindyGrid(GridEnv):
    """Windy gridworld: 7 × 10 cells, −1 a step, and an upward wind in some columns.

    The best return is −15 with four moves and −7 with king's moves. The wind is that of the column in which a step
    begins and is added after the move, so that a walker who moves against the lower edge is pushed up from there.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 6.5, exercises 6.9 and 6.10.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `WindyGridOptions`, by name.
    """

    Options = WindyGridOptions


WindyGridVector = make_vector_class(WindyGrid)


class FrozenLake(GridEnv):
    """Frozen lake with holes and slippery ice: Gymnasium's, with its transition model, options and actions.

    Actions are 0 left, 1 down, 2 right and 3 up. The time limit is 100 steps for every lake; Gymnasium gives its
    8 × 8 lake 200.

    Source: Gymnasium's ``FrozenLake-v1``.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `FrozenLakeOptions`, by name.
    """

    Options = FrozenLakeOptions


FrozenLakeVector = make_vector_class(FrozenLake)
