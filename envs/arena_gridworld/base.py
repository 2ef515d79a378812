"""From a dataclass of options to a single and a vector environment: the plumbing of all families, written once.

An environment is its options: a frozen dataclass with a field ``observation`` and a method ``build``, which gives a
`World`, or a `TransitionModel` if there is nothing to draw.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.config.options import coerce
from arena.environments.mdp import TransitionModel
from arena.environments.tabular import Observer, TableEnv, TableVectorEnv
from arena.environments.vector_env import NativeVectorEnv
from arena.errors import ArenaError
from arena_gridworld.maps import GridMap
from arena_gridworld.schedule import AtPosition, ScheduledTables
from arena_gridworld.world import World

if TYPE_CHECKING:
    from arena.environments.rendering import Controls
    from arena_gridworld.observation import Labeller
    from arena_gridworld.painter import GridPainter

__all__ = ["GridEnv", "GridVectorEnv", "MdpEnv", "MdpVectorEnv", "ScheduledVectorEnv", "vector_of"]


class Options(Protocol):
    """What an environment's options answer, besides being a config."""

    observation: str

    def build(self) -> World | TransitionModel:
        """The environment that they describe."""


class _Made(NamedTuple):
    """An environment's parts.

    Attributes:
        options: what it was made with, canonical.
        world: its states and how they look.
        observer: what it shows; None shows the state's index.
        labels: what it tells of states in `info`, or None.
    """

    options: Any
    world: World
    observer: Observer | None
    labels: Labeller | None


class MdpEnv(TableEnv):
    """A finite Markov decision process; a subclass names the dataclass of its options.

    Args:
        render_mode: one of ``metadata["render_modes"]``, or None.
        options: the fields of `Options`, by name.

    Attributes:
        options: what it was made with.
        world: its states and how they look.
        model: the dynamics as a `TransitionModel`; None where they change.

    Raises:
        ArenaError: an option that does not exist, a value out of range, options that describe no environment.
    """

    Options: ClassVar[type[Any]]

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        made = _make(type(self), render_mode, options)
        self.options, self.world, self._labels = made.options, made.world, made.labels
        super().__init__(made.world.model, render_mode, made.observer)
        if len(made.world.since) > 1:
            self.model = None  # type: ignore[assignment]

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """The space of each label of one state, as `info` has it."""
        return {} if self._labels is None else {**self._labels.spaces}

    def _make_lane(self, model: TransitionModel, observer: Observer | None) -> TableVectorEnv:
        if len(self.world.since) == 1:
            return super()._make_lane(model, observer)
        lane = ScheduledTables(model, observer=observer)
        lane.schedule(self.world.since)
        return lane

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = super().reset(seed=seed, options=options)
        return observation, {**info, **self._told()}

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        *results, info = super().step(action)
        return (*results, {**info, **self._told()})

    def _told(self) -> dict[str, Any]:
        if self._labels is None:
            return {}
        return {name: values[0] for name, values in self._labels(self._lane.lanes["state"].copy()).items()}


