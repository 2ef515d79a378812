"""Plugin of `trail`: the module that the entry point names."""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_overlays() -> Iterable[arena.OverlaySpec]:
    """Register the overlay."""
    yield arena.OverlaySpec(
        name="trail", summary="Path of the walker", target="trail:Trail", title="path of the walker", key="t"
    )
