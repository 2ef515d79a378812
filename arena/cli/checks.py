"""Checks of agents, encoders, environments and plugins; a defect that one check finds does not stop the others."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym

from arena.agents.base import Agent
from arena.agents.compatibility import fitting_agents
from arena.encoders.compatibility import encoder_class_of
from arena.environments.factory import EnvironmentFactory
from arena.environments.spaces import describe_space, view
from arena.errors import ArenaError, UnknownNameError, unknown_name
from arena.plugins.discovery import PluginInfo, get_plugins
from arena.plugins.specs import AgentSpec, EncoderSpec, Spec, describe_error
from arena.runs.integrity import verify_run
from arena.streams.gymnasium_stream import replay_obstacle
from arena.testing import Verdict, check_agent, check_encoder, check_environment

__all__ = ["Finding", "findings_of"]


class Doubt(Exception):
    """A property that the user should know, but that is no failure."""


class Finding(NamedTuple):
    """Outcome of a check.

    Attributes:
        title: what holds if the check passes.
        mark: "✓", "!" for a doubt, "·" for what does not apply, or "✗".
        text: a remark, or problem and remedy.
    """

    title: str
    mark: str
    text: str = ""


def findings_of(name: str, env: str | None = None) -> tuple[str, Iterator[Finding]]:
    """Kind of a name, and the findings of its checks.

    Args:
        name: name of an agent, an encoder or a plugin, id of an environment, or folder of a run.
        env: environment to test an agent in; None: a small one that fits.

    Raises:
        ArenaError: the name is unknown.
    """
    plugins = get_plugins()
    if name in plugins.agents:
        return "agent", _agent_findings(plugins.agents[name], env)
    if name in plugins.encoders:
        return "encoder", _encoder_findings(plugins.encoders[name])
    infos = {info.name: info for info in plugins.infos}
    if name in infos:
        return "plugin", _plugin_findings(infos[name])
    if os.path.exists(os.path.join(name, "run.json")):
        return "run", _run_findings(Path(name))
    try:
        factory = EnvironmentFactory.resolve(name)
    except UnknownNameError as error:
        if error.kind != "environment":
            raise
        known = {*plugins.agents, *plugins.encoders, *plugins.environments, *gym.registry, *infos}
        kinds = "agent, encoder, environment, plugin or run"
        raise unknown_name(kinds, name, known, "see `arena list`") from error
    return "environment", _environment_findings(factory)


def _finding(title: str, attempt: Callable[..., str], *arguments: Any) -> Finding:
    """Finding of one check, which returns a remark or raises an error, a `Doubt` if it is no failure."""
    try:
        with warnings.catch_warnings(record=True):  # a check that cares about warnings records them itself
            warnings.simplefilter("always")
            return Finding(title, "✓", attempt(*arguments))
    except Doubt as doubt:
        return Finding(title, "!", str(doubt))
    except (ArenaError, AssertionError) as error:
        return Finding(title, "✗", " ".join(str(error).split()) or "an assertion failed")
    except (Exception, SystemExit) as error:
        return Finding(title, "✗", describe_error(error))


def _of_verdict(verdict: Verdict, failed: str = "✗") -> Finding:
    """Finding of a law of `arena.testing`."""
    marks = {"held": "✓", "does not apply": "·", "broken": failed}
    return Finding(verdict.law.replace("_", " "), marks[verdict.status], verdict.reason or verdict.says)


def _agent_findings(spec: AgentSpec, env: str | None) -> Iterator[Finding]:
    first = _finding("is an Agent", _complete, spec, spec.load, Agent)
    yield first
    if first.mark == "✓":
        yield from map(_of_verdict, check_agent(spec.name, env))


def _encoder_findings(spec: EncoderSpec) -> Iterator[Finding]:
    from arena.encoders.base import Encoder  # torch

    for title, attempt, arguments in (
        ("is an Encoder", _complete, (spec, lambda: encoder_class_of(spec), Encoder)),
        ("takes frames", _taken, (spec,)),
    ):
        finding = _finding(title, attempt, *arguments)
        yield finding
        if finding.mark != "✓":
            return
    yield from map(_of_verdict, check_encoder(spec.name))


def _complete(spec: Spec, load: Callable[[], Any], base: type[Any]) -> str:
    """Target of a spec, which is a subclass of a base class without missing methods."""
    found = load()
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ArenaError(f"{spec.target} is {found!r}", f"make it a subclass of arena.{base.__name__}")
    missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
    if missing:
        problem = f"{spec.target} does not define {missing}"
        raise ArenaError(problem, f"define them; see {base.__module__}.{base.__name__}")
    return spec.target


def _taken(spec: EncoderSpec) -> str:
    from arena.testing.encoder_cases import FRAMES, taken  # torch

    found = taken(spec.name)
    if not found:
        raise ArenaError(f"it takes none of the frames {', '.join(FRAMES)}", "see arena.testing.FRAMES")
    return ", ".join(found)


def _run_findings(folder: Path) -> Iterator[Finding]:
    remedy = "restore it from a copy, or train it again with `arena resume RUN --repair`"
    for part in verify_run(folder):
        damaged = part.problem is not None
        yield Finding(part.name, "✗" if damaged else "✓", f"{part.problem}; {remedy}" if damaged else "")


def _plugin_findings(info: PluginInfo) -> Iterator[Finding]:
    """Findings of a plugin's import, and of the imports of its contributions."""

    def sound() -> str:
        if info.status != "ok":
            raise ArenaError(
                f"{info.status}: {'; '.join(info.problems)}", "fix, update or reinstall the plugin"
            )
        return f"{info.distribution} {info.version}".strip()

    yield _finding("is imported, and its hooks are valid", sound)
    for noun, registry in get_plugins().registries.items():
        for spec in registry.values():
            if spec.plugin == info.name and spec.target:
                yield _finding(f"{noun}: {spec.name} can be imported", _imported, spec)