class MdpVectorEnv(TableVectorEnv):
    """Many `MdpEnv`s stepped by one compiled call; a lane goes through the episodes of a single one with its seed.

    An integer seed s gives lane i the seed s + i. Labels are in `info` as Gymnasium's vectors have them: an array
    over the lanes under the name, and those of final states under ``final_info``.

    Args:
        num_envs: how many lanes.
        max_episode_steps: the length at which an episode is truncated, or None.
        render_mode: as the single environment's.
        options: the fields of `Options`, by name.

    Attributes:
        options: what it was made with.
        world: its states and how they look.
        model: the dynamics as a `TransitionModel`.

    Raises:
        ArenaError: an option that does not exist, a value out of range, options that describe no environment.
    """

    Options: ClassVar[type[Any]]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        made = _make(type(self), render_mode, options)
        self.options, self.world, self._labels = made.options, made.world, made.labels
        super().__init__(made.world.model, num_envs, max_episode_steps, made.observer)
        self.render_mode = render_mode

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """The space of each label of one lane's state, as `info` has it."""
        return {} if self._labels is None else {**self._labels.spaces}

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = super().reset(**arguments)
        return observation, {
            **info,
            **self._told(self.lanes["state"], np.ones(self.num_envs, dtype=np.bool_)),
        }

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        *results, info = super().step(actions)
        if self._labels is not None:
            info.update(self._told(self.lanes["state"], np.ones(self.num_envs, dtype=np.bool_)))
            if "_final_obs" in info:
                done = info["_final_obs"]
                info.update(final_info=self._told(self.lanes["next_state"], done), _final_info=done)
        return (*results, info)  # type: ignore[return-value]

    def _told(self, states: npt.NDArray[np.int64], lanes: npt.NDArray[np.bool_]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if self._labels is not None:
            for name, values in self._labels(states.copy()).items():
                told[name], told[f"_{name}"] = values, lanes
        return told


class GridEnv(MdpEnv):
    """A walk through a map.

    Observations, unless an option says otherwise, are indices of states: cells, ``row * columns + column``, for each
    layout that the map can take. Actions are 0 up, 1 right, 2 down and 3 left, unless the environment says otherwise.
    It renders as text (``ansi``), with an ``@`` where the walker is, and as a frame (``rgb_array``: uint8, shape
    (rows · 32, columns · 32, 3)).
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 8}  # noqa: RUF012

    @property
    def grid(self) -> GridMap:
        """The map, as an episode finds it."""
        return GridMap(self.world.layouts[0])

    @functools.cached_property
    def painter(self) -> GridPainter:
        """What draws it at any size; a `scene` is a state's index."""
        from arena_gridworld.painter import GridPainter

        return GridPainter(self.world, self._lane.observer)

    def scene(self) -> int:
        """What `painter` has to know of this instant."""
        return self.state_index

    @property
    def controls(self) -> Controls:
        """The keys that stand for its moves; time stands still until one is pressed."""
        from arena_gridworld.painter import controls_of

        return controls_of(self.world.moves)

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """The map in its state as text, rows separated by newlines, or as a frame; no ``@`` before the first reset."""
        states = self._lane.lanes["state"] if self._begun else None
        pictures = _pictures(self.world, self.render_mode, states)
        return None if pictures is None else pictures[0]


class GridVectorEnv(MdpVectorEnv):
    """Many `GridEnv`s stepped by one compiled call; see `MdpVectorEnv`."""

    metadata: dict[str, Any] = {**NativeVectorEnv.metadata, **GridEnv.metadata}  # noqa: RUF012

    @property
    def grid(self) -> GridMap:
        """The map, as an episode finds it."""
        return GridMap(self.world.layouts[0])

    def render(self) -> tuple[Any, ...] | None:
        """Each lane's picture, as `GridEnv.render` has it; None without a render mode."""
        return _pictures(self.world, self.render_mode, self.lanes["state"])


class ScheduledVectorEnv(ScheduledTables, GridVectorEnv):
    """Many changing `GridEnv`s; the clock of each lane is its own. See `ScheduledTables` and `MdpVectorEnv`."""

    def __init__(self, num_envs: int = 1, **arguments: Any) -> None:
        super().__init__(num_envs, **arguments)
        self.schedule(self.world.since)


def vector_of(single: type[MdpEnv], base: type[MdpVectorEnv] | None = None) -> type[Any]:
    """The vector class of an environment, called as it is with ``Vector`` behind.

    Args:
        single: the class of one environment.
        base: what the vector builds on; `GridVectorEnv` or `MdpVectorEnv`, as the single one does, if not given.
    """
    if base is None:
        base = GridVectorEnv if issubclass(single, GridEnv) else MdpVectorEnv
    described = (
        f"Many `{single.__name__}`s stepped by one compiled call; see `{base.__name__}` for its arguments."
    )
    members = {"Options": single.Options, "__doc__": described, "__module__": single.__module__}
    return type(f"{single.__name__}Vector", (base,), members)


def _make(environment: Any, render_mode: str | None, options: dict[str, Any]) -> _Made:
    modes = environment.metadata["render_modes"]
    if render_mode is not None and render_mode not in modes:
        known = " or ".join(["None", *map(repr, modes)])
        raise ArenaError(f"render_mode is {render_mode!r}", f"give {known}")
    if isinstance(options.get("map"), os.PathLike):
        options["map"] = os.path.abspath(options["map"])  # has a separator, so it is never taken for a map
    read: Any = coerce(environment.Options, options, where="")
    built = read.build()
    if isinstance(built, TransitionModel):
        built = World.layered(built, np.zeros((1, 1, built.num_states), dtype=np.uint8))
    names = getattr(read, "labels", ())
    tile = read.tile if read.observation == "pixels" else 1  # a label a pixel, or a cell
    return _Made(read, built, _observer(read, built), built.labels(names, tile) if names else None)


def _observer(options: Any, world: World) -> Observer | None:
    """What an environment shows, where that is not the state's index."""
    look = (options.observation, getattr(options, "view", 1), getattr(options, "tile", 1))
    if len(world.since) > 1 and options.observation in ("index", "onehot"):
        cells = world.rows * world.columns
        first = World(world.model, world.layouts[:1], world.position[:cells], world.layout[:cells])
        return AtPosition(world.position, cells, first.observer(*look))
    return world.observer(*look)


def _pictures(world: World, mode: str | None, states: npt.NDArray[np.int64] | None) -> tuple[Any, ...] | None:
    """A picture of each state, or one of no state."""
    if mode is None:
        gym.logger.warn(
            'render() needs a render_mode; make the environment with render_mode="ansi" or "rgb_array"'
        )
        return None
    if mode == "ansi":
        return tuple(map(world.text, [None] if states is None else states.tolist()))
    return tuple(world.frames(np.flatnonzero(world.model.initial)[:1] if states is None else states))
