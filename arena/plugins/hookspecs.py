"""Hook specifications: all extension points of arena.

A plugin is a module named by an entry point in the group ``arena``::

    [project.entry-points.arena]
    my_plugin = "my_plugin"

The plugin implements any of the hooks below, marked with ``arena.hookimpl``. *Contributions* return specs; *events*
report what happened and return nothing. An implementation may leave out arguments that it does not need. An
exception is reported in ``arena list plugins``, and stops neither another plugin nor a run. Keep the module light:
import gymnasium, torch and other heavy libraries in the modules that the specs' targets name.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pluggy import HookimplMarker, HookspecMarker, PluginManager

from arena.errors import unknown_name
from arena.plugins.specs import (
    AgentSpec,
    CommandSpec,
    EncoderSpec,
    EnvironmentSpec,
    LauncherSpec,
    OverlaySpec,
    SourceSpec,
    TrackerSpec,
)

__all__ = ["HOOKS", "hook_problems", "hookimpl", "hookspec"]

hookspec = HookspecMarker("arena")
hookimpl = HookimplMarker("arena")


class RunInfo(Protocol):
    """What event hooks may rely on in a run; see `arena.runs.run.Run`.

    Attributes:
        folder: the run's folder.
        seed: the seed of every random number in it.
        spec: what is trained: an `arena.experiments.training_spec.TrainingSpec`.
    """

    @property
    def folder(self) -> Path: ...

    @property
    def seed(self) -> int: ...

    @property
    def spec(self) -> Any: ...


class ProgressInfo(Protocol):
    """What event hooks may rely on in a progress report; see `arena.streams.base.Progress`.

    Attributes:
        steps: environment steps, a planner's sweeps or an encoder's updates so far.
        episodes: episodes or epochs finished so far.
        metrics: the learner's own numbers.
    """

    @property
    def steps(self) -> int: ...

    @property
    def episodes(self) -> int: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...


@hookspec
def arena_agents() -> Iterable[AgentSpec]:
    """Contribute agents.

    Example:
        ::

            @hookimpl
            def arena_agents():
                yield AgentSpec(
                    name="q-learning",
                    summary="Off-policy temporal-difference control",
                    reference="Watkins, 1989",
                    target="my_plugin.agents:QLearning",
                    presets={"*": Preset(steps=50_000, options={"learning_rate": 0.1})},
                )
    """
    return ()


@hookspec
def arena_environments() -> Iterable[EnvironmentSpec]:
    """Contribute Gymnasium environments, each with the package whose import registers it.

    Example:
        ::

            @hookimpl
            def arena_environments():
                yield EnvironmentSpec(
                    name="my/Maze-v0",
                    summary="A maze drawn from a text file",
                    package="my_plugin_envs",
                    target="my_plugin_envs.maze:Options",
                )
    """
    return ()


@hookspec
def arena_encoders() -> Iterable[EncoderSpec]:
    """Contribute encoders: modules that map observations to codes.

    Example:
        ::

            @hookimpl
            def arena_encoders():
                yield EncoderSpec(
                    name="vae", summary="A variational autoencoder", target="my_plugin.vae:VAE"
                )
    """
    return ()


@hookspec
def arena_sources() -> Iterable[SourceSpec]:
    """Contribute sources of frames: data that encoders are fitted to, by name or by the suffix of a file.

    Example:
        ::

            @hookimpl
            def arena_sources():
                yield SourceSpec(
                    name="wav",
                    summary="Spectra of a sound file",
                    target="my_plugin.sounds:spectra",
                    reads="file",
                    suffixes=(".wav",),
                )
    """
    return ()


@hookspec
def arena_trackers() -> Iterable[TrackerSpec]:
    """Contribute trackers: additional destinations of a run's metrics.

    Example:
        ::

            @hookimpl
            def arena_trackers():
                yield TrackerSpec(name="csv", summary="A row for each yield", target="my_plugin.csv:Tracker")
    """
    return ()


@hookspec
def arena_launchers() -> Iterable[LauncherSpec]:
    """Contribute launchers: ways to run the experiments of a sweep.

    Example:
        ::

            @hookimpl
            def arena_launchers():
                yield LauncherSpec(name="slurm", summary="A job a run", target="my_plugin.slurm:Slurm")
    """
    return ()


@hookspec
def arena_overlays() -> Iterable[OverlaySpec]:
    """Contribute overlays: drawings of the viewer over the environment's picture, or beside it.

    Example:
        ::

            @hookimpl
            def arena_overlays():
                yield OverlaySpec(
                    name="values", summary="V as colours", target="my_plugin.overlays:Values", key="v"
                )
    """
    return ()


@hookspec
def arena_commands() -> Iterable[CommandSpec]:
    """Contribute verbs of the command line.

    Example:
        ::

            @hookimpl
            def arena_commands():
                yield CommandSpec(name="publish", summary="Upload a run", target="my_plugin.publish:command")
    """
    return ()


@hookspec
def arena_run_started(run: RunInfo) -> None:
    """Event at the start of a run, or when it resumes from a checkpoint; the run's folder exists.

    Args:
        run: the run, with its experiment and folder.

    Example:
        ::

            @hookimpl
            def arena_run_started(run):
                print(f"started {run}")
    """


@hookspec
def arena_run_progressed(run: RunInfo, progress: ProgressInfo) -> None:
    """Event at every yield of an agent's training; called often, so it must be fast.

    Args:
        run: the run.
        progress: the progress that the agent yielded: steps, episodes and metrics.

    Example:
        ::

            @hookimpl
            def arena_run_progressed(progress):
                print(progress.steps, progress.metrics)
    """


@hookspec
def arena_run_finished(run: RunInfo, result: Any) -> None:
    """Event at the end of a run, when its result is on disk.

    Args:
        run: the run.
        result: the content of ``result.json``.

    Example:
        ::

            @hookimpl
            def arena_run_finished(run, result):
                print(f"finished {run}: {result}")
    """


HOOKS = {
    name: frozenset(inspect.signature(hook).parameters)
    for name, hook in tuple(globals().items())
    if name.startswith("arena_")
}
"""Parameters of every hook by its name: a contribution has none, an event has at least one."""


def hook_problems(manager: PluginManager, plugin: object) -> list[str]:
    """List functions of a plugin that look like hook implementations but cannot be called, one line each.

    Args:
        manager: the plugin manager, which recognizes hook implementations.
        plugin: a module or an object.
    """
    problems = []
    for name in dir(plugin):
        marks: Mapping[str, Any] | None = manager.parse_hookimpl_opts(plugin, name)
        if marks is None and not (name.startswith("arena_") and callable(getattr(plugin, name))):
            continue
        options = marks or {}
        hook = options.get("specname") or name
        if hook not in HOOKS:
            if not options.get("optionalhook"):
                problems.append(str(unknown_name("hook", hook, HOOKS)))
        elif marks is None:
            problems.append(f"{name} is not a function marked @hookimpl; put @arena.hookimpl above it")
        elif options.get("wrapper") or options.get("hookwrapper"):
            problems.append(f"{name} is a hook wrapper, which arena does not call; make it a plain function")
    return problems
