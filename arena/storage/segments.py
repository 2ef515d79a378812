"""Storage of journal rows in checkpoints: each row is written once, even if many checkpoints contain it.

A segment is a safetensors file of consecutive rows, named by its own digest. A file with such a name is therefore
complete, never changes, and is never confused with a segment of another continuation of the run. Full segments end
at row numbers that are multiples of their size, so every checkpoint of a run lists the same ones. Only the last
segment is rewritten at each checkpoint until it is full.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors_numpy

from arena.errors import ArenaError
from arena.storage.files import Folder
from arena.storage.journal import Journal
from arena.storage.manifest import DamagedError, digest, read_verified

__all__ = ["Segments"]

SEGMENT_BYTES = 2**22
"""Maximum size of a segment, in bytes, unless one row is larger; a checkpoint rewrites at most this much."""

_SUFFIX = ".safetensors"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class _Segment(NamedTuple):
    """The rows from number `start` to before `stop`, in a file of `size` bytes with the digest `sha256`."""

    start: int
    stop: int
    size: int
    sha256: str


class Segments:
    """Segments in one folder, and the journals in memory whose rows they hold.

    Args:
        folder: the folder of segments; created with the first journal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # By identity: only an object that was saved or loaded here is known to have the rows of the files.
        self._known: WeakKeyDictionary[Journal, list[_Segment]] = WeakKeyDictionary()

    def write(self, journals: Sequence[Journal]) -> list[dict[str, Any]]:
        """Write the new rows into files, and wait until they are on the disk.

        Returns:
            For each journal, the argument of `read` as plain JSON values.

        Raises:
            ArenaError: the folder is a link.
            OSError: the system's error; existing files are unchanged.
        """
        with self._opened(create=True) as folder:
            folder.sweep()
            there = {*folder.names()}  # listed each time, since a failed save removes its files
            written = [self._write(journal, there, folder) for journal in journals]
            folder.sync()
        self._known.update(zip(journals, written, strict=True))
        return [_entry(journal, segments) for journal, segments in zip(journals, written, strict=True)]

    def read(self, entry: Any) -> Journal:
        """Read a journal from an entry that `write` returned.

        Raises:
            DamagedError: the entry or a file differs from what was written.
            OSError: the system's error.
        """
        capacity, total, fields, segments = _parsed(entry)
        if self.folder.is_symlink():
            raise DamagedError(f"{self.folder.name} is a link")
        parts = self._parts(segments, max(0, total - capacity))
        try:
            journal = Journal.from_parts(capacity, fields, total, parts)
        except (ArenaError, ValueError, OverflowError) as error:  # numpy raises the last two for absurd sizes
            raise DamagedError(f"a journal differs from what was written ({error})") from error
        self._known[journal] = segments
        return journal

    def sweep(self, entries: Sequence[Any]) -> None:
        """Remove every segment that no entry lists, and incomplete files of killed processes.

        Args:
            entries: results of `write`; the segments of a damaged entry, which `read` would refuse, are not kept.

        Raises:
            OSError: the system's error.
        """
        used: set[str] = set()
        for entry in entries:
            with contextlib.suppress(DamagedError):
                used.update(_name(segment) for segment in _parsed(entry)[-1])
        if self.folder.is_symlink() or not self.folder.is_dir():
            return
        with self._opened() as folder:
            folder.sweep()
            for name in {*folder.names()} - used:
                if _DIGEST.fullmatch(name.removesuffix(_SUFFIX)):
                    folder.remove(name)

    def _opened(self, *, create: bool = False) -> Folder:
        # The folder of checkpoints too is opened as a part of the run, which must not be a link.
        checkpoints = self.folder.parent
        return Folder(checkpoints.parent, checkpoints.name, self.folder.name, create=create)

    def _write(self, journal: Journal, there: Set[str], folder: Folder) -> list[_Segment]:
        rows = max(1, SEGMENT_BYTES // journal.row_bytes)
        segments: list[_Segment] = []
        for known in self._known.get(journal, ()):
            final = known.stop % rows == 0 or known.stop == journal.total
            if known.stop > journal.first:
                if not final or _name(known) not in there:
                    break
                segments.append(known)
        start = segments[-1].stop if segments else journal.first
        while start < journal.total:
            stop = min(journal.total, (start // rows + 1) * rows)
            segments.append(_added(folder, start, stop, safetensors_numpy.save(journal.rows(start, stop))))
            start = stop
        return segments

    def _parts(self, segments: Sequence[_Segment], first: int) -> Iterator[Mapping[str, NDArray[Any]]]:
        for segment in segments:
            path = self.folder / _name(segment)
            columns = _columns(read_verified(path, segment.size, segment.sha256), path.name)
            if any(column.shape[:1] != (segment.stop - segment.start,) for column in columns.values()):
                raise DamagedError(f"{path.name} does not have {segment.stop - segment.start} rows")
            yield {name: column[max(0, first - segment.start) :] for name, column in columns.items()}


def _added(folder: Folder, start: int, stop: int, data: bytes) -> _Segment:
    segment = _Segment(start, stop, len(data), digest(data))
    if folder.is_folder(_name(segment)):  # a file cannot replace a folder
        folder.remove(_name(segment))
    folder.write(_name(segment), data, sync=False)
    return segment


def _name(segment: _Segment) -> str:
    return f"{segment.sha256}{_SUFFIX}"


def _entry(journal: Journal, segments: Sequence[_Segment]) -> dict[str, Any]:
    return {
        "capacity": journal.capacity,
        "total": journal.total,
        "fields": [[name, list(shape), dtype.name] for name, (shape, dtype) in journal.fields.items()],
        "segments": [list(segment) for segment in segments],
    }


def _parsed(entry: Any) -> tuple[int, int, dict[str, tuple[tuple[int, ...], str]], list[_Segment]]:
    """An entry's capacity, total, fields and segments; the segments are checked to be consecutive."""
    try:
        capacity, total = entry["capacity"], entry["total"]
        fields = {name: (tuple(shape), np.dtype(dtype).name) for name, shape, dtype in entry["fields"]}
        segments = [_Segment(*segment) for segment in entry["segments"]]
        numbers = [capacity, total, *(n for s in segments for n in (s.start, s.stop, s.size))]
        at = segments[0].start if segments else 0
        sound = all(type(number) is int and number >= 0 for number in numbers)
        sound = sound and at <= max(0, total - capacity)
        for segment in segments:
            # The digest is the file's name: no other text may be used as a path.
            sound = sound and segment.start == at < segment.stop and bool(_DIGEST.fullmatch(segment.sha256))
            at = segment.stop
        if sound and at == total:
            return capacity, total, fields, segments
    except (TypeError, LookupError, ValueError) as error:
        raise DamagedError("a journal's entry is incomplete") from error
    raise DamagedError("a journal's numbers are inconsistent")


def _columns(data: bytes, name: str) -> dict[str, NDArray[Any]]:
    try:
        columns: dict[str, NDArray[Any]] = safetensors_numpy.load(data)
    except MemoryError:
        raise
    except Exception as error:  # the digest matches, but another program may have written the file
        raise DamagedError(f"{name} is not a segment") from error
    return columns
