"""The checks of an agent: its config, and short trainings of it on a small environment."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from arena.agent import Agent
from arena.api import LoadedRun
from arena.cli.checks import Check
from arena.codec import decode, encode
from arena.config import asdict, coerce, fields_help
from arena.environments import EnvironmentFactory, mismatch
from arena.errors import ArenaError
from arena.experiment import Experiment
from arena.plugins import get_plugins
from arena.random import Generators
from arena.run import Run
from arena.runner import build_agent, execute
from arena.specs import AgentSpec

__all__ = ["agent_checks"]

#: How long the trainings are.
STEPS = 200

#: Where an agent is tried, besides the environments of its presets: something small of every kind.
CANDIDATES = ("FrozenLake-v1", "CartPole-v1", "Pendulum-v1")


def agent_checks(spec: AgentSpec, env: str | None) -> Iterator[Check]:
    """Everything that arena asks of an agent.

    Args:
        spec: the agent.
        env: where to try it; by default some small environment that fits.
    """
    yield Check("is an Agent", lambda: _is_agent(spec), stops=True)
    yield Check("its config and presets round-trip", lambda: _round_trips(spec))
    yield Check("every option has help", lambda: _helps(spec))
    with tempfile.TemporaryDirectory() as folder:
        session = _Session(spec, env, Path(folder))
        yield Check(f"trains {STEPS} {spec.unit}s", session.trains, stops=True)
        yield Check("its state survives a checkpoint", session.survives)
        yield Check("same seed, same bytes", session.repeats)


def _is_agent(spec: AgentSpec) -> str:
    agent_class = spec.load()
    if not (isinstance(agent_class, type) and issubclass(agent_class, Agent)):
        raise ArenaError(f"{spec.target} is {agent_class!r}", "make it a subclass of arena.Agent")
    missing = ", ".join(sorted(agent_class.__abstractmethods__))
    if missing:
        raise ArenaError(f"{spec.target} does not define {missing}", "define them; see arena.agent.Agent")
    return spec.target


def _round_trips(spec: AgentSpec) -> str:
    config: type[Any] = spec.load().Config
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise ArenaError(f"{spec.target}.Config is no dataclass", "put @dataclass(frozen=True) above it")
    for pattern in ("*", *spec.presets):
        values: Any = coerce(config, spec.preset(pattern).options, where="agent")
        again = coerce(config, asdict(values), where="agent")
        if again != values:
            raise ArenaError(
                f"the preset for {pattern!r} gives {values}, and read back {again}", "use plain values"
            )
    return f"{len(dataclasses.fields(config))} options, {len(spec.presets)} presets"


def _helps(spec: AgentSpec) -> None:
    config = spec.load().Config
    lacking = {field.name for field in dataclasses.fields(config)} - fields_help(config).keys()
    if lacking:
        raise ArenaError(f"{', '.join(sorted(lacking))} have none", "write a docstring under each field")


class _Session:
    """Short trainings of one agent, in a folder that goes away."""

    def __init__(self, spec: AgentSpec, env: str | None, folder: Path) -> None:
        self._spec, self._env, self._folder = spec, env, folder

    def trains(self) -> str:
        self._trained("first")
        return f"on {self._place()}"

    def survives(self) -> None:
        """A fresh agent that takes the state must have the same state, byte for byte."""
        first = self._trained("first")
        saved = encode(first.agent.state_dict())
        experiment = first.run.experiment
        fresh = build_agent(experiment, experiment.factory, Generators(first.run.seed))
        fresh.load_state_dict(decode(saved))
        again = encode(fresh.state_dict())
        if (again.arrays, again.tree) != (saved.arrays, saved.tree):
            remedy = "take back in load_state_dict whatever state_dict gives"
            raise ArenaError("a fresh agent with the saved state saves another one", remedy)

    def repeats(self) -> None:
        """Two trainings from one seed must leave the same metrics and the same state."""
        one, two = (self._trained(name) for name in ("first", "second"))
        remedy = "draw from problem.generators only, and let nothing depend on time, sets' order or memory"
        if one.run.metrics.read_bytes() != two.run.metrics.read_bytes():
            raise ArenaError("two runs of one seed logged different metrics", remedy)
        saved = [encode(loaded.agent.state_dict()) for loaded in (one, two)]
        if (saved[0].arrays, saved[0].tree) != (saved[1].arrays, saved[1].tree):
            raise ArenaError("two runs of one seed ended in different states", remedy)

    @cache  # noqa: B019 - the session lives as long as one command
    def _trained(self, name: str) -> LoadedRun:
        experiment = self._experiment()
        run = Run.prepare(experiment, 0, self._folder / name)
        execute(run)
        return LoadedRun(run)

    def _experiment(self) -> Experiment:
        settings: dict[str, Any] = {"steps": STEPS, "seeds": [0], "episodes": 2, "horizon": STEPS}
        return Experiment.create(self._spec.name, self._place(), **settings, evaluate_every=STEPS // 2)

    @cache  # noqa: B019
    def _place(self) -> str:
        """The environment to try it on."""
        if self._env is not None:
            return self._env
        known = get_plugins().environments
        for env in (*(key for key in self._spec.presets if key in known), *CANDIDATES, *known):
            try:
                if mismatch(self._spec.load().needs, EnvironmentFactory.resolve(env)) is None:
                    return env
            except ArenaError:
                continue
        raise ArenaError("it fits no environment that was tried", "name one with --env")
