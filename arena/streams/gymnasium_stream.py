"""Stream of any Gymnasium environment: seeded per episode, resumed by replaying the episode's actions."""

from __future__ import annotations

import copy
import functools
import itertools
import os
import signal
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from arena.environments.spaces import View
from arena.errors import ArenaError, one_line
from arena.streams.action_history import History
from arena.streams.base import FIX_WITH_WRAPPER, Stream, Transition

if TYPE_CHECKING:
    from arena.storage.codec import State

__all__ = ["GymnasiumStream", "replay_obstacle"]

Array = npt.NDArray[Any]
Make = Callable[[], gym.Env[Any, Any]]
Vector = SyncVectorEnv | AsyncVectorEnv

#: Results of one step of a test episode, by name.
_Outcome: TypeAlias = dict[str, Any]

#: Key of a failure in the infos; lanes report nothing else there.
FAILURE = "arena.failure"


class GymnasiumStream(Stream):
    """Stream of a Gymnasium environment, in a Sync or Async vector without autoreset.

    An episode depends only on its seed and its actions, so the state is its number, its actions and a checksum of
    the observations and rewards. On resume, the actions are replayed through the public API and the results
    compared. An environment that cannot be replayed starts new episodes instead, and `notice` reports it.

    Args:
        make: function that builds one environment; for Async it is sent to the workers with cloudpickle.
        num_envs: number of parallel episodes.
        observations, actions: conversions of observations and actions; see `Stream`.
        seed_of: function of (lane, episode) that returns the episode's seed, in [0, 2³¹).
        label: name of the environment in errors, such as its id.
        asynchronous: whether each environment runs in its own process.
        obstacle: reason why the environment cannot be replayed, from `replay_obstacle`, or None. Test once,
            before a new run: the state contains the result.

    Raises:
        ArenaError: an environment raises, or gives a value that is not a finite number.
    """

    def __init__(
        self,
        make: Make,
        num_envs: int,
        observations: View,
        actions: View,
        seed_of: Callable[[int, int], int],
        *,
        label: str,
        asynchronous: bool = False,
        obstacle: str | None = None,
    ) -> None:
        super().__init__(num_envs, observations, actions, label)
        self.obstacle = obstacle
        self._make, self._seed_of, self._asynchronous = make, seed_of, asynchronous
        self._lends_actions = bool(self.action_space.shape)
        self._episode = [0] * num_envs
        self._history = History(num_envs, self.action_space)
        self._digest = [0] * num_envs
        # Memory that a lane's digest is computed from: views of buffers that are never reallocated.
        self._observation_rows = _rows(self.observation)
        self._result_rows = list(
            zip(_rows(self.transition.next_observation), _rows(self.transition.reward), strict=True)
        )
        self._vector = self._open()
        self._begin_source()

    def close(self) -> None:
        """Close the environments, and end their worker processes."""
        _close(self._vector)

    def _open(self) -> Vector:
        lane = functools.partial(_Lane.from_function, self._make, os.getpid() if self._asynchronous else None)
        kind = AsyncVectorEnv if self._asynchronous else SyncVectorEnv
        try:
            # Without copies the vector returns its own buffer, which each call overwrites: it is copied at once.
            return kind([lane] * self.num_envs, copy=False, autoreset_mode=AutoresetMode.DISABLED)
        except Exception as error:
            problem = f"{self.label} cannot be made: {one_line(error)}"
            raise ArenaError(problem, "see --debug for its traceback") from error

    def _begin_source(self) -> None:
        self._begin(dict.fromkeys(range(self.num_envs), 0))

    def _advance(self, transition: Transition) -> None:
        done = self._take(transition)
        if self.obstacle is None:
            self._history.append(transition.action)
        if done:
            self._begin({lane: self._episode[lane] + 1 for lane in done})

    def _take(self, transition: Transition) -> list[int]:
        """Take `transition.action`, fill the transition and `observation`; return the lanes whose episode ended."""
        # An environment may keep or change an action that is an array, so it gets a copy.
        action = transition.action.copy() if self._lends_actions else transition.action
        try:
            observation, reward, terminated, truncated, infos = self._vector.step(self.actions.decode(action))
        except Exception as error:
            raise self._broken(error) from error
        if infos:
            self._report(infos)
        transition.reward[...] = reward
        transition.terminated[...] = terminated
        transition.truncated[...] = truncated
        transition.next_observation[...] = self.observations.encode(observation)
        self._check(transition.next_observation)
        self._refuse_infinite("reward", transition.reward)
        if self.obstacle is None:
            digest = self._digest
            for i, (observed, rewarded) in enumerate(self._result_rows):
                digest[i] = zlib.crc32(rewarded, zlib.crc32(observed, digest[i]))
        self.observation[...] = transition.next_observation
        done: list[int] = (terminated | truncated).nonzero()[0].tolist()
        return done

    def _begin(self, episodes: Mapping[int, int]) -> None:
        """Start an episode in each of these lanes."""
        for lane, episode in episodes.items():
            self._episode[lane] = episode
            self._history.begin(lane)
        self._reset({lane: self._seed(lane) for lane in episodes})

    def _seed(self, lane: int) -> int:
        return int(self._seed_of(lane, self._episode[lane]))

    def _reset(self, seeds: Mapping[int, int]) -> None:
        lanes = list(seeds)
        mask = np.zeros(self.num_envs, dtype=np.bool_)
        mask[lanes] = True
        try:
            observation, infos = self._vector.reset(
                seed=[seeds.get(lane) for lane in range(self.num_envs)], options={"reset_mask": mask}
            )
        except Exception as error:
            raise self._broken(error) from error
        if infos:
            self._report(infos)
        self.observation[lanes] = self.observations.encode(observation)[lanes]
        self._check(self.observation)
        for lane in lanes:
            self._digest[lane] = zlib.crc32(self._observation_rows[lane])

    def _check(self, observation: Array) -> None:
        """Refuse infinite values, and an index out of range, which would make compiled code read outside a table."""
        self._refuse_infinite("observation", observation)
        if isinstance(self.observation_space, gym.spaces.Discrete):
            n = int(self.observation_space.n)
            if np.maximum.reduce(observation.view(np.uint64)) >= n:  # as unsigned, a negative number is huge
                lane = observation.view(np.uint64).argmax()
                what = f"gave the observation {observation[lane]}, which is not in its space of {n}"
                raise self._fault(what, lane, FIX_WITH_WRAPPER)

    def _report(self, infos: dict[str, Any]) -> None:
        [lane, *_] = np.flatnonzero(infos[f"_{FAILURE}"])
        failure: _Failure = infos[FAILURE][lane]
        raise self._fault(f"raised {failure.kind}", lane, message=failure.message) from failure.cause

    def _broken(self, error: Exception) -> ArenaError:
        """Error for an exception of the vector itself: an observation of the wrong shape, a dead worker."""
        if isinstance(error, (EOFError, ConnectionError)):
            remedy = "if memory ran out, use fewer environments (--envs)"
            return self._fault("lost a worker process", remedy=remedy)
        return self._fault(f"raised {type(error).__name__}", message=_line(error))

    def _source_state(self) -> State:
        state: State = {"obstacle": self.obstacle, "episode": np.array(self._episode)}
        if self.obstacle is None:
            length, actions = self._history.saved()
            digest = np.array(self._digest, dtype=np.uint32)
            state |= {"length": length, "actions": actions, "digest": digest}
            state["observation"] = self.observation.copy()
        return state

    def _restore_source(self, state: State) -> None:
        self.obstacle = state["obstacle"] or self.obstacle
        self._episode = state["episode"].tolist()
        reason, self.notice = self.obstacle or self._replay(state), None
        if reason is None:
            return
        self.notice = f"{self.label} cannot be resumed mid-episode: {reason}; its episodes are restarted"
        self._begin({lane: episode + 1 for lane, episode in enumerate(self._episode)})

    def _replay(self, state: State) -> str | None:
        """Replay every lane's episode up to the saved step; return the reason of a failure, or None.

        The longest episode starts first. Until its own episode starts, a lane repeats the longest one with the same
        seed and actions, so that no lane takes an illegal action or ends early.
        """
        length, actions, transition = state["length"], state["actions"], self.transition
        start, longest = len(actions) - length, int(length.argmax())
        try:
            self._reset(dict.fromkeys(range(self.num_envs), self._seed(longest)))
            for instant in range(len(actions) + 1):
                due = np.flatnonzero(start == instant).tolist()
                if due:
                    self._reset({lane: self._seed(lane) for lane in due})
                if instant < len(actions):
                    transition.action[...] = actions[instant]
                    done = self._take(transition)
                    if done:
                        return f"environment {done[0]} ended early when its actions were replayed"
        except ArenaError as error:
            _close(self._vector)
            self._vector = self._open()
            return f"when its actions were replayed, {error.problem}"
        for lane in range(self.num_envs):
            same = self.observation[lane].tobytes() == state["observation"][lane].tobytes()
            if not same or self._digest[lane] != state["digest"][lane]:
                return f"environment {lane} did not repeat itself when its actions were replayed"
        self._history.load(length, actions)
        return None


