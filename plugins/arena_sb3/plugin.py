"""Contributions of the plugin `arena_sb3`; imports neither Stable-Baselines3 nor torch."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import AgentSpec
from arena_sb3.catalogue import specs


@hookimpl
def arena_agents() -> Iterable[AgentSpec]:
    """Contributes the algorithms of Stable-Baselines3 and sb3-contrib."""
    yield from specs()
