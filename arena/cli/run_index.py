"""Index of finished runs, a file beside them: ten thousand runs are listed without opening three files of each.

The index is a cache. An entry is used only for files that still have the times, size and inode with which they were
read, and holds what was read, so that the row of a run is the same with an index or without. An index that is damaged,
too large, or cannot be written is ignored.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from arena.errors import ArenaError
from arena.runs.records import MALFORMED, Result, Timing, checked_count, checked_number
from arena.storage.files import open_regular, write_atomically

__all__ = ["Entry", "RunIndex"]

NAME = ".arena-index.jsonl"

#: Minimum number of runs of a folder with an index: fewer are read as quickly.
MANY = 1000

#: Share of the runs that must be missing in an index before it is written again.
STALE = 0.05

#: Maximum sizes of an index and of one of its lines, in bytes.
MOST, MOST_LINE = 64 << 20, 64 << 10

#: Seconds after a change of a file in which it gets no entry: a second change may leave the same times.
SETTLED = 2.0

#: Files that an entry summarizes.
SUMMARIZED = ("run.json", "timing.jsonl", "result.json")

Files = Mapping[str, os.stat_result]


class Entry(NamedTuple):
    """What was read of a finished run.

    Attributes:
        experiment: the experiment of ``run.json``.
        timing: the last entry of ``timing.jsonl``.
        result: the content of ``result.json``.
    """

    experiment: dict[str, Any]
    timing: Timing
    result: Result


class RunIndex:
    """Index of the finished runs in a folder.

    Args:
        folder: folder of runs.
        count: number of runs in the folder; with fewer than `MANY` there is no index.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._path = folder / NAME if count >= MANY else None
        self._prefix = len(os.path.join(folder, "")) if str(folder) != "." else 0
        self._lines: dict[str, bytes] = {}
        self._used: dict[str, bytes] = {}
        self._new = 0
        if self._path is not None:
            with contextlib.suppress(OSError), open_regular(self._path, MOST) as file:
                while line := file.readline(MOST_LINE):
                    name, tab, rest = line.partition(b"\t")
                    if tab:
                        self._lines[name.decode("ascii", "replace")] = rest

    def find(self, folder: str, files: Files) -> Entry | None:
        """Return the entry of a run whose files are unchanged, or None."""
        name = self._name(folder)
        line = self._lines.get(name)
        if line is None:
            return None
        digest, _, data = line.rstrip(b"\n").partition(b"\t")
        with contextlib.suppress(*MALFORMED):
            if digest == _digest(name, data):
                key, experiment, (steps, seconds, at), result = json.loads(data)
                if key == _key(files):
                    timing = Timing(checked_count(steps), checked_number(seconds), checked_number(at))
                    entry = Entry(experiment, timing, Result.from_dict(result))
                    self._used[name] = line
                    return entry
        return None

    def add(self, folder: str, files: Files, entry: Entry) -> None:
        """Add a run that has just been read; the status of its files must be from before."""
        if self._path is None:
            return
        if time.time() - max(files[name].st_mtime for name in SUMMARIZED if name in files) < SETTLED:
            return
        result = dataclasses.asdict(entry.result)
        result["evaluation"] = {"mean": result.pop("mean")}
        name, values = self._name(folder), [_key(files), entry.experiment, entry.timing[:3], result]
        with contextlib.suppress(*MALFORMED):
            data = json.dumps(values, separators=(",", ":")).encode()
            line = b"%b\t%b\n" % (_digest(name, data), data)
            if len(name) + 1 + len(line) < MOST_LINE:
                self._used[name] = line
                self._new += 1

    def save(self, count: int) -> None:
        """Write the entries that were used and added, if many were missing.

        Args:
            count: number of runs in the folder.
        """
        if self._path is None or self._new <= STALE * count:
            return
        data = b"".join(b"%b\t%b" % (name.encode(), line) for name, line in self._used.items())
        if len(data) <= MOST:
            with contextlib.suppress(ArenaError, OSError):
                write_atomically(self._path, data)

    def _name(self, folder: str) -> str:
        """Path of a run from the folder of runs, in ASCII and without tabs and line ends."""
        return json.dumps(folder[self._prefix :])


def _key(files: Files) -> list[list[int] | None]:
    """Identity of the files of an entry: a copied or edited file has another inode or time of change."""
    found = (files.get(name) for name in SUMMARIZED)
    return [one and [one.st_mtime_ns, one.st_ctime_ns, one.st_size, one.st_ino] for one in found]


def _digest(name: str, data: bytes) -> bytes:
    digest = hashlib.blake2b(name.encode(), digest_size=16, person=b"arena-index-1")
    digest.update(data)
    return digest.hexdigest().encode()
