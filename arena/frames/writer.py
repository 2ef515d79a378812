"""Writing of data sets: rows are streamed to files with digests, and an incomplete data set is recognizable."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import filelock
import numpy as np
import numpy.typing as npt

from arena.environments.space_json import bounds_of
from arena.errors import ArenaError
from arena.frames.columns import BEGIN, HEADER, LABEL, OBSERVATION, Column, Header, check, combined
from arena.frames.store import LOCK, Frames
from arena.storage.files import UNFINISHED, Folder, refuse_link, write_all, write_error

__all__ = ["CHUNK_BYTES", "Writer", "open_existing", "output_folder"]

Array = npt.NDArray[Any]

#: Approximate size of the part of a data set that a source keeps in memory, in bytes.
CHUNK_BYTES = 2**24

#: Default folder of data sets.
HOME = Path("frames")


class Writer:
    """Writer of a data set: appends rows in order to each of its parts.

    ``frames.json`` is written last, once everything else is on the disk. A folder without it is unfinished, and is
    written again; if an error ends the ``with`` block, the files are removed.

    Example:
        >>> columns = [Column("observation", gym.spaces.Box(0, 255, (8, 8, 3), np.uint8))]
        >>> with Writer(folder, columns, {"kind": "mine"}, [100]) as writer:
        ...     writer.write({"observation": np.zeros((100, 8, 8, 3), np.uint8)})
        ...     frames = writer.finish()

    Args:
        folder: the folder to write to; empty, missing, or with an unfinished data set.
        columns: the columns to write; with ``begin``, the frames form episodes.
        source: description of the frames' origin, as plain JSON values.
        parts: number of rows in each part. Parts may be written in parallel, and are stored one after another.

    Raises:
        ArenaError: the folder is a link, has other content, or cannot be written.
    """

    def __init__(
        self, folder: str | Path, columns: Iterable[Column], source: Mapping[str, Any], parts: Sequence[int]
    ) -> None:
        self.folder, self.source, self.parts = Path(folder), _plain(source), tuple(parts)
        self.columns = {column.name: column for column in columns}
        if not self.parts or min(self.parts) < 1:
            raise ArenaError("there are no frames", "give a source with at least one frame")
        self.count = sum(self.parts)
        self._first = np.concatenate([[0], np.cumsum(self.parts)]).tolist()
        self._written = [0] * len(self.parts)
        self._episodes = 0
        self._bounds = {
            name: None if column.space is None else bounds_of(column.space)
            for name, column in self.columns.items()
        }
        self._digests = {name: [hashlib.sha256() for _ in self.parts] for name in self.columns}
        self._files: dict[str, BinaryIO] = {}
        self._lock = filelock.FileLock(self.folder / LOCK, timeout=0)
        self._finished = False

    def __enter__(self) -> Self:
        try:
            self._claim()
            for name, column in self.columns.items():
                with Folder(self.folder) as folder:
                    self._files[name] = file = folder.create(column.file)
                write_all(file, column.head(self.count))
        except BaseException as error:
            self._abandon()
            if isinstance(error, OSError):
                raise write_error(self.folder, error) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._abandon()

    def write(self, rows: Mapping[str, Array], part: int = 0) -> None:
        """Append rows to a part.

        Args:
            rows: for each column, shape (k, *column.shape); numbers of another type are converted to the column's.
            part: index of the part.

        Raises:
            ArenaError: a value is infinite, NaN or outside its space, or the disk is full.
        """
        lengths = {len(array) for array in rows.values()}
        done = self._written[part]
        if rows.keys() != self.columns.keys() or len(lengths) != 1 or done + max(lengths) > self.parts[part]:
            raise ValueError(f"{len(rows)} columns of {lengths} rows do not fit part {part}")
        first = self._first[part] + done
        for name, array in rows.items():
            column = self.columns[name]
            if array.shape[1:] != column.shape:
                raise ValueError(f"rows of {name} have the shape {array.shape[1:]}, not {column.shape}")
            check(column, array, self._bounds[name], first)
            data = np.ascontiguousarray(array, dtype=column.dtype).data.cast("B")
            self._digests[name][part].update(data)
            try:
                self._files[name].seek(len(column.head(self.count)) + first * column.row_bytes)
                write_all(self._files[name], data)
            except OSError as error:
                raise write_error(self.folder / column.file, error) from error
        if BEGIN in rows:
            self._episodes += int(np.count_nonzero(rows[BEGIN]))
        self._written[part] += max(lengths)

    def finish(self) -> Frames:
        """Wait until everything is on the disk, and open the data set.

        Raises:
            ArenaError: the disk is full.
        """
        if self._written != list(self.parts):
            raise ValueError(f"{sum(self._written)} of {self.count} rows were written")
        digests = {name: combined([one.digest() for one in parts]) for name, parts in self._digests.items()}
        episodes = self._episodes if BEGIN in self.columns else None
        header = Header(self.count, self.parts, episodes, self.columns, digests, self.source)
        try:
            for file in self._files.values():
                os.fsync(file.fileno())
                file.close()
            with Folder(self.folder) as folder:
                folder.sync()
                folder.write(HEADER, header.to_json())
        except OSError as error:
            raise write_error(self.folder, error) from error
        self._finished = True
        self._release()
        return Frames(self.folder)

    def _claim(self) -> None:
        """Create and lock the folder, and remove an unfinished data set from it.

        Raises:
            OSError: the system's error.
        """
        folder = self.folder
        if folder.is_symlink():
            raise ArenaError(f"{folder} is a link", "give the folder that it points to")
        folder.mkdir(parents=True, exist_ok=True)
        self._refuse_strangers()
        refuse_link(folder / LOCK)
        try:
            self._lock.acquire()
        except filelock.Timeout as error:
            raise ArenaError(
                f"another process is writing {folder}", "wait for it, or choose another folder"
            ) from error
        self._refuse_strangers()  # another process may have finished meanwhile
        with Folder(folder) as opened:
            opened.sweep()
            for name in _ours(opened.names()):
                opened.remove(name)

    def _refuse_strangers(self) -> None:
        """Refuse a folder with other content than an unfinished data set, which alone may be removed."""
        names = {name for name in os.listdir(self.folder) if not name.startswith(UNFINISHED)}
        if HEADER in names:
            raise ArenaError(f"{self.folder} already holds a data set", "choose another folder, or delete it")
        unfinished = LOCK in names
        strange = names - {LOCK} - (_ours(names) if unfinished else set())
        if strange:
            raise ArenaError(
                f"{self.folder} holds other files, such as {min(strange)}", "choose another folder"
            )

    def _abandon(self) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        for name in self._files:
            with contextlib.suppress(OSError):
                (self.folder / self.columns[name].file).unlink()
        self._release()

    def _release(self) -> None:
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self.folder / LOCK).unlink(missing_ok=True)
            self._lock.release()
            if not self._finished:
                with contextlib.suppress(OSError):  # it is not empty
                    self.folder.rmdir()


def open_existing(folder: Path, source: Mapping[str, Any]) -> Frames | None:
    """Open the data set in a folder, if it comes from the given source; None if there is no finished one.

    Raises:
        ArenaError: the data set comes from another source, or is damaged.
    """
    if not (folder / HEADER).exists():
        return None
    frames, wanted = Frames(folder), _plain(source)
    if frames.source == wanted:
        return frames
    different = [name for name in {**wanted, **frames.source} if wanted.get(name) != frames.source.get(name)]
    raise ArenaError(
        f"{folder} holds other frames: their {' and '.join(different)} differ",
        "choose another folder, or delete it",
    )


def output_folder(out: str | Path | None, name: str, source: Mapping[str, Any]) -> Path:
    """The given folder, otherwise a folder under ``frames/`` that is named by the source."""
    if out is not None:
        return Path(out)
    text = json.dumps(_plain(source), sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    safe = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in name).strip("-.")
    return HOME / f"{safe[:80] or 'frames'}_{digest}"


def _plain(source: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a source to the values that JSON returns."""
    plain: dict[str, Any] = json.loads(json.dumps(source, allow_nan=False))
    return plain


def _ours(names: Iterable[str]) -> set[str]:
    known = (f"{OBSERVATION}.npy", "action.npy", f"{BEGIN}.npy")
    return {name for name in names if name in known or (name.startswith(LABEL) and name.endswith(".npy"))}
