"""Plugin of `csv_frames`: the module that the entry point names."""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_sources() -> Iterable[arena.SourceSpec]:
    """Register the source."""
    yield arena.SourceSpec(
        name="csv",
        summary="Rows of numbers in a text file",
        target="csv_frames:read",
        reads="file",
        suffixes=(".csv",),
    )
