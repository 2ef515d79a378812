"""Data sets by reference: a fit stores a reference to its frames, from which they are opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.environments.space_json import to_json
from arena.errors import ArenaError
from arena.experiments.data_reference import DataReference
from arena.frames.columns import HEADER
from arena.frames.sources import find_source, open_source
from arena.frames.store import Frames

__all__ = ["data_reference", "open_data"]


def data_reference(source: str, **options: Any) -> DataReference:
    """Collect, read or open frames as `open_source` does, and make a reference to them."""
    found = find_source(source)
    frames = found.open(**options)
    labels = {name: to_json(space) for name, space in frames.label_spaces.items()}
    space = to_json(frames.observation_space)
    return DataReference(source, options, str(frames.folder), frames.digest, space, labels, found.name)


def open_data(data: DataReference) -> Frames:
    """Open the frames of a reference; if they were deleted, they are made again.

    Raises:
        ArenaError: the frames cannot be made again, or were changed.
    """
    folder = Path(data.folder)
    if not (folder / HEADER).exists() and folder == Path(data.source):
        raise ArenaError(f"the frames of the fit were deleted: {folder}", "restore them from a copy")
    frames = Frames(folder) if (folder / HEADER).exists() else open_source(data.source, **data.options)
    if frames.digest != data.digest:
        raise ArenaError(
            f"the frames in {frames.folder} are not those of the fit",
            "restore them, or fit the encoder again",
        )
    return frames
