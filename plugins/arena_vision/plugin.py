"""What this plugin contributes; it imports neither torch nor gymnasium."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import EncoderSpec


@hookimpl
def arena_encoders() -> Iterable[EncoderSpec]:
    """Networks that recognise, from the Neocognitron on, and networks that segment."""
    from arena_vision.catalogue import SPECS

    yield from SPECS
