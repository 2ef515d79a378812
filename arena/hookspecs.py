"""Every extension point of arena.

A plugin is a module named by an entry point in the group ``arena``::

    [project.entry-points.arena]
    my_plugin = "my_plugin"

It implements any of the hooks below, marked with ``arena.hookimpl``. *Contributions* return specs; *events*
are told what happened and return nothing. An implementation may leave out arguments that it does not need.
One that raises is reported in ``arena list plugins`` and stops neither another plugin nor a run. Keep the
module light: gymnasium, torch and the like belong in the modules that the specs' targets name.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker, HookspecMarker, PluginManager

from arena.errors import unknown
from arena.specs import (
    AgentSpec,
    CommandSpec,
    EncoderSpec,
    EnvironmentSpec,
    LauncherSpec,
    OverlaySpec,
    TrackerSpec,
)

if TYPE_CHECKING:
    from arena.agent import Progress
    from arena.run import Run

__all__ = ["HOOKS", "hookimpl", "hookspec", "misuses"]

hookspec = HookspecMarker("arena")
hookimpl = HookimplMarker("arena")


@hookspec
def arena_agents() -> Iterable[AgentSpec]:
    """Contributes agents.

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
    """Contributes Gymnasium environments, each with the package whose import registers it.

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
    """Contributes encoders: modules that turn observations into codes.

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
def arena_trackers() -> Iterable[TrackerSpec]:
    """Contributes trackers: places that a run's metrics are also written to.

    Example:
        ::

            @hookimpl
            def arena_trackers():
                yield TrackerSpec(name="csv", summary="A row for each yield", target="my_plugin.csv:Tracker")
    """
    return ()


@hookspec
def arena_launchers() -> Iterable[LauncherSpec]:
    """Contributes launchers: ways to run the experiments of a sweep.

    Example:
        ::

            @hookimpl
            def arena_launchers():
                yield LauncherSpec(name="slurm", summary="A job a run", target="my_plugin.slurm:Slurm")
    """
    return ()


@hookspec
def arena_overlays() -> Iterable[OverlaySpec]:
    """Contributes overlays: what the viewer draws over the environment's picture, or beside it.

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
    """Contributes verbs of the command line.

    Example:
        ::

            @hookimpl
            def arena_commands():
                yield CommandSpec(name="publish", summary="Upload a run", target="my_plugin.publish:command")
    """
    return ()


@hookspec
def arena_run_started(run: Run) -> None:
    """A run began, or went on from its checkpoint; its folder exists.

    Args:
        run: the run, its experiment and folder.

    Example:
        ::

            @hookimpl
            def arena_run_started(run):
                print(f"started {run}")
    """


@hookspec
def arena_run_progressed(run: Run, progress: Progress) -> None:
    """An agent yielded. This is called often: do little.

    Args:
        run: the run.
        progress: what the agent yielded: steps, episodes and metrics.

    Example:
        ::

            @hookimpl
            def arena_run_progressed(progress):
                print(progress.steps, progress.metrics)
    """


@hookspec
def arena_run_finished(run: Run, result: Any) -> None:
    """A run came to its end, and its result is on disk.

    Args:
        run: the run.
        result: what ``result.json`` holds.

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
"""The parameters of every hook, by its name: a contribution has none, an event has some."""


def misuses(manager: PluginManager, plugin: object) -> list[str]:
    """What a plugin's author will have meant as a hook, but arena cannot call; a line each.

    Args:
        manager: knows a hook implementation when it sees one.
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
                problems.append(str(unknown("hook", hook, HOOKS)))
        elif marks is None:
            problems.append(f"{name} is not a function marked @hookimpl; put @arena.hookimpl above it")
        elif options.get("wrapper") or options.get("hookwrapper"):
            problems.append(f"{name} is a hook wrapper, which arena does not call; make it a plain function")
    return problems
