"""The sections of a gallery: one for each protocol of encoders that the encoder implements."""

from __future__ import annotations

from collections.abc import Iterator

from arena.encoders.base import Decodes, Encodes, Perceives, Samples
from arena.errors import ArenaError
from arena_gallery.cells import Section
from arena_gallery.decoding import reconstructions, samples, sweeps, walks
from arena_gallery.inputs import GalleryInputs
from arena_gallery.latent_plot import latent_plots
from arena_gallery.predictions import predictions

__all__ = ["sections"]


def sections(inputs: GalleryInputs) -> Iterator[Section]:
    """All sections of an encoder."""
    encoder, found = inputs.encoder, 0
    makers = []
    if isinstance(encoder, Perceives):
        makers.append(predictions)
    if isinstance(encoder, Encodes) and isinstance(encoder, Decodes):
        makers.append(reconstructions)
    if isinstance(encoder, Samples):
        makers.append(samples)
    if isinstance(encoder, Encodes) and isinstance(encoder, Decodes):
        makers += [walks, sweeps]
    if isinstance(encoder, Encodes):
        makers.append(latent_plots)
    for maker in makers:
        for section in maker(inputs):
            found += 1
            yield section
    if not found:
        raise ArenaError(
            f"{type(encoder).__name__} neither encodes, decodes, samples nor predicts labels: nothing can be drawn",
            "give it one of the protocols of arena.encoders.base",
        )
