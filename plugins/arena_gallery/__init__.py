"""`arena gallery RUN`: one picture of what a fitted encoder reconstructs, samples and predicts.

The names are imported on first use, so that importing this package costs nothing.

Example:
    >>> from arena_gallery import gallery
    >>> drawn = gallery(arena.load("runs/vae_digits_seed0_…"))  # doctest: +SKIP
    >>> Path("vae.png").write_bytes(drawn.png)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena_gallery.build import Gallery, gallery
    from arena_gallery.cells import Picture
    from arena_gallery.linear_probe import Probe, probe
    from arena_gallery.observation_renderer import ObservationRenderer

__all__ = ["Gallery", "ObservationRenderer", "Picture", "Probe", "gallery", "probe"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".build": ["Gallery", "gallery"],
        ".cells": ["Picture"],
        ".linear_probe": ["Probe", "probe"],
        ".observation_renderer": ["ObservationRenderer"],
    },
)
