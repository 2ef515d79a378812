"""The verb of this plugin; nothing heavy is imported before it runs."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import CommandSpec


@hookimpl
def arena_commands() -> Iterable[CommandSpec]:
    """The verb ``report``."""
    yield CommandSpec(
        name="report",
        summary="compare runs on one page: curves, intervals, profiles, exact optima",
        reference="Agarwal et al., 2021: Deep reinforcement learning at the edge of the statistical precipice",
        target="arena_report.command:command",
    )
