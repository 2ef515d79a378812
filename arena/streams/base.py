"""Streams of transitions from parallel environments, with resets handled inside."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.environments.spaces import Identity, View
from arena.environments.tabular import TableVectorEnv
from arena.errors import ArenaError
from arena.streams.episode_statistics import EPISODE, TOTALS, account_all

if TYPE_CHECKING:
    from arena.environments.vector_env import NativeVectorEnv
    from arena.storage.codec import State

__all__ = ["FIX_WITH_WRAPPER", "NativeStream", "Progress", "Stream", "Transition"]

Array = npt.NDArray[Any]

#: Remedy for invalid values from an environment.
FIX_WITH_WRAPPER = "fix it with a wrapper (--wrap)"


@dataclass(frozen=True)
class Progress:
    """Progress of training, yielded by `Agent.train`.

    Attributes:
        steps: environment steps so far over all lanes; sweeps so far for a planner.
        episodes: episodes finished so far.
        metrics: current metrics of the algorithm. They must depend only on the steps taken, not on the runner's
            boundaries, so that a resumed run logs the same bytes.
    """

    steps: int
    episodes: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)


class Transition(NamedTuple):
    """One step of every lane; the arrays belong to the stream and are valid until its next step.

    Attributes:
        observation: observation in which the action was taken, shape (num_envs, *observation_space.shape).
        action: shape (num_envs, *action_space.shape).
        reward: float64, shape (num_envs,).
        terminated: bool, shape (num_envs,): the episode reached a terminal state, whose value is zero.
        truncated: bool, shape (num_envs,): the episode was cut off; the value of the next state is not zero.
        next_observation: true successor observation, also at an episode's end; shape as `observation`.
        bonus: float64, shape (num_envs,): exploration bonus that is added to an agent's targets: the experiment's
            novelty bonus, or 0; an agent may add its own. It is not part of any return.
    """

    observation: Array
    action: Array
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    next_observation: Array
    bonus: npt.NDArray[np.float64]


class Stream(ABC):
    """Stream of transitions from a vector environment.

    Args:
        num_envs: number of parallel environments ("lanes").
        observations: conversion of the environment's observations to the agent's.
        actions: conversion of the agent's actions to the environment's.
        label: name of the environment in errors.

    Attributes:
        observation: observation in which the next action is taken, shape (num_envs, …).
        steps: environment steps so far, over all lanes.
        boundary: number of steps at which an agent must yield to the runner.
        episode_account: `EPISODE` records, shape (num_envs,).
        totals: one `TOTALS` record, shape (1,).
        notice: message for the user about the last `load_state_dict`, in one line, or None.
    """

    observation: Array
    notice: str | None = None

    def __init__(self, num_envs: int, observations: View, actions: View, label: str) -> None:
        self.num_envs, self.label = num_envs, label
        self.observations, self.actions = observations, actions
        self.observation_space, self.action_space = observations.outer, actions.outer
        self.steps = 0
        self.boundary = np.iinfo(np.int64).max
        self.episode_account = np.zeros(num_envs, dtype=EPISODE)
        self.totals = np.zeros(1, dtype=TOTALS)
        self.observation = _buffer(num_envs, self.observation_space)
        self.transition = Transition(
            _buffer(num_envs, self.observation_space),
            _buffer(num_envs, self.action_space),
            np.zeros(num_envs),
            np.zeros(num_envs, dtype=np.bool_),
            np.zeros(num_envs, dtype=np.bool_),
            _buffer(num_envs, self.observation_space),
            np.zeros(num_envs),
        )

    @property
    def remaining(self) -> int:
        """Environment steps until the runner's next boundary; at least one vector step fits when it is positive."""
        return max(0, self.boundary - self.steps)

    @property
    def episodes(self) -> int:
        """Number of episodes that have ended."""
        return int(self.totals["episodes"][0])

    def step(self, action: Array) -> Transition:
        """Take one step in every lane; a lane whose episode has ended starts the next one.

        Args:
            action: shape (num_envs, *action_space.shape).

        Raises:
            ArenaError: an action outside the space, an exception of the environment (which is the cause), or an
                observation or reward that is infinite or NaN.
        """
        transition = self.transition
        transition.observation[...] = self.observation
        transition.action[...] = action
        transition.bonus[...] = 0
        self._advance(transition)
        self._count_episodes(transition)
        self.steps += self.num_envs
        return transition

    def progress(self, **metrics: float) -> Progress:
        """Progress record for an agent to yield, with the current counts and the given metrics."""
        return Progress(self.steps, self.episodes, metrics)

    def take_log(self) -> dict[str, float | None]:
        """Return mean return and length of the episodes that ended since the last call; None if none ended."""
        totals = self.totals[0]
        recent = int(totals["recent"])
        log = {
            "episode_return": float(totals["return_sum"]) / recent if recent else None,
            "episode_length": float(totals["length_sum"]) / recent if recent else None,
        }
        for name in ("recent", "return_sum", "length_sum"):
            self.totals[name] = 0
        return log

    def state_dict(self) -> State:
        """State from which the stream continues exactly."""
        return {
            "kind": type(self).__name__,
            "num_envs": self.num_envs,
            "steps": self.steps,
            "account": {name: self.episode_account[name].copy() for name in EPISODE.names or ()},
            "totals": {name: self.totals[name].copy() for name in TOTALS.names or ()},
            "source": self._source_state(),
        }

    def load_state_dict(self, state: State) -> None:
        """Restore a state from `state_dict`.

        Raises:
            ArenaError: the state belongs to another kind of stream, or to another number of environments.
        """
        expected, found = (type(self).__name__, self.num_envs), (state["kind"], state["num_envs"])
        if expected != found:
            raise ArenaError(
                f"the checkpoint holds a {found[0]} of {found[1]} environments, not a {expected[0]} of {expected[1]}",
                "resume with the environment and --envs with which it was trained",
            )
        self.steps = state["steps"]
        for array, saved in ((self.episode_account, state["account"]), (self.totals, state["totals"])):
            for name, values in saved.items():
                array[name] = values
        self._restore_source(state["source"])
        if self.notice is not None:  # its episodes were restarted
            self.episode_account[...] = 0

    def begin(self) -> None:
        """Restart at the first step of every lane's first episode."""
        self.steps = 0
        self.episode_account[...] = 0
        self.totals[...] = 0
        self._begin_source()

    def close(self) -> None:
        """Close the environments."""
        return

    def _count_episodes(self, transition: Transition) -> None:
        """Add a step of every lane to the statistics of episodes."""
        done = transition.terminated, transition.truncated
        account_all(self.episode_account, self.totals, transition.reward, *done)

    def _refuse_infinite(self, name: str, values: Array) -> None:
        """Refuse infinite values and NaN, which would spoil every weight and table; `values` has a row per lane."""
        # Called at every step: a finite sum of squares has finite terms, and an infinite one may have overflowed.
        if values.dtype.kind != "f" or math.isfinite(np.vdot(values, values)):
            return
        rows = values.reshape(self.num_envs, -1)
        for lane in np.flatnonzero(~np.isfinite(rows).all(axis=1)):
            bad = rows[lane][~np.isfinite(rows[lane])][0]
            article = "an" if name[0] in "aeiou" else "a"
            what = f"the {name} {bad}" if values.ndim == 1 else f"{article} {name} with {bad}"
            raise self._fault(f"gave {what}", lane, FIX_WITH_WRAPPER)

    def _fault(
        self, what: str, lane: Any = None, remedy: str = "see --debug for its traceback", message: str = ""
    ) -> ArenaError:
        where = "" if lane is None else f" in environment {lane}"
        return ArenaError(
            f"{self.label} {what}{where} at step {self.steps}" + (f": {message}" if message else ""), remedy
        )

    @abstractmethod
    def _begin_source(self) -> None:
        """Start episode 0 in every lane and fill `observation`."""

    @abstractmethod
    def _advance(self, transition: Transition) -> None:
        """Take `transition.action`, and fill the other fields of `transition`, and `observation`."""

    @abstractmethod
    def _source_state(self) -> State: ...

    @abstractmethod
    def _restore_source(self, state: State) -> None: ...


