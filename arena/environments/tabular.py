"""Tabular environments: a `TransitionModel` stepped by compiled code, in any number of parallel lanes.

Every environment with a transition model runs here, including Gymnasium's toy-text environments. The kernels take
*records* (elements of structured arrays), so that a tabular learner can call them inside its own compiled loop:
numba counts references on every array that crosses a call, which costs 25 times the step itself; a record is a
pointer (docs/decisions/0002-records.md has the measurement).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from numba import njit

from arena.config.validation import validated_count
from arena.environments.vector_env import Array, NativeVectorEnv, checked_seeds
from arena.errors import ArenaError
from arena.random.counter_based import fold, mix, uniform

if TYPE_CHECKING:
    from arena.environments.mdp import TransitionModel
    from arena.storage.codec import State

__all__ = [
    "LANE",
    "Observer",
    "TableEnv",
    "TableVectorEnv",
    "Tables",
    "advance_lane",
    "step_lane",
    "tables_of",
]

#: Limit of an episode without a time limit.
NO_LIMIT = np.iinfo(np.int64).max

#: Record of one outcome of a row; `cumulative` is the probability of this outcome or an earlier one of the row.
OUTCOME = np.dtype(
    [("successor", np.int32), ("terminated", np.bool_), ("cumulative", np.float64), ("reward", np.float64)],
    align=True,
)

#: Record of a state in which an episode can begin.
START = np.dtype([("state", np.int64), ("cumulative", np.float64)], align=True)

#: Record of one of the parallel episodes: its state, and the results of its last step.
LANE = np.dtype(
    [
        ("key", np.uint64),
        ("episode", np.int64),
        ("episode_key", np.uint64),
        ("elapsed", np.int64),
        ("state", np.int64),
        ("next_state", np.int64),
        ("reward", np.float64),
        ("terminated", np.bool_),
        ("truncated", np.bool_),
    ],
    align=True,
)


class Tables(NamedTuple):
    """Arrays of a transition model for the kernels; unpack them once, outside the loop.

    Attributes:
        num_actions: number of actions; row ``state * num_actions + action`` belongs to (state, action).
        indptr: int64, shape (rows + 1,): row r is ``outcomes[indptr[r]:indptr[r + 1]]``.
        outcomes: `OUTCOME` records, shape (transitions,).
        starts: `START` records, shape (states of positive initial probability,).
    """

    num_actions: int
    indptr: npt.NDArray[np.int64]
    outcomes: npt.NDArray[Any]
    starts: npt.NDArray[Any]


def tables_of(model: TransitionModel) -> Tables:
    """Convert a transition model to arrays for the kernels."""
    outcomes = np.zeros(model.transitions, dtype=OUTCOME)
    for name in ("successor", "terminated", "reward"):
        outcomes[name] = getattr(model, name)
    # A separate cumulative sum for each row, as in Gymnasium's sampler: a difference of sums over the whole array
    # would round differently.
    lengths = np.diff(model.indptr)
    for width in np.unique(lengths):
        columns = model.indptr[:-1][lengths == width][:, None] + np.arange(width)
        outcomes["cumulative"][columns] = np.cumsum(model.probability[columns], axis=1)
    # A row may sum to slightly less than one: its last outcome of positive probability gets the rest.
    possible = np.where(model.probability > 0, np.arange(model.transitions), -1)
    outcomes["cumulative"][np.maximum.reduceat(possible, model.indptr[:-1])] = 1.0
    support = np.flatnonzero(model.initial)
    starts = np.zeros(len(support), dtype=START)
    starts["state"], starts["cumulative"] = support, np.cumsum(model.initial[support])
    return Tables(model.num_actions, model.indptr, outcomes, starts)


@njit(cache=True, forceinline=True)
def first_state(starts, u):  # type: ignore[no-untyped-def]
    """First state whose cumulative probability exceeds u."""
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high) // 2
        if starts[middle].cumulative <= u:
            low = middle + 1
        else:
            high = middle
    return starts[low].state


@njit(cache=True, forceinline=True)
def begin_lane(starts, lane, episode):  # type: ignore[no-untyped-def]
    """Start an episode: set its key, and sample its first state from the initial distribution."""
    lane.episode = episode
    lane.episode_key = fold(lane.key, episode)
    lane.elapsed = 0
    lane.state = first_state(starts, uniform(fold(lane.episode_key, 0)))


@njit(cache=True, forceinline=True)
def step_lane(num_actions, indptr, outcomes, lane, action, limit):  # type: ignore[no-untyped-def]
    """Take one step: set `next_state`, `reward`, `terminated` and `truncated`, and leave `state` unchanged."""
    row = lane.state * num_actions + action
    j, last = indptr[row], indptr[row + 1] - 1
    lane.elapsed += 1
    if j < last:
        u = uniform(fold(lane.episode_key, lane.elapsed))
        while j < last and outcomes[j].cumulative <= u:
            j += 1
    outcome = outcomes[j]
    lane.next_state = outcome.successor
    lane.reward = outcome.reward
    lane.terminated = outcome.terminated
    lane.truncated = lane.elapsed >= limit


@njit(cache=True, forceinline=True)
def advance_lane(starts, lane):  # type: ignore[no-untyped-def]
    """Set `state` to the state of the next action: the successor, or the first state of the next episode."""
    if lane.terminated or lane.truncated:
        begin_lane(starts, lane, lane.episode + 1)
    else:
        lane.state = lane.next_state


@njit(cache=True)
def begin_all(starts, lanes, first):  # type: ignore[no-untyped-def]
    """Start episode 0 in every lane if `first`, otherwise each lane's next episode."""
    for i in range(len(lanes)):
        begin_lane(starts, lanes[i], 0 if first else lanes[i].episode + 1)


