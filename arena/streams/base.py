"""n parallel episodes as a stream of transitions: the only place that knows about resets."""

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

__all__ = ["MEND", "NativeStream", "Progress", "Stream", "Transition"]

Array = npt.NDArray[Any]

#: The remedy for what an environment gives and may not.
MEND = "mend it with a wrapper (--wrap)"


@dataclass(frozen=True)
class Progress:
    """How far an agent has come: what one turn of `Agent.train` yields.

    Attributes:
        steps: environment steps so far over all lanes; sweeps so far for a planner.
        episodes: episodes finished so far.
        metrics: the algorithm's own numbers now. They must depend on the steps taken and not on where the
            runner's boundaries fell: a resumed run logs the same bytes.
    """

    steps: int
    episodes: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)


class Transition(NamedTuple):
    """One step of every lane; the arrays are the stream's own and are valid until its next step.

    Attributes:
        observation: shape (num_envs, *observation_space.shape): where the action was taken.
        action: shape (num_envs, *action_space.shape).
        reward: float64, shape (num_envs,).
        terminated: bool, shape (num_envs,): the task ended; the value of what follows is zero.
        truncated: bool, shape (num_envs,): the episode was cut off; the value of what follows is not zero.
        next_observation: like `observation`: the true successor, also where an episode ended.
        bonus: float64, shape (num_envs,): what curiosity adds to an agent's targets: the experiment's novelty, or 0,
            to which an agent may add its own. It is part of no return.
    """

    observation: Array
    action: Array
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    next_observation: Array
    bonus: npt.NDArray[np.float64]


class Stream(ABC):
    """Steps a vector environment and hands out transitions.

    Args:
        num_envs: how many episodes run in parallel ("lanes").
        observations: how the agent sees the environment's observations.
        actions: how the agent sees its actions.
        label: what errors call the environment.

    Attributes:
        observation: shape (num_envs, …): where the next action is taken.
        steps: environment steps so far, over all lanes.
        boundary: the number of steps at which the runner wants to be asked again.
        episode_account: `EPISODE` records, shape (num_envs,).
        totals: one `TOTALS` record, shape (1,).
        notice: what a person should know about the last `load_state_dict`, in one line, or None.
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
        """How many episodes have ended."""
        return int(self.totals["episodes"][0])

    def step(self, action: Array) -> Transition:
        """Takes one step in every lane; lanes whose episode ended begin the next one.

        Args:
            action: shape (num_envs, *action_space.shape).

        Raises:
            ArenaError: for an action outside the space, an environment that raises (its error is the cause), or one
                that gives an observation or a reward which is infinite or no number.
        """
        transition = self.transition
        transition.observation[...] = self.observation
        transition.action[...] = action
        transition.bonus[...] = 0
        self._advance(transition)
        account_all(
            self.episode_account, self.totals, transition.reward, transition.terminated, transition.truncated
        )
        self.steps += self.num_envs
        return transition

    def progress(self, **metrics: float) -> Progress:
        """What an agent yields now."""
        return Progress(self.steps, self.episodes, metrics)

    def take_log(self) -> dict[str, float | None]:
        """Means over the episodes that ended since the last call; None where none did."""
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
        """Where the stream stands, exactly."""
        return {
            "kind": type(self).__name__,
            "num_envs": self.num_envs,
            "steps": self.steps,
            "account": {name: self.episode_account[name].copy() for name in EPISODE.names or ()},
            "totals": {name: self.totals[name].copy() for name in TOTALS.names or ()},
            "source": self._source_state(),
        }

    def load_state_dict(self, state: State) -> None:
        """Goes back to where `state_dict` was taken.

        Raises:
            ArenaError: if the state is another kind of stream's, or of another number of environments.
        """
        expected, found = (type(self).__name__, self.num_envs), (state["kind"], state["num_envs"])
        if expected != found:
            raise ArenaError(
                f"the checkpoint holds a {found[0]} of {found[1]} environments, not a {expected[0]} of {expected[1]}",
                "resume with the environment and --envs it was trained with",
            )
        self.steps = state["steps"]
        for array, saved in ((self.episode_account, state["account"]), (self.totals, state["totals"])):
            for name, values in saved.items():
                array[name] = values
        self._restore_source(state["source"])
        if self.notice is not None:  # its episodes start anew
            self.episode_account[...] = 0

    def begin(self) -> None:
        """Goes back to the first step of every lane's first episode."""
        self.steps = 0
        self.episode_account[...] = 0
        self.totals[...] = 0
        self._begin_source()

    def close(self) -> None:
        """Closes the environments."""
        return

    def _refuse_infinite(self, name: str, given: Array) -> None:
        """Refuses what would make every weight and table infinite; `given` has a row a lane."""
        # It runs at every step: a finite sum of squares has finite terms, and an infinite one may have overflowed.
        if given.dtype.kind != "f" or math.isfinite(np.vdot(given, given)):
            return
        rows = given.reshape(self.num_envs, -1)
        for lane in np.flatnonzero(~np.isfinite(rows).all(axis=1)):
            bad = rows[lane][~np.isfinite(rows[lane])][0]
            article = "an" if name[0] in "aeiou" else "a"
            what = f"the {name} {bad}" if given.ndim == 1 else f"{article} {name} with {bad}"
            raise self._fault(f"gave {what}", lane, MEND)

    def _fault(
        self, what: str, lane: Any = None, remedy: str = "see --debug for its traceback", message: str = ""
    ) -> ArenaError:
        where = "" if lane is None else f" in environment {lane}"
        return ArenaError(
            f"{self.label} {what}{where} at step {self.steps}" + (f": {message}" if message else ""), remedy
        )

    @abstractmethod
    def _begin_source(self) -> None:
        """Starts episode 0 in every lane and fills `observation`."""

    @abstractmethod
    def _advance(self, transition: Transition) -> None:
        """Takes `transition.action`, and fills the rest of it and `observation`."""

    @abstractmethod
    def _source_state(self) -> State: ...

    @abstractmethod
    def _restore_source(self, state: State) -> None: ...


