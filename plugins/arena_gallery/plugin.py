"""The verb of this plugin; torch is imported when it runs."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import CommandSpec


@hookimpl
def arena_commands() -> Iterable[CommandSpec]:
    """The verb ``gallery``."""
    yield CommandSpec(
        name="gallery",
        summary="draw what a fitted encoder reconstructs, samples and predicts: one picture",
        target="arena_gallery.command:command",
    )
