"""The plugin of `trail`: what the entry point names."""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_overlays() -> Iterable[arena.OverlaySpec]:
    """What the entry point in the group ``arena`` makes known."""
    yield arena.OverlaySpec(
        name="trail", summary="The way that the walker has come", target="trail:Trail", title="trail", key="t"
    )
