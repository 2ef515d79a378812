"""Training of an agent in memory, as the runner does it, with boundaries that a law chooses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

from arena.encoders.observed_environment import ObservedEnvironment
from arena.experiments.build import build_agent
from arena.random.generators import Generators, episode_seed
from arena.runs.resolve import resolve_experiment
from arena.storage.codec import State
from arena.storage.journal import Journal
from arena.streams.base import NativeStream, Progress
from arena.testing.errors import LawError

__all__ = ["Trial", "difference"]

#: Turns that an agent may take without a step before it counts as stuck.
PATIENCE = 1000


class Trial:
    """An agent, its stream and its random numbers.

    Args:
        agent: the agent's name.
        env: the environment's id.
        seed: seed of all random numbers.
        num_envs: number of lanes.
        fast: whether agents may step tables in compiled code.
        agent_options: hyperparameters other than the preset's.
        env_options: options other than the preset's.

    Attributes:
        agent: the agent.
        stream: its stream.
        generators: its random numbers.
        progress: what it last yielded.
        converged: whether `train` has ended.
    """

    def __init__(
        self,
        agent: str,
        env: str,
        *,
        seed: int = 0,
        num_envs: int = 1,
        fast: bool = True,
        agent_options: Mapping[str, object] | None = None,
        env_options: Mapping[str, object] | None = None,
    ) -> None:
        self.experiment = resolve_experiment(
            agent, env, agent_options=agent_options, env_options=env_options, num_envs=num_envs, seeds=[seed]
        )
        environment = ObservedEnvironment(self.experiment.factory)
        self.generators = Generators(seed)
        self.agent = build_agent(self.experiment, environment, self.generators)
        with self.generators.lent("agent"):
            self.stream = environment.open_stream(num_envs, self.agent.needs, self._seed_of)
        if not fast and isinstance(self.stream, NativeStream):
            self.stream.compiled = False
        self.progress, self.converged = Progress(0), False
        self._turns: Iterator[Progress] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stream.close()

    def turn(self, boundary: int) -> None:
        """Runs one turn of `Agent.train`, up to a boundary."""
        if self._turns is None:
            self._turns = self.agent.train(self.stream)
        self.stream.boundary = boundary
        with self.generators.lent("agent"):
            progress = next(self._turns, None)
        self.converged = progress is None
        self.progress = progress or self.progress

    def train(self, steps: int, pace: int | None = None) -> Self:
        """Trains up to a number of steps, or until the agent has converged.

        Args:
            steps: step to stop at; the last boundary.
            pace: steps between boundaries; None for no other boundary.
        """
        stuck = 0
        while not self.converged and self.progress.steps < steps:
            before = self.progress.steps
            self.turn(steps if pace is None else min(steps, before + pace))
            stuck = 0 if self.progress.steps > before else stuck + 1
            if stuck > PATIENCE:
                raise LawError(
                    f"`train` took {PATIENCE} turns from step {before} without another step",
                    "step the stream before each yield while `stream.remaining` is positive",
                )
        return self

    def state(self) -> State:
        """State as in a checkpoint."""
        return {
            "agent": self.agent.state_dict(),
            "stream": self.stream.state_dict(),
            "generators": self.generators.state_dict(),
            "progress": {
                "steps": self.progress.steps,
                "episodes": self.progress.episodes,
                "metrics": dict(self.progress.metrics),
            },
        }

    def learned(self) -> State:
        """State of the agent and totals of its episodes, without the seed."""
        stream = self.stream
        return {
            "agent": self.agent.state_dict(),
            "account": {name: stream.episode_account[name].copy() for name in ("total", "length")},
            "totals": {name: stream.totals[name].copy() for name in stream.totals.dtype.names or ()},
            "observation": stream.observation.copy(),
        }

    def observations(self, count: int, seed: int = 0) -> Any:
        """Batch of observations: the current one of each lane, then samples of the space."""
        space = self.stream.observation_space
        space.seed(seed)
        real = list(self.stream.observation[:count])
        return np.array(real + [space.sample() for _ in range(count - len(real))], dtype=space.dtype)

    def _seed_of(self, lane: int, episode: int) -> int:
        return episode_seed(self.generators.seed, lane, episode)


def difference(expected: Any, found: Any, path: str = "") -> str | None:
    """Description of the first difference between two states, or None; compared bit by bit, so NaN equals itself."""
    if type(expected) is not type(found):
        return f"{path or 'the state'} is a {type(found).__name__}, not a {type(expected).__name__}"
    if isinstance(expected, Journal):
        return difference(_content(expected), _content(found), path)
    if isinstance(expected, dict):
        if list(expected) != list(found):
            return f"{path or 'the state'} has the keys {list(found)}, not {list(expected)}"
        parts = [(f"{path}[{key!r}]", expected[key], found[key]) for key in expected]
    elif isinstance(expected, list | tuple):
        if len(expected) != len(found):
            return f"{path} has {len(found)} items, not {len(expected)}"
        parts = [(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(expected, found, strict=True))]
    elif hasattr(expected, "dtype"):
        a, b = (np.asarray(x.detach().cpu() if hasattr(x, "detach") else x) for x in (expected, found))
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"{path} is {b.dtype}{list(b.shape)}, not {a.dtype}{list(a.shape)}"
        return None if a.tobytes() == b.tobytes() else f"{path} differs{_first(a, b)}"
    elif isinstance(expected, bytes):
        return None if expected == found else f"{path} {_first_line(expected, found)}"
    else:
        return None if repr(expected) == repr(found) else f"{path} is {found!r}, not {expected!r}"
    return next((found for part in parts if (found := difference(part[1], part[2], part[0]))), None)


def _content(journal: Journal) -> dict[str, Any]:
    rows = journal.rows(journal.first, journal.total)
    return {"capacity": journal.capacity, "total": journal.total, **rows}


def _first_line(expected: bytes, found: bytes) -> str:
    pairs = enumerate(itertools.zip_longest(expected.splitlines(), found.splitlines()), 1)
    i, (a, b) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    found_line, expected_line = (repr(line and line[:200]) for line in (b, a))
    return f"has in line {i} {found_line}, not {expected_line}"


def _first(a: Any, b: Any) -> str:
    places = np.flatnonzero(np.asarray(a != b).ravel())
    if not len(places):
        return ""
    i = int(places[0])
    return f" in {len(places)} of {a.size} numbers, first {b.ravel()[i]!r}, not {a.ravel()[i]!r}, at {i}"
