"""Data sets by reference: what a fit remembers of its frames, and how they are opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.environments.space_json import to_json
from arena.errors import ArenaError
from arena.experiments.data_reference import DataReference
from arena.frames.columns import HEADER
from arena.frames.sources import is_environment, open_source
from arena.frames.store import Frames

__all__ = ["data_reference", "open_data"]


def data_reference(source: str, **options: Any) -> DataReference:
    """Collects, reads or opens frames, and makes a reference to them.

    Args:
        source: as `open_source` takes it.
        options: of the source.

    Raises:
        ArenaError: as `open_source`.
    """
    frames = open_source(source, **options)
    labels = {name: to_json(space) for name, space in frames.label_spaces.items()}
    space = to_json(frames.observation_space)
    name = "" if is_environment(source) else Path(source).stem
    return DataReference(source, options, str(frames.folder), frames.digest, space, labels, name)


def open_data(data: DataReference) -> Frames:
    """The frames of a reference, made again where they have gone.

    Raises:
        ArenaError: they cannot be made again, or have changed.
    """
    folder = Path(data.folder)
    if not (folder / HEADER).exists() and folder == Path(data.source):
        raise ArenaError(f"the frames of the fit are gone: {folder}", "put them back")
    frames = Frames(folder) if (folder / HEADER).exists() else open_source(data.source, **data.options)
    if frames.digest != data.digest:
        raise ArenaError(
            f"{frames.folder} holds other frames than those of the fit",
            "restore them, or fit the encoder again",
        )
    return frames
