"""Environments made from options: a single and a vector environment for every control system.

The options of an environment are a frozen dataclass, a subclass of `ControlOptions` with a method ``build`` that
returns a `System`.
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
from arena_control.drawing import Rasterizer
from arena_control.engine import LANE, NO_LIMIT, Floats, StepSettings
from arena_control.painter import (
    ControlPainter,
    controls_for_system,
    make_rasterizer,
    render_frames,
)
from arena_control.system import System

if TYPE_CHECKING:
    from arena.environments.rendering import Controls
    from arena.storage.codec import State

__all__ = ["ControlEnv", "ControlVectorEnv", "make_vector_class"]

Frames = npt.NDArray[np.uint8]

#: Width and height of a rendered image, in pixels.
RENDER_SIZE = 400


class ControlVectorEnv(NativeVectorEnv):
    """Many copies of a controlled system, stepped by one compiled call; each lane equals the single environment.

    States are computed in float64 and observed in float32. An episode's first state, parameters and noise depend on
    the seed of its lane and its number alone. Labels are in `info` as in Gymnasium's vector environments: an array
    over the lanes under the label's name, and those of final states under ``final_info``.

    Args:
        num_envs: number of lanes.
        max_episode_steps: steps after which an episode is truncated, or None.
        render_mode: ``"rgb_array"`` or None.
        options: fields of `Options`, by name.

    Attributes:
        options: the options, as an instance of `Options`.
        system: the system that the options describe.
        values: state of every lane, float64, shape (components, num_envs).
        parameters: parameters of the present episodes, float64, shape (count, num_envs).
        label_spaces: space of each label of one environment, by name.

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
            raise ArenaError(
                "observation_noise is not supported for images",
                "set observation_noise to 0, or choose observation state or no-velocity",
            )
        super().__init__(num_envs, self._space(), self.system.action_space)
        state_space: gym.spaces.Box = gym.spaces.Box(*self.system.observation_limits, dtype=np.float32)
        self.label_spaces: dict[str, gym.spaces.Box] = dict.fromkeys(self.options.labels, state_space)
        self._make_buffers()
        self._settings = self._make_settings(max_episode_steps)

    def _make_buffers(self) -> None:
        n, system = self.num_envs, self.system
        count, width = len(system.initial_state), len(system.observation_bounds)
        actions = system.action_levels.shape[1] if len(system.action_levels) else system.action_size
        self.lanes = np.zeros(n, dtype=LANE)
        # At index 0 the present values, at 1 those where an episode ended.
        self._states, self._drawn = np.zeros((2, count, n)), np.zeros((2, len(system.parameters), n))
        self._work, self._force = np.zeros((4, count, n)), np.zeros((actions, n))
        self._rewards, self._ends = np.zeros((2, n)), np.zeros((3, n), dtype=np.bool_)
        self._finished_lanes = np.zeros(n, dtype=np.int64)
        self._observations = np.zeros((2, n, width), dtype=np.float32)
        self._finished = 0
        self._bind_views()

    def _bind_views(self) -> None:
        """Bind attributes to parts of the buffers; they are views, so a copy of the environment binds its own."""
        self.values, self.parameters = self._states[0], self._drawn[0]
        self.reward, self.terminated, self.truncated = self._rewards[0], self._ends[0], self._ends[1]
        self._full_observation = self.observation = self._observations[0]
        if self.options.observation != "state":
            space: Any = self.single_observation_space
            self.observation = np.zeros((self.num_envs, *space.shape), dtype=space.dtype)

    def _make_settings(self, max_episode_steps: int | None) -> StepSettings:
        system, options = self.system, self.options
        limit = (
            NO_LIMIT if max_episode_steps is None else validated_count("max_episode_steps", max_episode_steps)
        )
        limits = [system.state_limits.get(name, np.inf) for name in system.initial_state]
        intervals = [*system.initial_state.values(), *system.parameters.values()]
        return StepSettings(
            integrator=system.integrator,
            dt=system.dt,
            action_repeat=options.action_repeat,
            sparse=getattr(options, "reward_type", "shaped") == "sparse",
            limit=min(limit, options.max_steps or NO_LIMIT),
            action_bound=1.0 if system.clip_actions else np.inf,
            action_noise=options.action_noise,
            observation_noise=options.observation_noise,
            constants=system.constants,
            initial_box=np.array(intervals, dtype=np.float64).T.copy(),
            limits_and_noise=np.array([limits, system.process_noise or [0.0] * len(limits)]),
            action_levels=system.action_levels,
            observation_limits=np.stack(system.observation_limits),
        )

    def __getstate__(self) -> dict[str, Any]:
        derived = ("system", "_rasterizer", "_render_rasterizer")
        return {name: value for name, value in self.__dict__.items() if name not in derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.system = self.options.build()
        self._bind_views()
        self._update_observation()

    def reset(self, **arguments: Any) -> tuple[Array, dict[str, Any]]:
        observation, info = super().reset(**arguments)
        return observation, {**info, **self._label_info(0, np.ones(self.num_envs, dtype=np.bool_))}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(actions)
        if self.label_spaces:
            info.update(self._label_info(0, np.ones(self.num_envs, dtype=np.bool_)))
            if "_final_obs" in info:
                done = info["_final_obs"]
                info.update(final_info=self._label_info(1, done), _final_info=done)
        return observation, reward, terminated, truncated, info

    def labels(self, which: int = 0) -> dict[str, Array]:
        """Labels of all lanes, by name, each of shape (num_envs, *its space's shape).

        Args:
            which: 0 for the states where the next action is taken; 1 for the final states, where an episode just ended.
        """
        if not self.label_spaces:
            return {}
        exact = self._settings._replace(observation_noise=0.0)
        state = np.empty((self.num_envs, len(self.system.observation_bounds)), dtype=np.float32)
        self.system.kernels.fill_observation(
            exact, self.lanes, self._states[which], self._drawn[which], state
        )
        return {name: state.copy() for name in self.label_spaces}

    def begin(self, seeds: Sequence[int]) -> None:
        self.lanes["key"] = [mix(np.uint64(seed)) for seed in checked_seeds(seeds, self.num_envs)]
        self._start(True)

    def restart(self) -> None:
        self._start(False)

    def advance(self, action: Array) -> None:
        self._step(action, True)

    def step_only(self, action: Array) -> None:
        """Step every lane without starting new episodes, for a caller that resets by hand."""
        self._step(action, False)

    def successors(self, lanes: Array | slice = slice(None)) -> Array:
        which = int(self._finished > 0)
        if self._pixels:
            return self._render(self._rasterizer, self._states[which][:, lanes], self._drawn[which][:, lanes])
        observation: Array = self._observations[which][lanes]
        return observation if self.options.observation == "state" else observation[:, self._visible_columns]

    def state(self) -> State:
        bookkeeping = {name: self.lanes[name].copy() for name in LANE.names or ()}
        return {**bookkeeping, "values": self.values.copy(), "parameters": self.parameters.copy()}

    def restore(self, state: State) -> None:
        shapes = {name: np.shape(value) for name, value in self.state().items()}
        if {name: np.shape(values) for name, values in state.items()} != shapes:
            raise ArenaError(
                f"the state does not fit {self.num_envs} environments of this kind",
                "restore a state of an environment with the same options and number of lanes",
            )
        for name in LANE.names or ():
            self.lanes[name] = state[name]
        self.values[...], self.parameters[...] = state["values"], state["parameters"]
        self._finished, self._has_started = 0, True
        self.system.kernels.fill_observation(
            self._settings, self.lanes, self.values, self.parameters, self._full_observation
        )
        self._update_observation()

    def render(self) -> tuple[Frames, ...] | None:
        """Image of each lane, uint8, shape (400, 400, 3); None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn('render() needs a render_mode; make the environment with render_mode="rgb_array"')
            return None
        if not self._has_started:
            raise ArenaError("there is no state to render yet", "reset the environment first")
        return tuple(self._render(self._render_rasterizer, self.values, self.parameters))

    def _label_info(self, which: int, lanes: npt.NDArray[np.bool_]) -> dict[str, Any]:
        info: dict[str, Any] = {}
        for name, values in self.labels(which).items():
            info[name], info[f"_{name}"] = values, lanes
        return info

    def _start(self, first: bool) -> None:
        self.system.kernels.reset_lanes(
            self._settings, self.lanes, self.values, self.parameters, self._full_observation, first
        )
        self._has_started, self._finished = True, 0
        self._update_observation()

    def _step(self, action: Array, autoreset: bool) -> None:
        columns = self._action_columns(action)
        finished = self.system.kernels.step_lanes(
            self._settings, self.lanes, self._states, self._drawn, self._work, self._force, columns, self._rewards,
            self._ends, self._finished_lanes, self._observations, autoreset, self._pixels or bool(self.label_spaces),
        )  # fmt: skip
        if finished < 0:
            self._refuse_action(-1 - finished, columns[-1 - finished])
        self._finished = finished if autoreset else 0
        self._update_observation()

    def _action_columns(self, action: Array) -> Array:
        """Actions as the kernels take them: int64 or float64, shape (num_envs, width)."""
        action = np.asarray(action)
        space = self.single_action_space
        kinds, dtype = ("iu", np.int64) if isinstance(space, gym.spaces.Discrete) else ("f", np.float64)
        if action.dtype.kind not in kinds or action.shape != (self.num_envs, *(space.shape or ())):
            raise ArenaError(
                f"actions of shape {action.shape} and type {action.dtype} for {self.num_envs} environments",
                f"give each environment one action of {space}",
            )
        return np.ascontiguousarray(action.reshape(self.num_envs, -1), dtype=dtype)

    def _refuse_action(self, lane: int, action: Array) -> None:
        where = f"environment {lane} at step {self.lanes['elapsed'][lane]}"
        if len(self.system.action_levels):
            raise ArenaError(
                f"action {action[0]} in {where} is out of range",
                f"give an integer in [0, {len(self.system.action_levels)})",
            )
        raise ArenaError(f"the action of {where} is {action.tolist()}", "give numbers, none of them NaN")

    def _space(self) -> gym.spaces.Box:
        if self._pixels:
            size = self.options.image_size
            return gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        low, high = self.system.observation_limits
        if self.options.observation == "no-velocity":
            low, high = low[self._visible_columns], high[self._visible_columns]
        return gym.spaces.Box(low, high, dtype=np.float32)

    def _update_observation(self) -> None:
        if self._pixels:
            self._render(self._rasterizer, self.values, self.parameters, self.observation)
        elif self.observation is not self._full_observation:
            self.observation[...] = self._full_observation[:, self._visible_columns]

    @functools.cached_property
    def _visible_columns(self) -> npt.NDArray[np.int64]:
        """Columns of the state that ``no-velocity`` shows."""
        columns = np.arange(len(self.system.observation_bounds))
        visible = np.setdiff1d(columns, np.array(self.system.velocity_columns, dtype=np.int64))
        if not len(visible):
            raise ArenaError("nothing is left to observe without velocities", "choose observation state")
        return visible

    @functools.cached_property
    def _rasterizer(self) -> Rasterizer:
        return make_rasterizer(self.system, self.options.image_size)

    @functools.cached_property
    def _render_rasterizer(self) -> Rasterizer:
        return make_rasterizer(self.system, RENDER_SIZE)

    def _render(
        self, rasterizer: Rasterizer, values: Floats, parameters: Floats, out: Frames | None = None
    ) -> Frames:
        return render_frames(self.system, rasterizer, values, parameters, out)


class ControlEnv(gym.Env[Any, Any]):
    """One controlled system; equal to a lane of its vector environment with the same seed.

    Args:
        render_mode: ``"rgb_array"`` (uint8, shape (400, 400, 3)) or None.
        options: fields of `Options`, by name.

    Attributes:
        options: the options, as an instance of `Options`.

    Raises:
        ArenaError: an option that does not exist, a value out of range, options that describe no environment.
    """

    Options: ClassVar[type[Any]]
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        vector = make_vector_class(type(self))  # type: ignore[arg-type]  # gym.Env hides that its classes are hashable
        self._lane = vector(1, render_mode=render_mode, **options)
        self.options, self.render_mode = self._lane.options, render_mode
        self.observation_space = self._lane.single_observation_space
        self.action_space = self._lane.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is None and self._lane._has_started:
            self._lane.restart()
        else:
            self._lane.begin([int(self.np_random.integers(2**31)) if seed is None else seed])
        return self._lane.observation[0].copy(), self._label_info()

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        lane = self._lane
        lane.step_only(np.asarray(action)[None])
        ends = bool(lane.terminated[0]), bool(lane.truncated[0])
        return lane.observation[0].copy(), float(lane.reward[0]), *ends, self._label_info()

    @property
    def label_spaces(self) -> dict[str, gym.spaces.Box]:
        """Space of each label in `info`, by name."""
        return self._lane.label_spaces

    def state(self) -> State:
        """Exact state of the episode, as copies."""
        return self._lane.state()

    def restore(self, state: State) -> None:
        """Restore a state; the next step continues from there."""
        self._lane.restore(state)

    @property
    def system(self) -> System:
        """The system that the options describe."""
        return self._lane.system

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters of the present episode, by name."""
        return dict(zip(self.system.parameters, self._lane.parameters[:, 0].tolist(), strict=True))

    def render(self) -> Frames | None:
        """Image of the present state, uint8, shape (400, 400, 3); None without a render mode."""
        frames = self._lane.render()
        return None if frames is None else frames[0]

    @functools.cached_property
    def painter(self) -> ControlPainter:
        """Painter that draws the system at any size."""
        return ControlPainter(self.system)

    def scene(self) -> tuple[Floats, Floats]:
        """The instant that `painter` draws: state and parameters, columns of one lane."""
        return self._lane.values.copy(), self._lane.parameters.copy()

    @property
    def controls(self) -> Controls:
        """Keys for the actions, and the action while no key is held."""
        return controls_for_system(self.system)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "painter"}

    def _label_info(self) -> dict[str, Any]:
        return {name: values[0] for name, values in self._lane.labels().items()}


@functools.cache
def make_vector_class(single: type[ControlEnv]) -> type[ControlVectorEnv]:
    """Make the vector class of an environment; its name is that of the environment followed by ``Vector``."""
    described = f"Many `{single.__name__}`s stepped by one compiled call; see `ControlVectorEnv`."
    members = {"Options": single.Options, "__doc__": described, "__module__": single.__module__}
    return type(f"{single.__name__}Vector", (ControlVectorEnv,), members)
