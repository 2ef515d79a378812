"""What this plugin contributes; it imports neither Stable-Baselines3 nor torch."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import AgentSpec
from arena_sb3.catalogue import specs


@hookimpl
def arena_agents() -> Iterable[AgentSpec]:
    """The algorithms of Stable-Baselines3 and of its contributions."""
    yield from specs()
