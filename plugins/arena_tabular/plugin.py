"""Registration of the tabular agents; imports neither numba nor gymnasium."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import AgentSpec


@hookimpl
def arena_agents() -> Iterable[AgentSpec]:
    """Planners, Monte Carlo and temporal-difference methods over tables."""
    from arena_tabular.catalogue import specs

    yield from specs()
