"""Registration of the deep agents, without importing torch or gymnasium."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import AgentSpec


@hookimpl
def arena_agents() -> Iterable[AgentSpec]:
    """Deep Q-networks and policy gradients."""
    from arena_deep.catalogue import specs

    yield from specs()
