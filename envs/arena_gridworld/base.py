"""Environments made from options: a single and a vector environment for every gridworld and finite MDP.

The options of an environment are a frozen dataclass with a field ``observation`` and a method ``build``, which returns
a `World`, or a `TransitionModel` if there is nothing to draw.
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
from arena_gridworld.painter import GridPainter, controls_for_moves
from arena_gridworld.schedule import PositionObserver, ScheduledTableVectorEnv
from arena_gridworld.world import World

if TYPE_CHECKING:
    from arena.environments.rendering import Controls
    from arena_gridworld.observation import StateLabeler

__all__ = ["GridEnv", "GridVectorEnv", "MdpEnv", "MdpVectorEnv", "ScheduledVectorEnv", "make_vector_class"]


class Options(Protocol):
    """Interface of the options of an environment."""

    observation: str

    def build(self) -> World | TransitionModel:
        """Build the environment that the options describe."""


class _Parts(NamedTuple):
    """Parts of an environment.

    Attributes:
        options: its options.
        world: its states and their layouts.
        observer: makes observations of states; None for the index of the state.
        labels: makes labels of states for `info`, or None.
    """

    options: Any
    world: World
    observer: Observer | None
    labels: StateLabeler | None


class MdpEnv(TableEnv):
    """A finite Markov decision process; a subclass names the dataclass of its options.

    Args:
        render_mode: one of ``metadata["render_modes"]``, or None.
        options: fields of `Options`, by name.

    Attributes:
        options: the options, as an instance of `Options`.
        world: its states and their layouts.
        model: the dynamics as a `TransitionModel`; None where they change.

    Raises:
        ArenaError: an option that does not exist, a value out of range, options that describe no environment.
    """

    Options: ClassVar[type[Any]]

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        parts = _build_parts(type(self), render_mode, options)
        self.options, self.world, self._labels = parts.options, parts.world, parts.labels
        super().__init__(parts.world.model, render_mode, parts.observer)
        if len(parts.world.phase_starts) > 1:
            self.model = None  # type: ignore[assignment]

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """Space of each label in `info`, by name."""
        return {} if self._labels is None else {**self._labels.spaces}

    def _make_lane(self, model: TransitionModel, observer: Observer | None) -> TableVectorEnv:
        if len(self.world.phase_starts) == 1:
            return super()._make_lane(model, observer)
        lane = ScheduledTableVectorEnv(model, observer=observer)
        lane.set_phases(self.world.phase_starts)
        return lane

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = super().reset(seed=seed, options=options)
        return observation, {**info, **self._label_info()}

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated, truncated, {**info, **self._label_info()}

    def _label_info(self) -> dict[str, Any]:
        if self._labels is None:
            return {}
        return {name: values[0] for name, values in self._labels(self._lane.lanes["state"].copy()).items()}


class MdpVectorEnv(TableVectorEnv):
    """Many copies of an `MdpEnv`, stepped by one compiled call; each lane equals the single environment with its seed.

    An integer seed s gives lane i the seed s + i. Labels are in `info` as in Gymnasium's vector environments: an array
    over the lanes under the label's name, and those of final states under ``final_info``.

    Args:
        num_envs: number of lanes.
        max_episode_steps: steps after which an episode is truncated, or None.
        render_mode: one of ``metadata["render_modes"]``, or None.
        options: fields of `Options`, by name.

    Attributes:
        options: the options, as an instance of `Options`.
        world: its states and their layouts.
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
        parts = _build_parts(type(self), render_mode, options)
        self.options, self.world, self._labels = parts.options, parts.world, parts.labels
        super().__init__(parts.world.model, num_envs, max_episode_steps, parts.observer)
        self.render_mode = render_mode

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """Space of each label of one lane, by name."""
        return {} if self._labels is None else {**self._labels.spaces}

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = super().reset(**arguments)
        return observation, {
            **info,
            **self._label_info(self.lanes["state"], np.ones(self.num_envs, dtype=np.bool_)),
        }

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(actions)
        if self._labels is not None:
            info.update(self._label_info(self.lanes["state"], np.ones(self.num_envs, dtype=np.bool_)))
            if "_final_obs" in info:
                done = info["_final_obs"]
                info.update(final_info=self._label_info(self.lanes["next_state"], done), _final_info=done)
        return observation, reward, terminated, truncated, info

    def _label_info(self, states: npt.NDArray[np.int64], lanes: npt.NDArray[np.bool_]) -> dict[str, Any]:
        info: dict[str, Any] = {}
        if self._labels is not None:
            for name, values in self._labels(states.copy()).items():
                info[name], info[f"_{name}"] = values, lanes
        return info


