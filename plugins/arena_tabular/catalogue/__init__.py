"""Names, summaries and presets of the tabular agents: one light module a family."""

from __future__ import annotations

from collections.abc import Iterator

from arena.plugins.specs import AgentSpec

__all__ = ["specs"]


def specs() -> Iterator[AgentSpec]:
    """Every agent, family by family."""
    from arena_tabular.catalogue import (
        baselines,
        dyna,
        monte_carlo,
        multi_step,
        planning,
        temporal_difference,
    )

    for family in (baselines, dyna, monte_carlo, multi_step, planning, temporal_difference):
        yield from family.SPECS
