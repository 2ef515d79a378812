"""The verbs of this plugin; pygame is imported when one of them runs."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import CommandSpec


@hookimpl
def arena_commands() -> Iterable[CommandSpec]:
    """The verbs ``watch`` and ``play``."""
    yield CommandSpec(
        name="watch",
        summary="see agents play: a window, overlays, films, live training",
        target="arena_viewer.watch_command:command",
    )
    yield CommandSpec(
        name="play",
        summary="steer an environment yourself, against a trained agent if you like",
        target="arena_viewer.play_command:command",
    )