def replay_obstacle(make: Make, observations: View, actions: View, *, steps: int = 100) -> str | None:
    """Test whether an environment can be replayed from seed and actions; return the obstacle, or None.

    One environment plays an episode, then another episode, then the first one twice more (a hidden state may
    alternate); a second, new environment plays it once more. If the results differ, the environment has a state
    that outlives the episode (a running mean, a counter), or randomness that the seed does not control. The test
    costs two environments and up to 5 · `steps` steps.

    Args:
        make: function that builds one environment.
        observations: conversion of the environment's observations to the agent's.
        actions: conversion of the agent's actions to the environment's.
        steps: maximum number of random actions in an episode.
    """
    space = copy.deepcopy(actions.outer)
    space.seed(0)
    plan = [np.array([space.sample()]) for _ in range(steps)]
    reference: list[_Outcome] = []
    for seeds, place in (((1, 2, 1, 1), "after another episode"), ((1,), "in a fresh environment")):
        lane = functools.partial(_Lane.from_function, make, None)
        vector = SyncVectorEnv([lane], copy=False, autoreset_mode=AutoresetMode.DISABLED)
        try:
            for seed in seeds:
                outcomes = list(_play(vector, observations, actions, seed, plan))
                reference = reference or outcomes
                difference = _difference(reference, outcomes) if seed == 1 else None
                if difference:
                    return f"the same seed and actions gave {difference} {place}"
        finally:
            _close(vector)
    return None