def _imported(spec: Spec) -> str:
    spec.load()
    return spec.target


def _environment_findings(factory: EnvironmentFactory) -> Iterator[Finding]:
    """Findings of an environment; most abilities are optional, so that their absence is a doubt."""
    first = _finding("can be made", _spaces, factory)
    yield first
    if first.mark != "✓":
        return
    ours = factory.id in get_plugins().environments
    for verdict in check_environment(factory.id):
        # Gymnasium's checker warns of much that is harmless, and users cannot fix the environments of others.
        yield _of_verdict(verdict, "!" if verdict.law == "passes_gymnasium" and not ours else "✗")
    yield _finding("states can be enumerated", _enumerable, factory)
    yield _finding("runs resume exactly", _resumable, factory)
    yield _finding("agents fit", _agents, factory)


def _spaces(factory: EnvironmentFactory) -> str:
    properties = factory.properties
    limit = "" if properties.limit is None else f", at most {properties.limit:,} steps"
    spaces = properties.observation_space, properties.action_space
    return f"{' → '.join(map(describe_space, spaces))}{limit}"


def _enumerable(factory: EnvironmentFactory) -> str:
    model = factory.properties.model
    if model is None:
        raise Doubt("no: planners and exact values need an attribute `model` of the unwrapped environment")
    return f"{model.num_states:,} states, {model.num_actions:,} actions, {model.transitions:,} transitions"


def _resumable(factory: EnvironmentFactory) -> str:
    if factory.is_native:
        return "its whole state is saved"
    spaces = factory.properties.observation_space, factory.properties.action_space
    observations, actions = (view(space, ("box", "discrete")) for space in spaces)
    if observations is None or actions is None:
        raise Doubt(f"not tested: no agent takes {' and '.join(map(describe_space, spaces))}")
    reason = replay_obstacle(factory.make, observations, actions)
    if reason is not None:
        remedy = "draw random numbers from self.np_random only"
        raise Doubt(f"no: {reason}; a resumed run starts new episodes; {remedy}")
    return "by replaying its episodes from their seeds"


def _agents(factory: EnvironmentFactory) -> str:
    fitting = fitting_agents(factory)
    if not fitting:
        raise Doubt("no installed agent; `arena list agents --for` gives the reasons")
    return ", ".join(fitting)
