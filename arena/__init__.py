"""Arena: where agents, environments and learned perception meet.

The public names are imported on first use, so that `import arena` costs nothing and `arena --help` imports no
gymnasium, torch or numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena.agent import Agent, Needs, Problem, Progress
    from arena.api import Results, load, train
    from arena.encoder import Encoder
    from arena.errors import ArenaError
    from arena.experiment import Experiment
    from arena.hookspecs import hookimpl
    from arena.journal import Journal
    from arena.mdp import TransitionModel
    from arena.specs import (
        AgentSpec,
        EncoderSpec,
        EnvironmentSpec,
        LauncherSpec,
        OverlaySpec,
        Preset,
        TrackerSpec,
    )
    from arena.stream import Stream, Transition
    from arena.sweeps import sweep
    from arena_viewer import watch

_HOMES = {
    "Agent": "arena.agent",
    "AgentSpec": "arena.specs",
    "ArenaError": "arena.errors",
    "Encoder": "arena.encoder",
    "EncoderSpec": "arena.specs",
    "EnvironmentSpec": "arena.specs",
    "Experiment": "arena.experiment",
    "Journal": "arena.journal",
    "LauncherSpec": "arena.specs",
    "Needs": "arena.agent",
    "OverlaySpec": "arena.specs",
    "Preset": "arena.specs",
    "Problem": "arena.agent",
    "Progress": "arena.agent",
    "Results": "arena.api",
    "Stream": "arena.stream",
    "TrackerSpec": "arena.specs",
    "Transition": "arena.stream",
    "TransitionModel": "arena.mdp",
    "hookimpl": "arena.hookspecs",
    "load": "arena.api",
    "sweep": "arena.sweeps",
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
