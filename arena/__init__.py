"""Arena: where agents, environments and learned perception meet.

The public names are imported on first use, so that `import arena` costs nothing and `arena --help` imports no
gymnasium, torch or numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
        TrackerSpec,
    )
    from arena.results.results import Results
    from arena.storage.journal import Journal
    from arena.streams.base import Progress, Stream, Transition
    from arena.sweeps.sweep import sweep
    from arena_viewer import watch

_HOMES = {
    "Agent": "arena.agents.base",
    "AgentSpec": "arena.plugins.specs",
    "ArenaError": "arena.errors",
    "Encoder": "arena.encoders.base",
    "EncoderSpec": "arena.plugins.specs",
    "EnvironmentSpec": "arena.plugins.specs",
    "Experiment": "arena.experiments.experiment",
    "Journal": "arena.storage.journal",
    "LauncherSpec": "arena.plugins.specs",
    "Needs": "arena.agents.base",
    "OverlaySpec": "arena.plugins.specs",
    "Preset": "arena.plugins.specs",
    "Problem": "arena.agents.base",
    "Progress": "arena.streams.base",
    "Results": "arena.api",
    "Stream": "arena.streams.base",
    "TrackerSpec": "arena.plugins.specs",
    "Transition": "arena.streams.base",
    "TransitionModel": "arena.environments.mdp",
    "hookimpl": "arena.plugins.hookspecs",
    "load": "arena.api",
    "sweep": "arena.sweeps.sweep",
    "train": "arena.api",
    "watch": "arena_viewer",
}

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


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena' has no attribute {name!r}")
    try:
        module = importlib.import_module(home)
    except ModuleNotFoundError as error:
        if error.name != home:  # only `watch` comes from a plugin
            raise
        from arena.errors import ArenaError

        raise ArenaError(
            f"arena.{name} needs the plugin {home}", "pip install --force-reinstall arena-rl"
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
