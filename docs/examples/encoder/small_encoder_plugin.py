"""The plugin of `small_encoder`: what the entry point names."""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_encoders() -> Iterable[arena.EncoderSpec]:
    """What the entry point in the group ``arena`` makes known."""
    yield arena.EncoderSpec(
        name="small", summary="A linear autoencoder in twelve lines", target="small_encoder:SmallAutoencoder"
    )
