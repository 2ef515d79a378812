"""Zip archives that users name: bounded before anything is unpacked."""

from __future__ import annotations

import contextlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from arena.errors import ArenaError
from arena.storage.files import open_regular
from arena.storage.memory import byte_size, parse_bytes

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["DAMAGED", "check_archive", "open_archive"]

#: Environment variable with the largest unpacked size, such as ``200G``, and its default in bytes.
VARIABLE, MOST_UNPACKED = "ARENA_MAX_UNPACKED", 16 << 30

#: Largest ratio of an entry's unpacked size to its size in the archive, for entries of more than `SMALL` bytes.
#: DEFLATE reaches about 1030; numbers of experiments stay below 100.
RATIO, SMALL = 200, 64 << 20

#: Largest number of entries.
MOST_ENTRIES = 10_000

#: Exceptions of `zipfile` for damaged archives, encrypted entries and unknown methods of compression.
DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError),
    *(zlib.error, RuntimeError, ValueError, OverflowError),
)


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, BufferedReader]]:
    """Open a zip archive that is a regular file, and check it with `check_archive`.

    Returns:
        The archive, and its file.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
        ArenaError: an entry is encrypted, or the archive is too large.
        zipfile.BadZipFile: the file is not an archive; like the others of `DAMAGED`.
    """
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        check_archive(archive, path)
        yield archive, cast("BufferedReader", file)


def check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse encrypted entries, too many entries, and entries that unpack to too many bytes.

    Reading an entry never gives more bytes than it declares, so the declared sizes are an upper bound.

    Raises:
        ArenaError: the archive is refused; the message has the size and the limit.
    """
    entries, total = archive.infolist(), 0
    limit = parse_bytes(VARIABLE, os.environ.get(VARIABLE)) or MOST_UNPACKED
    raised = VARIABLE in os.environ
    if len(entries) > MOST_ENTRIES:
        problem = f"{path} has {len(entries):,} entries, more than {MOST_ENTRIES:,}"
        raise ArenaError(problem, "give an archive with fewer entries")
    for entry in entries:
        if entry.flag_bits & 0x1:
            problem = f"{path} is encrypted: its entry {entry.filename!r} needs a password"
            raise ArenaError(problem, "write it again without a password")
        total += entry.file_size
        packed = max(1, entry.compress_size)
        if not raised and entry.file_size > SMALL and entry.file_size > RATIO * packed:
            problem = (
                f"{entry.filename!r} in {path} unpacks from {byte_size(packed)} to {byte_size(entry.file_size)}, "
                f"more than {RATIO} times as much"
            )
            raise ArenaError(problem, f"if you trust it, set {VARIABLE}={byte_size(entry.file_size, True)}")
    if total > limit:
        problem = f"{path} unpacks to {byte_size(total)}, and the limit is {byte_size(limit)}"
        raise ArenaError(problem, f"if you trust it, set {VARIABLE}={byte_size(total, True)}")