def _play(
    vector: Vector, observations: View, actions: View, seed: int, plan: list[Array]
) -> Iterator[_Outcome]:
    """Play one episode in a vector of one environment; an error ends it, and must be repeated like any outcome."""
    observation, infos = vector.reset(seed=[seed], options={"reset_mask": np.ones(1, dtype=np.bool_)})
    yield {"observation": observations.encode(observation).tobytes(), "error": _error(infos)}
    for action in plan if not infos else ():
        observation, reward, terminated, truncated, infos = vector.step(actions.decode(action.copy()))
        if infos:
            yield {"error": _error(infos)}
            return
        outcome = {"observation": observations.encode(observation).tobytes(), "reward": float(reward[0])}
        yield {**outcome, "terminated": bool(terminated[0]), "truncated": bool(truncated[0]), "error": ""}
        if terminated[0] or truncated[0]:
            return


def _difference(reference: list[_Outcome], outcomes: list[_Outcome]) -> str | None:
    for step, (a, b) in enumerate(itertools.zip_longest(reference, outcomes)):
        if a is None or b is None:
            return f"an episode of another length, {min(len(reference), len(outcomes)) - 1} steps,"
        for name in {**a, **b}:
            if repr(a.get(name)) != repr(b.get(name)):  # as text, NaN equals itself
                return f"another {name if name in a and name in b else 'error'} at step {step}"
    return None


class _Failure(NamedTuple):
    """Exception of an environment, in a form that a lane can send to another process."""

    kind: str
    message: str
    cause: Exception


class _Lane(gym.Wrapper[Any, Any, Any, Any]):
    """One environment of the vector: it returns exceptions as values, and drops all infos.

    An exception in one of Gymnasium's workers is printed, hangs the vector if it cannot be pickled, and kills the
    worker; and the vector does not say which environment raised it. Infos of different shapes make the vector
    raise, and a stream does not use them.
    """

    def __init__(self, env: gym.Env[Any, Any], remote: bool) -> None:
        super().__init__(env)
        self._remote = remote

    @classmethod
    def from_function(cls, make: Make, parent: int | None) -> _Lane:
        """Build the environment; `parent` is the process id of the runner, for an asynchronous lane."""
        remote = parent is not None and parent != os.getpid()
        if (
            remote
        ):  # Ctrl-C reaches the whole process group; only the runner handles it, and closes this process
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return cls(make(), remote)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        try:
            observation, reward, terminated, truncated, _ = self.env.step(action)
        except Exception as error:
            return self.observation_space.sample(), 0.0, False, False, self._failure(error)
        return observation, reward, terminated, truncated, {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        try:
            observation, _ = self.env.reset(seed=seed, options=options)
        except Exception as error:
            return self.observation_space.sample(), self._failure(error)
        return observation, {}

    def _failure(self, error: Exception) -> dict[str, Any]:
        # Not every exception can be pickled: another process sends the text of its traceback.
        cause = RuntimeError("".join(traceback.format_exception(error))) if self._remote else error
        return {FAILURE: _Failure(type(error).__name__, _line(error), cause)}


def _rows(array: Array) -> list[memoryview]:
    """Memory of each row, for checksums."""
    return [memoryview(array[i : i + 1]) for i in range(len(array))]  # type: ignore[arg-type]


def _close(vector: Vector) -> None:
    try:
        vector.close()
    except Exception:
        # A worker has died, and Gymnasium waits for its answer: terminate the others.
        for process in getattr(vector, "processes", ()):
            process.terminate()
        vector.closed = True


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _error(infos: dict[str, Any]) -> str:
    return f"{infos[FAILURE][0].kind}: {infos[FAILURE][0].message}" if infos else ""
