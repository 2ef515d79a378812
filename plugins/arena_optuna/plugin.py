"""Contributions of the plugin `arena_optuna`; Optuna is imported when the command runs."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import CommandSpec


@hookimpl
def arena_commands() -> Iterable[CommandSpec]:
    """Contributes the command ``tune``."""
    yield CommandSpec(
        name="tune",
        summary="search for an agent's hyperparameters, and rerun the winner on fresh seeds",
        reference="Akiba et al., 2019: Optuna",
        target="arena_optuna.command:command",
    )
