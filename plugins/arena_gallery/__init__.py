"""`arena gallery RUN`: one picture of what a fitted encoder reconstructs, samples and predicts.

The names are imported on first use, so that importing this package costs nothing.

Example:
    >>> from arena_gallery import gallery
    >>> drawn = gallery(arena.load("runs/vae_digits_seed0_…"))  # doctest: +SKIP
    >>> Path("vae.png").write_bytes(drawn.png)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_gallery.build import Gallery, gallery
    from arena_gallery.cells import Picture
    from arena_gallery.observation_renderer import ObservationRenderer

_HOMES = {
    "Gallery": "build",
    "Picture": "cells",
    "ObservationRenderer": "observation_renderer",
    "gallery": "build",
}

__all__ = ["Gallery", "ObservationRenderer", "Picture", "gallery"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena_gallery' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_gallery.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
