"""Contributions of the plugin `arena_data`; imports neither numpy nor gymnasium."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import FOLDER, SourceSpec


@hookimpl
def arena_sources() -> Iterable[SourceSpec]:
    """Contributes images, arrays and digits."""
    yield SourceSpec(
        name="digits",
        summary="1,797 handwritten digits of 8 × 8 pixels, with the label digit; needs scikit-learn",
        reference="Alpaydin & Kaynak, 1998",
        target="arena_data.arrays:digits",
    )
    yield SourceSpec(
        name="npz",
        summary="Arrays of a file of numpy: observations, actions, beginnings of episodes and labels",
        target="arena_data.arrays:npz",
        reads="file",
        suffixes=(".npz",),
    )
    yield SourceSpec(
        name="images",
        summary="PNG and JPEG files of a folder, whose sub-folders are classes; needs Pillow",
        target="arena_data.images:pictures",
        reads="folder",
        suffixes=(FOLDER,),
    )