class NativeStream(Stream):
    """Stream of arena's own compiled vector environments: exact state, one compiled call per step.

    Args:
        vector: the vector environment.
        observations, actions, label: see `Stream`.
        seeds: one seed per lane.
    """

    #: Whether agents may step it in compiled code.
    compiled = True

    def __init__(
        self, vector: NativeVectorEnv, observations: View, actions: View, seeds: list[int], *, label: str
    ) -> None:
        super().__init__(vector.num_envs, observations, actions, label)
        self.vector, self._seeds = vector, seeds
        self._begin_source()

    @property
    def tabular(self) -> TableVectorEnv | None:
        """Tables of the environment, for an agent that steps them in compiled code and then calls `advanced`."""
        vector = self.vector
        unconverted = isinstance(self.observations, Identity) and isinstance(self.actions, Identity)
        if not (self.compiled and unconverted and isinstance(vector, TableVectorEnv)):
            return None
        return vector if vector.drivable and vector.observer is None else None

    def advanced(self, vector_steps: int) -> None:
        """Record vector steps that compiled code took in `tabular`, including their episode statistics."""
        self.steps += vector_steps * self.num_envs
        self._observe()

    def close(self) -> None:
        self.vector.close()

    def _advance(self, transition: Transition) -> None:
        vector = self.vector
        vector.advance(self.actions.decode(transition.action))
        transition.reward[...] = vector.reward
        transition.terminated[...] = vector.terminated
        transition.truncated[...] = vector.truncated
        transition.next_observation[...] = self.observations.encode(vector.successors())
        self._refuse_infinite("reward", transition.reward)
        self._refuse_infinite("observation", transition.next_observation)
        # Encoded only once where the episode continues, since an encoder is slow.
        self.observation[...] = transition.next_observation
        done = transition.terminated | transition.truncated
        if done.any():
            self.observation[done] = self.observations.encode(vector.observation[done])
            self._refuse_infinite("observation", self.observation)

    def _begin_source(self) -> None:
        self.vector.begin(self._seeds)
        self._observe()

    def _observe(self) -> None:
        self.observation[...] = self.observations.encode(self.vector.observation)
        self._refuse_infinite("observation", self.observation)

    def _source_state(self) -> State:
        return self.vector.state()

    def _restore_source(self, state: State) -> None:
        self.vector.restore(state)
        self._observe()


def _buffer(n: int, space: Any) -> Array:
    return np.zeros((n, *space.shape), dtype=space.dtype)
