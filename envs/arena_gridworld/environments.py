"""The gridworlds that Gymnasium makes: options, the single environment and the native vector of each."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Protocol, Self

import gymnasium as gym

from arena.config import Between, coerce
from arena.errors import ArenaError
from arena.native import NativeVectorEnv
from arena.tables import TableEnv, TableVectorEnv
from arena_gridworld.engine import Rules, build_model
from arena_gridworld.maps import GridMap, load_map, parse_map

__all__ = ["CliffWalk", "CliffWalkOptions", "CliffWalkVector", "Grid", "GridOptions", "GridVector"]

DEFAULT_MAP = "S..#....\n...#.L..\n...#.L..\n.......G"
CLIFF_MAP = "............\n............\n............\nSCCCCCCCCCCG"


class Options(Protocol):
    """What an environment's options answer, besides being a config."""

    def grid(self) -> GridMap:
        """The map to walk in."""

    def rules(self) -> Rules:
        """What moving in it costs."""


@dataclass(frozen=True, kw_only=True)
class GridOptions:
    """A gridworld drawn by its user; a step is rewarded by the tile that it enters."""

    map: str = DEFAULT_MAP
    """A text file, or the map itself, a line a row: # is a wall, . floor, S a start, G a goal, C cliff (back
    to a start) and L lava (ends the episode)."""

    slip: Annotated[float, Between(0, 1)] = 0.0
    """Probability that a move goes to one of the two perpendicular directions instead, half each."""

    step_reward: Annotated[float, Between(None, None)] = 0.0
    """Reward of a step onto floor or a start, or against a wall or the edge."""

    goal_reward: Annotated[float, Between(None, None)] = 1.0
    """Reward of the step that reaches a goal, which ends the episode."""

    cliff_reward: Annotated[float, Between(None, None)] = -100.0
    """Reward of a step onto cliff, which sends the walker back to a start."""

    lava_reward: Annotated[float, Between(None, None)] = 0.0
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

    def rules(self) -> Rules:
        """What moving in it costs."""
        return Rules(
            slip=self.slip,
            step_reward=self.step_reward,
            goal_reward=self.goal_reward,
            cliff_reward=self.cliff_reward,
            lava_reward=self.lava_reward,
        )


@dataclass(frozen=True, kw_only=True)
class CliffWalkOptions:
    """The cliff of Sutton & Barto's example 6.6."""

    slip: Annotated[float, Between(0, 1)] = 0.0
    """Probability that a move goes to one of the two perpendicular directions instead, half each."""

    step_reward: Annotated[float, Between(None, None)] = -1.0
    """Reward of a step, the one that reaches the goal included."""

    cliff_reward: Annotated[float, Between(None, None)] = -100.0
    """Reward of a step onto the cliff, which sends the walker back to the start."""

    def grid(self) -> GridMap:
        """The map to walk in: 4 rows of 12 cells, the cliff along the last."""
        return parse_map(CLIFF_MAP)

    def rules(self) -> Rules:
        """What moving in it costs."""
        step = self.step_reward
        return Rules(slip=self.slip, step_reward=step, goal_reward=step, cliff_reward=self.cliff_reward)


class Grid(TableEnv):
    """A walk through a map, from a start to a goal.

    Observations are cell indices, ``row * columns + column``. Actions are 0 up, 1 right, 2 down and 3 left; a
    move against a wall or the edge stays where it is. Goal and lava end the episode; cliff sends back to a
    start, drawn anew where there are several. Rewards are those of the options.

    Args:
        render_mode: "ansi" for `render` to return the map as text with an ``@`` where the walker is, or None.
        options: the fields of `GridOptions`, by name; ``map`` may also be a `pathlib.Path`.

    Attributes:
        options: what it was made with.
        grid: the map.
        model: the dynamics as a `TransitionModel`.

    Raises:
        ArenaError: an option that does not exist, a value out of range, a map that is none.
    """

    Options: ClassVar[type[Any]] = GridOptions
    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 8}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        self.options, self.grid = _prepare(self, render_mode, options)
        super().__init__(build_model(self.grid, self.options.rules()), render_mode)

    def render(self) -> str | None:
        """The map as text, rows separated by newlines; ``@`` is the walker, absent before the first reset."""
        if self.render_mode is None:
            gym.logger.warn('render() needs a render_mode; make the environment with render_mode="ansi"')
            return None
        return self.grid.with_agent(int(self._lane.observation[0]) if self._begun else None)


class GridVector(TableVectorEnv):
    """Many `Grid`s stepped by one compiled call; a lane goes through the episodes of a `Grid` with its seed.

    An integer seed s gives lane i the seed s + i.

    Args:
        num_envs: how many lanes.
        max_episode_steps: the length at which an episode is truncated, or None.
        render_mode: "ansi" for `render` to return a text a lane, or None.
        options: the fields of `GridOptions`, by name; ``map`` may also be a `pathlib.Path`.

    Attributes:
        options: what it was made with.
        grid: the map.
        model: the dynamics as a `TransitionModel`.

    Raises:
        ArenaError: an option that does not exist, a value out of range, a map that is none.
    """

    Options: ClassVar[type[Any]] = GridOptions
    metadata: dict[str, Any] = {**NativeVectorEnv.metadata, **Grid.metadata}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.options, self.grid = _prepare(self, render_mode, options)
        super().__init__(build_model(self.grid, self.options.rules()), num_envs, max_episode_steps)
        self.render_mode = render_mode

    def render(self) -> tuple[str, ...] | None:
        """Each lane's map as text, as `Grid.render` has it; None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn('render() needs a render_mode; make the environment with render_mode="ansi"')
            return None
        return tuple(self.grid.with_agent(int(cell)) for cell in self.observation)


class CliffWalk(Grid):
    """Along the cliff: 4 × 12 cells, −1 a step, −100 and back to the start for a fall.

    The best return is −13. The tables are those of Gymnasium's ``CliffWalking-v1`` in every state that an
    episode can act in; there is no time limit.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 6.6.

    Args:
        render_mode: as `Grid`'s.
        options: the fields of `CliffWalkOptions`, by name.
    """

    Options = CliffWalkOptions


class CliffWalkVector(GridVector):
    """Many `CliffWalk`s stepped by one compiled call; arguments are `GridVector`'s, options `CliffWalk`'s."""

    Options = CliffWalkOptions


def _prepare(
    env: Grid | GridVector, render_mode: str | None, options: dict[str, Any]
) -> tuple[Options, GridMap]:
    modes = env.metadata["render_modes"]
    if render_mode is not None and render_mode not in modes:
        raise ArenaError(f"render_mode is {render_mode!r}", f"give None or {' or '.join(map(repr, modes))}")
    if isinstance(options.get("map"), os.PathLike):
        options["map"] = os.path.abspath(options["map"])  # has a separator, so it is never taken for a map
    read: Options = coerce(env.Options, options, where="")
    return read, read.grid()
