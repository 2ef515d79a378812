"""Data sets of observations and labels on disk, from environments, images and arrays, and minibatches of them.

Example:
    >>> from arena.frames import Batches, collect
    >>> frames = collect("arena/FourRooms-v0", n=500, env_options={"observation": "pixels"})  # doctest: +SKIP
    >>> batch = next(Batches(frames, 64))  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena.frames.arrays import digits, npz
    from arena.frames.batches import Batches
    from arena.frames.collecting import collect
    from arena.frames.columns import Column
    from arena.frames.fits import resolve_fit
    from arena.frames.images import pictures
    from arena.frames.references import open_data
    from arena.frames.sources import open_source
    from arena.frames.store import Frames
    from arena.frames.writer import Writer

_HOMES = {
    "Batches": "batches",
    "Column": "columns",
    "Frames": "store",
    "Writer": "writer",
    "collect": "collecting",
    "digits": "arrays",
    "npz": "arrays",
    "open_data": "references",
    "open_source": "sources",
    "pictures": "images",
    "resolve_fit": "fits",
}

__all__ = [
    "Batches",
    "Column",
    "Frames",
    "Writer",
    "collect",
    "digits",
    "npz",
    "open_data",
    "open_source",
    "pictures",
    "resolve_fit",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
