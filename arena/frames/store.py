"""Reading of data sets on disk, as memory-mapped arrays."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.frames.columns import ACTION, BEGIN, HEADER, LABEL, OBSERVATION, Column, Header, combined
from arena.storage.files import open_regular, read_bounded

__all__ = ["LOCK", "Frames"]

Array = npt.NDArray[Any]

#: File that marks a folder while a data set is written into it, and after an interruption.
LOCK = "unfinished.lock"

#: Number of bytes read at once to compute a digest.
READ_BYTES = 2**22

#: Maximum size of the header in bytes.
MOST_HEADER = 2**24

AGAIN = "restore it from a copy, or delete the folder and collect it again"


class Frames:
    """Data set of observations, actions, labels and episode beginnings; read-only, memory-mapped from disk.

    Row i of every array belongs to frame i. The frames of an episode are consecutive, including its last one; the
    frame before an episode's beginning may belong to any part of the source. The folder may be copied and moved.

    Args:
        folder: the folder that `arena.frames.collect` or another source wrote.
        verify: whether to read all files and compare their digests.

    Attributes:
        folder: the folder of the data set.
        observation_space: space of one observation, of bytes or float32.
        action_space: space of one action, or None if the frames have no actions.
        label_spaces: space of each label, by name.
        observation: shape (count, *observation_space.shape).
        action: action that led to each frame, zero where an episode begins: shape (count, *action_space.shape), or
            None if the frames have no actions.
        labels: each label's values, by name: shape (count, *label space's shape).
        begin: whether an episode begins with the frame: bool, shape (count,), or None if the frames have no order.
        source: description of the frames' origin, as plain values.
        digest: digest of the whole content; equal data sets have equal digests.

    Raises:
        ArenaError: the folder is not a data set, or it is unfinished, damaged, or written by a newer arena.
    """

    def __init__(self, folder: str | Path, *, verify: bool = False) -> None:
        self.folder = Path(folder)
        self._header = _read(self.folder)
        columns = self._header.columns
        self.source: Mapping[str, Any] = self._header.source
        self.digest = self._header.digest
        arrays = {name: self._map(column) for name, column in columns.items()}
        if verify:
            self._verify(arrays)
        self.observation_space = _space(columns[OBSERVATION])
        self.action_space = _space(columns[ACTION]) if ACTION in columns else None
        names = [name for name in columns if name.startswith(LABEL)]
        self.label_spaces = {name.removeprefix(LABEL): _space(columns[name]) for name in names}
        self.observation = arrays[OBSERVATION]
        self.action = arrays.get(ACTION)
        self.begin = arrays.get(BEGIN)
        self.labels = {name.removeprefix(LABEL): arrays[name] for name in names}
        if self.begin is not None and not self.begin[0]:
            raise ArenaError(f"{self.folder} begins within an episode", AGAIN)

    def __len__(self) -> int:
        """Number of frames."""
        return self._header.count

    def __repr__(self) -> str:
        episodes = "" if self.episodes is None else f" of {self.episodes:,} episodes"
        labels = f", labels {', '.join(self.labels)}" if self.labels else ""
        return (
            f"Frames({len(self):,}{episodes}: {self.observation.dtype}{self.observation.shape[1:]}{labels})"
        )

    @property
    def episodes(self) -> int | None:
        """Number of episodes, or None if the frames have no order."""
        return self._header.episodes

    @functools.cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Number of each episode's first frame, ascending: shape (episodes,).

        Raises:
            ArenaError: the frames have no order.
        """
        if self.begin is None:
            raise ArenaError(
                f"the frames of {self.folder} have no order", "collect frames from an environment instead"
            )
        return np.flatnonzero(self.begin)

    def verify(self) -> None:
        """Read all files and compare their digests.

        Raises:
            ArenaError: a file was changed.
        """
        self._verify({name: self._map(column) for name, column in self._header.columns.items()})

    def _map(self, column: Column) -> Array:
        path, head, count = self.folder / column.file, column.head(len(self)), len(self)
        try:
            size = len(head) + count * column.row_bytes
            with open_regular(path) as file:
                found = os.fstat(file.fileno()).st_size
                if found != size:
                    raise ArenaError(f"{path} has {found:,} bytes instead of {size:,}", AGAIN)
                if file.read(len(head)) != head:
                    raise ArenaError(f"{path} is not the {column.name} that {HEADER} describes", AGAIN)
                mapped = np.memmap(file, column.dtype, "r", len(head), (count, *column.shape))
        except OSError as error:
            raise ArenaError(f"cannot read {path}: {error.strerror}", AGAIN) from error
        return mapped.view(np.ndarray)

    def _verify(self, arrays: Mapping[str, Array]) -> None:
        for name, array in arrays.items():
            rows = max(1, READ_BYTES // self._header.columns[name].row_bytes)
            digests, start = [], 0
            for length in self._header.parts:
                digest, stop = hashlib.sha256(), start + length
                for at in range(start, stop, rows):
                    digest.update(np.ascontiguousarray(array[at : min(at + rows, stop)]).data)
                digests.append(digest.digest())
                start = stop
            if combined(digests) != self._header.digests[name]:
                raise ArenaError(f"{self.folder / f'{name}.npy'} does not match its digest", AGAIN)


def _space(column: Column) -> gym.Space[Any]:
    assert column.space is not None
    return column.space


def _read(folder: Path) -> Header:
    path = folder / HEADER
    try:
        names = {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise ArenaError(
            f"cannot read {folder}: {error.strerror}", "give the folder of a data set"
        ) from error
    if HEADER not in names and LOCK in names:
        raise ArenaError(
            f"{folder} is unfinished, or is being written", "collect it again, to the same folder"
        )
    if HEADER not in names:
        raise ArenaError(f"{folder} is not a data set: it has no {HEADER}", "give the folder of a data set")
    try:
        return Header.from_json(read_bounded(path, MOST_HEADER))
    except ArenaError as error:
        raise ArenaError(f"{path} cannot be used: {error.problem}", error.remedy) from error
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", AGAIN) from error
    except ValueError as error:
        raise ArenaError(f"{path} is damaged: {error}", AGAIN) from error
