"""Registration of this plugin's encoders; imports neither torch nor gymnasium."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import EncoderSpec


@hookimpl
def arena_encoders() -> Iterable[EncoderSpec]:
    """Specs of recognition and segmentation networks."""
    from arena_vision.catalogue import SPECS

    yield from SPECS