class GridEnv(MdpEnv):
    """A gridworld: a walker on a map.

    Unless an option changes it, an observation is the index of a state: the cell, ``row * columns + column``, for each
    layout that the map can take. Actions are 0 up, 1 right, 2 down and 3 left, unless the environment defines others.
    It renders as text (``ansi``), with an ``@`` for the walker, and as an image (``rgb_array``: uint8, shape
    (rows · 32, columns · 32, 3)).
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 8}  # noqa: RUF012

    @property
    def grid(self) -> GridMap:
        """The map at the start of an episode."""
        return GridMap(self.world.layouts[0])

    @functools.cached_property
    def painter(self) -> GridPainter:
        """Painter that draws the map at any size; a `scene` is the index of a state."""
        return GridPainter(self.world, self._lane.observer)

    def scene(self) -> int:
        """The instant that `painter` draws: the index of the present state."""
        return self.state_index

    @property
    def controls(self) -> Controls:
        """Keys for the moves; no step is taken until one is pressed."""
        return controls_for_moves(self.world.moves)

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """The map as text, rows separated by newlines, or as an image; without ``@`` before the first reset."""
        states = self._lane.lanes["state"] if self._has_started else None
        pictures = _rendered(self.world, self.render_mode, states)
        return None if pictures is None else pictures[0]


class GridVectorEnv(MdpVectorEnv):
    """Many `GridEnv`s stepped by one compiled call; see `MdpVectorEnv`."""

    metadata: dict[str, Any] = {**NativeVectorEnv.metadata, **GridEnv.metadata}  # noqa: RUF012

    @property
    def grid(self) -> GridMap:
        """The map at the start of an episode."""
        return GridMap(self.world.layouts[0])

    def render(self) -> tuple[Any, ...] | None:
        """Text or image of each lane, as from `GridEnv.render`; None without a render mode."""
        return _rendered(self.world, self.render_mode, self.lanes["state"])


class ScheduledVectorEnv(ScheduledTableVectorEnv, GridVectorEnv):
    """Many copies of a `GridEnv` that changes over time, each with its own clock; see `ScheduledTableVectorEnv`."""

    def __init__(self, num_envs: int = 1, **arguments: Any) -> None:
        super().__init__(num_envs, **arguments)
        self.set_phases(self.world.phase_starts)


def make_vector_class(single: type[MdpEnv], base: type[MdpVectorEnv] | None = None) -> type[Any]:
    """Make the vector class of an environment; its name is that of the environment followed by ``Vector``.

    Args:
        single: class of the single environment.
        base: base class of the vector; None for `GridVectorEnv` or `MdpVectorEnv`, to match the single environment.
    """
    if base is None:
        base = GridVectorEnv if issubclass(single, GridEnv) else MdpVectorEnv
    described = (
        f"Many `{single.__name__}`s stepped by one compiled call; see `{base.__name__}` for its arguments."
    )
    members = {"Options": single.Options, "__doc__": described, "__module__": single.__module__}
    return type(f"{single.__name__}Vector", (base,), members)


def _build_parts(environment: Any, render_mode: str | None, options: dict[str, Any]) -> _Parts:
    modes = environment.metadata["render_modes"]
    if render_mode is not None and render_mode not in modes:
        known = " or ".join(["None", *map(repr, modes)])
        raise ArenaError(f"render_mode is {render_mode!r}", f"give {known}")
    if isinstance(options.get("map"), os.PathLike):
        options["map"] = os.path.abspath(options["map"])  # a separator, so that it is never read as a map
    read: Any = coerce(environment.Options, options, where="")
    built = read.build()
    if isinstance(built, TransitionModel):
        built = World.layered(built, np.zeros((1, 1, built.num_states), dtype=np.uint8))
    names = getattr(read, "labels", ())
    tile = read.tile_size if read.observation == "pixels" else 1  # one label per pixel, or per cell
    return _Parts(read, built, _observer(read, built), built.labels(names, tile) if names else None)


def _observer(options: Any, world: World) -> Observer | None:
    """Observer of an environment; None for the index of the state."""
    look = (options.observation, getattr(options, "view_size", 1), getattr(options, "tile_size", 1))
    if len(world.phase_starts) > 1 and options.observation in ("index", "onehot"):
        cells = world.rows * world.columns
        first = World(world.model, world.layouts[:1], world.position[:cells], world.layout[:cells])
        return PositionObserver(world.position, cells, first.observer(*look))
    return world.observer(*look)


def _rendered(world: World, mode: str | None, states: npt.NDArray[np.int64] | None) -> tuple[Any, ...] | None:
    """Text or image of each state; of the map alone where states are None."""
    if mode is None:
        gym.logger.warn(
            'render() needs a render_mode; make the environment with render_mode="ansi" or "rgb_array"'
        )
        return None
    if mode == "ansi":
        return tuple(map(world.text, [None] if states is None else states.tolist()))
    return tuple(world.frames(np.flatnonzero(world.model.initial)[:1] if states is None else states))
