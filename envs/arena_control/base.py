"""From a dataclass of options to a single and a vector environment: the plumbing of all systems, written once.

An environment is its options: a frozen dataclass with a method ``build``, which gives a `System`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.config.options import coerce
from arena.config.validation import validated_count
from arena.environments.vector_env import Array, NativeVectorEnv, checked_seeds
from arena.errors import ArenaError
from arena.random.counter_based import mix
from arena_control.engine import LANE, NO_LIMIT, Setup
from arena_control.options import ControlOptions
from arena_control.painter import ControlPainter, controls_of, frames_of, raster
from arena_control.sketch import Painter
from arena_control.system import System

if TYPE_CHECKING:
    from arena.environments.rendering import Controls
    from arena.storage.codec import State

__all__ = ["ControlEnv", "ControlVectorEnv", "vector_of"]

Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.uint8]

#: Pixels that a rendered frame is wide and high.
RENDERED = 400


class ControlVectorEnv(NativeVectorEnv):
    """Many controlled systems stepped by one compiled call; a lane is the single environment with its seed.

    It computes in float64 and shows float32. An episode's first state, its parameters and its noise depend on its
    lane's seed and its number alone. Labels are in `info` as Gymnasium's vectors have them: an array over the lanes
    under the name, and those of final states under ``final_info``.

    Args:
        num_envs: how many lanes.
        max_episode_steps: the length at which an episode is truncated, or None.
        render_mode: ``"rgb_array"`` or None.
        options: the fields of `Options`, by name.

    Attributes:
        options: what it was made with.
        system: what the options describe.
        values: the state of every lane, float64, shape (components, num_envs).
        parameters: what the present episodes have drawn, float64, shape (count, num_envs).
        label_spaces: of each label of one environment, by name.

    Raises:
        ArenaError: an option that does not exist, a value out of range, options that describe no environment.
    """

    Options: ClassVar[type[Any]]
    metadata: dict[str, Any] = {  # noqa: RUF012
        **NativeVectorEnv.metadata,
        "render_modes": ["rgb_array"],
        "render_fps": 30,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ArenaError(f"render_mode is {render_mode!r}", "give None or 'rgb_array'")
        self.render_mode = render_mode
        self.options: Any = coerce(self.Options, options, where="")
        self.system: System = self.options.build()
        self._pixels = self.options.observation == "pixels"
        if self._pixels and self.options.observation_noise:
            raise ArenaError("observation_noise is for numbers, not for pixels", "leave one of the two out")
        super().__init__(num_envs, self._space(), self.system.action_space)
        truth = gym.spaces.Box(*self.system.bounds, dtype=np.float32)
        self.label_spaces = dict.fromkeys(self.options.labels, truth)
        self._make_buffers()
        self._setup = self._make_setup(max_episode_steps)

    def _make_buffers(self) -> None:
        n, system = self.num_envs, self.system
        count, width = len(system.start), len(system.seen)
        actions = system.levels.shape[1] if len(system.levels) else system.width
        self.lanes = np.zeros(n, dtype=LANE)
        # Each beside what it was where an episode ended.
        self._states, self._drawn = np.zeros((2, count, n)), np.zeros((2, len(system.parameters), n))
        self._work, self._force = np.zeros((4, count, n)), np.zeros((actions, n))
        self._earned, self._ends = np.zeros((2, n)), np.zeros((3, n), dtype=np.bool_)
        self._which, self._seen = np.zeros(n, dtype=np.int64), np.zeros((2, n, width), dtype=np.float32)
        self._finished = 0
        self._look_into()

    def _look_into(self) -> None:
        """Names what the buffers hold: views, which copies of the environment have to find again."""
        self.values, self.parameters = self._states[0], self._drawn[0]
        self.reward, self.terminated, self.truncated = self._earned[0], self._ends[0], self._ends[1]
        self._shown = self.observation = self._seen[0]
        if self.options.observation != "state":
            space: Any = self.single_observation_space
            self.observation = np.zeros((self.num_envs, *space.shape), dtype=space.dtype)

    def _make_setup(self, max_episode_steps: int | None) -> Setup:
        system, options = self.system, self.options
        limit = (
            NO_LIMIT if max_episode_steps is None else validated_count("max_episode_steps", max_episode_steps)
        )
        still = [0.0] * len(system.start)
        return Setup(
            method=system.method,
            dt=system.dt,
            repeat=options.action_repeat,
            sparse=getattr(options, "reward", "shaped") == "sparse",
            limit=min(limit, options.max_steps or NO_LIMIT),
            reach=1.0 if system.clipped else np.inf,
            action_noise=options.action_noise,
            observation_noise=options.observation_noise,
            world=system.world,
            box=np.array([*system.start.values(), *system.parameters.values()], dtype=np.float64).T.copy(),
            margin=np.array(
                [[system.caps.get(name, np.inf) for name in system.start], system.process or still]
            ),
            levels=system.levels,
            bounds=np.stack(system.bounds),
        )

    def __getstate__(self) -> dict[str, Any]:
        made = ("system", "_painter", "_large_painter")
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.system = self.options.build()
        self._look_into()
        self._show()

    def reset(self, **arguments: Any) -> tuple[Array, dict[str, Any]]:
        observation, info = super().reset(**arguments)
        return observation, {**info, **self._told(0, np.ones(self.num_envs, dtype=np.bool_))}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        *results, info = super().step(actions)
        if self.label_spaces:
            info.update(self._told(0, np.ones(self.num_envs, dtype=np.bool_)))
            if "_final_obs" in info:
                done = info["_final_obs"]
                info.update(final_info=self._told(1, done), _final_info=done)
        return (*results, info)  # type: ignore[return-value]

    def labels(self, which: int = 0) -> dict[str, Array]:
        """What there is to tell: by name, shape (num_envs, *its space's shape).

        Args:
            which: 0 for the states where the next action is taken; 1, where an episode just ended, for the final ones.
        """
        if not self.label_spaces:
            return {}
        exact = self._setup._replace(observation_noise=0.0)
        seen = np.empty((self.num_envs, len(self.system.seen)), dtype=np.float32)
        self.system.kernels.look(exact, self.lanes, self._states[which], self._drawn[which], seen)
        return {name: seen.copy() for name in self.label_spaces}

    def begin(self, seeds: Sequence[int]) -> None:
        self.lanes["key"] = [mix(np.uint64(seed)) for seed in checked_seeds(seeds, self.num_envs)]
        self._start(True)

    def restart(self) -> None:
        self._start(False)

    def advance(self, action: Array) -> None:
        self._step(action, True)

    def step_only(self, action: Array) -> None:
        """Steps every lane and leaves it at its successor, ended or not, for whoever resets by hand."""
        self._step(action, False)

    def successors(self, lanes: Array | slice = slice(None)) -> Array:
        which = int(self._finished > 0)
        if self._pixels:
            return self._paint(self._painter, self._states[which][:, lanes], self._drawn[which][:, lanes])
        seen: Array = self._seen[which][lanes]
        return seen if self.options.observation == "state" else seen[:, self._kept]

    def state(self) -> State:
        bookkeeping = {name: self.lanes[name].copy() for name in LANE.names or ()}
        return {**bookkeeping, "values": self.values.copy(), "parameters": self.parameters.copy()}

    def restore(self, state: State) -> None:
        shapes = {name: np.shape(value) for name, value in self.state().items()}
        if {name: np.shape(values) for name, values in state.items()} != shapes:
            raise ArenaError(
                f"the state is not one of {self.num_envs} environments of this kind",
                "restore it where it came from",
            )
        for name in LANE.names or ():
            self.lanes[name] = state[name]
        self.values[...], self.parameters[...] = state["values"], state["parameters"]
        self._finished, self._begun = 0, True
        self.system.kernels.look(self._setup, self.lanes, self.values, self.parameters, self._shown)
        self._show()

    def render(self) -> tuple[Frames, ...] | None:
        """Each lane's frame, uint8, shape (400, 400, 3); None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn('render() needs a render_mode; make the environment with render_mode="rgb_array"')
            return None
        if not self._begun:
            raise ArenaError("there is no state to render yet", "reset the environment first")
        return tuple(self._paint(self._large_painter, self.values, self.parameters))

    def _told(self, which: int, lanes: npt.NDArray[np.bool_]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for name, values in self.labels(which).items():
            told[name], told[f"_{name}"] = values, lanes
        return told

    def _start(self, first: bool) -> None:
        self.system.kernels.begin(self._setup, self.lanes, self.values, self.parameters, self._shown, first)
        self._begun, self._finished = True, 0
        self._show()

    def _step(self, action: Array, onward: bool) -> None:
        taken = self._columns(action)
        finished = self.system.kernels.advance(
            self._setup, self.lanes, self._states, self._drawn, self._work, self._force, taken, self._earned,
            self._ends, self._which, self._seen, onward, self._pixels or bool(self.label_spaces),
        )  # fmt: skip
        if finished < 0:
            self._refuse(-1 - finished, taken[-1 - finished])
        self._finished = finished if onward else 0
        self._show()

    def _columns(self, action: Array) -> Array:
        """Actions as the kernels take them: int64 or float64, shape (num_envs, width)."""
        action = np.asarray(action)
        space = self.single_action_space
        kinds, dtype = ("iu", np.int64) if isinstance(space, gym.spaces.Discrete) else ("f", np.float64)
        if action.dtype.kind not in kinds or action.shape != (self.num_envs, *(space.shape or ())):
            raise ArenaError(
                f"actions of shape {action.shape} and type {action.dtype} for {self.num_envs} environments",
                f"give each environment one of {space}",
            )
        return np.ascontiguousarray(action.reshape(self.num_envs, -1), dtype=dtype)

    def _refuse(self, lane: int, action: Array) -> None:
        where = f"environment {lane} at step {self.lanes['elapsed'][lane]}"
        if len(self.system.levels):
            raise ArenaError(
                f"action {action[0]} in {where} is out of range",
                f"give an integer in [0, {len(self.system.levels)})",
            )
        raise ArenaError(f"the action of {where} is {action.tolist()}", "give numbers, none of them NaN")

    def _space(self) -> gym.Space[Any]:
        if self._pixels:
            size = self.options.size
            return gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        low, high = self.system.bounds
        if self.options.observation == "no-velocity":
            low, high = low[self._kept], high[self._kept]
        return gym.spaces.Box(low, high, dtype=np.float32)

    def _show(self) -> None:
        if self._pixels:
            self._paint(self._painter, self.values, self.parameters, self.observation)
        elif self.observation is not self._shown:
            self.observation[...] = self._shown[:, self._kept]

    @functools.cached_property
    def _kept(self) -> npt.NDArray[np.int64]:
        kept = np.setdiff1d(np.arange(len(self.system.seen)), self.system.velocities)
        if not len(kept):
            raise ArenaError("nothing is left without velocities", "observe the state")
        return kept

    @functools.cached_property
    def _painter(self) -> Painter:
        return raster(self.system, self.options.size)

    @functools.cached_property
    def _large_painter(self) -> Painter:
        return raster(self.system, RENDERED)

    def _paint(
        self, painter: Painter, values: Floats, parameters: Floats, out: Frames | None = None
    ) -> Frames:
        return frames_of(self.system, painter, values, parameters, out)


class ControlEnv(gym.Env[Any, Any]):
    """One controlled system; equal to a lane of its vector with the same seed.

    Args:
        render_mode: ``"rgb_array"`` (uint8, shape (400, 400, 3)) or None.
        options: the fields of `Options`, by name.

    Attributes:
        options: what it was made with.

    Raises:
        ArenaError: an option that does not exist, a value out of range, options that describe no environment.
    """

    Options: ClassVar[type[ControlOptions]]
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        made = vector_of(type(self))  # type: ignore[arg-type]
        self._lane = made(1, render_mode=render_mode, **options)
        self.options, self.render_mode = self._lane.options, render_mode
        self.observation_space = self._lane.single_observation_space
        self.action_space = self._lane.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is None and self._lane._begun:
            self._lane.restart()
        else:
            self._lane.begin([int(self.np_random.integers(2**31)) if seed is None else seed])
        return self._lane.observation[0].copy(), self._told()

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        lane = self._lane
        lane.step_only(np.asarray(action)[None])
        ends = bool(lane.terminated[0]), bool(lane.truncated[0])
        return lane.observation[0].copy(), float(lane.reward[0]), *ends, self._told()

    @property
    def label_spaces(self) -> dict[str, gym.spaces.Box]:
        """The space of each label that `info` has, by name."""
        return self._lane.label_spaces

    def state(self) -> State:
        """Exactly where the episode stands."""
        return self._lane.state()

    def restore(self, state: State) -> None:
        """Goes back to where `state` was taken."""
        self._lane.restore(state)

    @property
    def system(self) -> System:
        """What the options describe."""
        return self._lane.system

    @property
    def parameters(self) -> dict[str, float]:
        """What the present episode has drawn, by name."""
        return dict(zip(self.system.parameters, self._lane.parameters[:, 0].tolist(), strict=True))

    def render(self) -> Frames | None:
        """A frame, uint8, shape (400, 400, 3); None without a render mode."""
        frames = self._lane.render()
        return None if frames is None else frames[0]

    @functools.cached_property
    def painter(self) -> ControlPainter:
        """What draws it at any size."""
        return ControlPainter(self.system)

    def scene(self) -> tuple[Floats, Floats]:
        """What `painter` has to know of this instant: the state and the parameters, columns of one lane."""
        return self._lane.values.copy(), self._lane.parameters.copy()

    @property
    def controls(self) -> Controls:
        """What the arrow keys do, and what happens while none is held."""
        return controls_of(self.system)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "painter"}

    def _told(self) -> dict[str, Any]:
        return {name: values[0] for name, values in self._lane.labels().items()}


@functools.cache
def vector_of(single: type[ControlEnv]) -> type[ControlVectorEnv]:
    """The vector class of an environment, called as it is with ``Vector`` behind."""
    described = f"Many `{single.__name__}`s stepped by one compiled call; see `ControlVectorEnv`."
    members = {"Options": single.Options, "__doc__": described, "__module__": single.__module__}
    return type(f"{single.__name__}Vector", (ControlVectorEnv,), members)