class NativeStream(Stream):
    """A stream of a vector environment of ours: exact state, one compiled call a step.

    Args:
        vector: the vector environment.
        observations: how the agent sees its observations.
        actions: how the agent sees its actions.
        seeds: one a lane.
        label: what errors call the environment.

    Attributes:
        compiled: whether agents may step it in compiled code.
    """

    compiled = True

    def __init__(
        self, vector: NativeVectorEnv, observations: View, actions: View, seeds: list[int], *, label: str
    ) -> None:
        super().__init__(vector.num_envs, observations, actions, label)
        self.vector, self._seeds = vector, seeds
        self._begin_source()

    @property
    def tabular(self) -> TableVectorEnv | None:
        """The tables and lanes underneath, for an agent that steps them in compiled code and calls `advanced`."""
        plain = isinstance(self.observations, Identity) and isinstance(self.actions, Identity)
        vector = self.vector
        if not (
            self.compiled
            and plain
            and isinstance(vector, TableVectorEnv)
            and vector.drivable
            and vector.observer is None
        ):
            return None
        return vector

    def advanced(self, vector_steps: int) -> None:
        """Notes that compiled code took steps in `tabular`, and accounted for them."""
        self.steps += vector_steps * self.num_envs
        self._look()

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
        # Seen once where the episode goes on: an encoder takes its time.
        self.observation[...] = transition.next_observation
        begun = transition.terminated | transition.truncated
        if begun.any():
            self.observation[begun] = self.observations.encode(vector.observation[begun])
            self._refuse_infinite("observation", self.observation)

    def _begin_source(self) -> None:
        self.vector.begin(self._seeds)
        self._look()

    def _look(self) -> None:
        self.observation[...] = self.observations.encode(self.vector.observation)
        self._refuse_infinite("observation", self.observation)

    def _source_state(self) -> State:
        return self.vector.state()

    def _restore_source(self, state: State) -> None:
        self.vector.restore(state)
        self._look()


def _buffer(n: int, space: Any) -> Array:
    return np.zeros((n, *space.shape), dtype=space.dtype)
