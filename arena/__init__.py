"""Arena: where agents, environments and learned perception meet.

The public names are imported on first use, so that `import arena` costs nothing and `arena --help` imports no
gymnasium, torch or numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena.agents.base import Agent, Needs, Problem
    from arena.api import load, train
    from arena.encoders.base import Encoder
    from arena.environments.mdp import TransitionModel
    from arena.errors import ArenaError
    from arena.experiments.experiment import Experiment
    from arena.plugins.hookspecs import hookimpl
    from arena.plugins.specs import (
        AgentSpec,
        EncoderSpec,
        EnvironmentSpec,
        LauncherSpec,
        OverlaySpec,
        Preset,
        SourceSpec,
        TrackerSpec,
    )
    from arena.results.results import Results
    from arena.storage.journal import Journal
    from arena.streams.base import Progress, Stream, Transition
    from arena.sweeps.sweep import sweep
    from arena_viewer import watch

__all__ = [
    "Agent",
    "AgentSpec",
    "ArenaError",
    "Encoder",
    "EncoderSpec",
    "EnvironmentSpec",
    "Experiment",
    "Journal",
    "LauncherSpec",
    "Needs",
    "OverlaySpec",
    "Preset",
    "Problem",
    "Progress",
    "Results",
    "SourceSpec",
    "Stream",
    "TrackerSpec",
    "Transition",
    "TransitionModel",
    "hookimpl",
    "load",
    "sweep",
    "train",
    "watch",
]

_import_lazily, __dir__ = lazy_exports(
    __name__,
    {
        "arena.agents.base": ["Agent", "Needs", "Problem"],
        "arena.api": ["Results", "load", "train"],
        "arena.encoders.base": ["Encoder"],
        "arena.environments.mdp": ["TransitionModel"],
        "arena.errors": ["ArenaError"],
        "arena.experiments.experiment": ["Experiment"],
        "arena.plugins.hookspecs": ["hookimpl"],
        "arena.plugins.specs": [
            "AgentSpec",
            "EncoderSpec",
            "EnvironmentSpec",
            "LauncherSpec",
            "OverlaySpec",
            "Preset",
            "SourceSpec",
            "TrackerSpec",
        ],
        "arena.storage.journal": ["Journal"],
        "arena.streams.base": ["Progress", "Stream", "Transition"],
        "arena.sweeps.sweep": ["sweep"],
        "arena_viewer": ["watch"],
    },
)


def __getattr__(name: str) -> Any:
    try:
        return _import_lazily(name)
    except ModuleNotFoundError as error:
        if error.name != "arena_viewer":
            raise
        from arena.errors import ArenaError

        problem = f"arena.{name} needs the plugin arena_viewer, which is not installed"
        raise ArenaError(problem, "pip install --force-reinstall arena-rl") from error
