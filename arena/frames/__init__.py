"""Data sets of observations and labels on disk, from environments and other sources, and batches.

Example:
    >>> from arena.frames import Batches, collect
    >>> frames = collect("arena/FourRooms-v0", n=500, env_options={"observation": "pixels"})  # doctest: +SKIP
    >>> batch = next(Batches(frames, 64))  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena.frames.batches import Batches
    from arena.frames.collecting import collect
    from arena.frames.columns import Column
    from arena.frames.fits import resolve_fit
    from arena.frames.references import open_data
    from arena.frames.sources import open_source
    from arena.frames.store import Frames
    from arena.frames.writer import Writer

__all__ = [
    "Batches",
    "Column",
    "Frames",
    "Writer",
    "collect",
    "open_data",
    "open_source",
    "resolve_fit",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".batches": ["Batches"],
        ".collecting": ["collect"],
        ".columns": ["Column"],
        ".fits": ["resolve_fit"],
        ".references": ["open_data"],
        ".sources": ["open_source"],
        ".store": ["Frames"],
        ".writer": ["Writer"],
    },
)