@njit(cache=True)
def step_all(num_actions, indptr, outcomes, starts, lanes, action, limit, advance):  # type: ignore[no-untyped-def]
    """Take one step in every lane, and advance the lanes if `advance`.

    Returns:
        −1, or the first lane whose action is out of range; no lane is then stepped.
    """
    for i in range(len(lanes)):
        if action[i] < 0 or action[i] >= num_actions:
            return i
    for i in range(len(lanes)):
        step_lane(num_actions, indptr, outcomes, lanes[i], action[i], limit)
        if advance:
            advance_lane(starts, lanes[i])
    return -1


class Observer(Protocol):
    """Observations of a tabular environment's states other than their index.

    Attributes:
        space: space of one observation.
    """

    space: gym.Space[Any]

    def observe(self, states: npt.NDArray[np.int64], out: Array) -> None:
        """Write the observations of states into `out`, of shape (len(states), *space.shape)."""


class TableVectorEnv(NativeVectorEnv):
    """Vector environment of a tabular MDP, stepped by one compiled call.

    Args:
        model: transition model of the MDP.
        num_envs: number of parallel episodes ("lanes").
        max_episode_steps: number of steps after which an episode is truncated, or None.
        observer: observations of the states; by default their index.

    Attributes:
        lanes: `LANE` records, shape (num_envs,).
        limit: `max_episode_steps`, or the largest integer.
    """

    #: Whether a learner's own compiled loop may step the lanes; False in subclasses with another step.
    drivable: ClassVar[bool] = True

    def __init__(
        self,
        model: TransitionModel,
        num_envs: int = 1,
        max_episode_steps: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        space = gym.spaces.Discrete(model.num_states) if observer is None else observer.space
        super().__init__(num_envs, space, gym.spaces.Discrete(model.num_actions))
        self.model, self.observer = model, observer
        self.lanes = np.zeros(self.num_envs, dtype=LANE)
        self.limit = (
            NO_LIMIT if max_episode_steps is None else validated_count("max_episode_steps", max_episode_steps)
        )
        self.observation = self.lanes["state"]
        if observer is not None:
            self.observation = np.zeros((self.num_envs, *(space.shape or ())), dtype=space.dtype)
        self.reward = self.lanes["reward"]
        self.terminated, self.truncated = self.lanes["terminated"], self.lanes["truncated"]

    @functools.cached_property
    def tables(self) -> Tables:
        """Arrays of the MDP for the kernels; made at the first step, since planners never step."""
        return tables_of(self.model)

    def begin(self, seeds: Sequence[int]) -> None:
        self.lanes["key"] = [mix(np.uint64(seed)) for seed in checked_seeds(seeds, self.num_envs)]
        begin_all(self.tables.starts, self.lanes, True)
        self._has_started = True
        self._observe()

    def restart(self) -> None:
        begin_all(self.tables.starts, self.lanes, False)
        self._observe()

    def advance(self, action: Array) -> None:
        self._step(action, advance=True)
        self._observe()

    def successors(self, lanes: Array | slice = slice(None)) -> Array:
        states = self.lanes["next_state"][lanes]
        if self.observer is None:
            return states
        # Computed on demand: most successors are also the next observation.
        out = np.empty((len(states), *self.observation.shape[1:]), dtype=self.observation.dtype)
        self.observer.observe(states, out)
        return out

    def step_only(self, action: Array) -> None:
        """Step every lane to its successor, also at an episode's end; `TableEnv` resets separately."""
        self._step(action, advance=False)
        self.lanes["state"] = self.lanes["next_state"]
        self._observe()

    def state(self) -> State:
        return {name: self.lanes[name].copy() for name in LANE.names or ()}

    def restore(self, state: State) -> None:
        expected = dict.fromkeys(LANE.names or (), (self.num_envs,))
        if {name: np.shape(values) for name, values in state.items()} != expected:
            problem = f"the state is not of {self.num_envs} tabular environments"
            raise ArenaError(problem, "restore it into the same environment, with as many copies")
        for name, values in state.items():
            self.lanes[name] = values
        self._has_started = True
        self._observe()

    def _observe(self) -> None:
        if self.observer is not None:
            self.observer.observe(self.lanes["state"], self.observation)

    def _step(self, action: Array, advance: bool) -> None:
        action = np.asarray(action)
        if action.shape != (self.num_envs,) or not np.issubdtype(action.dtype, np.integer):
            problem = (
                f"actions of shape {action.shape} and type {action.dtype} for {self.num_envs} environments"
            )
            raise ArenaError(problem, "give each environment one integer")
        action = np.ascontiguousarray(action, dtype=np.int64)
        num_actions, indptr, outcomes, starts = self.tables
        lane = step_all(num_actions, indptr, outcomes, starts, self.lanes, action, self.limit, advance)
        if lane >= 0:
            problem = f"action {action[lane]} in environment {lane} is out of range"
            raise ArenaError(problem, f"give an integer in [0, {num_actions})")


class TableEnv(gym.Env[Any, np.int64]):
    """Gymnasium environment of a tabular MDP, equal to a lane of `TableVectorEnv` with the same seed.

    Args:
        model: transition model of the MDP.
        render_mode: render mode of the subclass, or None.
        observer: observations of the states; by default their index.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self, model: TransitionModel, render_mode: str | None = None, observer: Observer | None = None
    ) -> None:
        self.model = model
        self.render_mode = render_mode
        self._lane = self._make_lane(model, observer)
        self._has_started = False
        self.observation_space = self._lane.single_observation_space
        self.action_space = self._lane.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is None and self._has_started:
            self._lane.restart()
        else:
            self._lane.begin([int(self.np_random.integers(2**31)) if seed is None else seed])
            self._has_started = True
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        lane = self._lane
        lane.step_only(np.array([action]))
        return self._observe(), float(lane.reward[0]), bool(lane.terminated[0]), False, {}

    def state(self) -> State:
        """Exact state of the episode."""
        return self._lane.state()

    def restore(self, state: State) -> None:
        """Restore a state from `state`."""
        self._lane.restore(state)
        self._has_started = True

    @property
    def state_index(self) -> int:
        """Index of the current state in the model."""
        return int(self._lane.lanes["state"][0])

    def _make_lane(self, model: TransitionModel, observer: Observer | None) -> TableVectorEnv:
        """Vector environment of one lane, which steps this environment; overridden where the dynamics change."""
        return TableVectorEnv(model, observer=observer)

    def _observe(self) -> Any:
        observation = self._lane.observation[0]
        return np.int64(observation) if self._lane.observer is None else observation.copy()
