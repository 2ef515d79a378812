"""Plugin of `small_encoder`: the module that the entry point names."""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_encoders() -> Iterable[arena.EncoderSpec]:
    """Register the encoder."""
    yield arena.EncoderSpec(
        name="small", summary="Linear autoencoder", target="small_encoder:SmallAutoencoder"
    )
