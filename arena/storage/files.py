"""Files that are whole or absent, whatever kills the process or the machine while they are written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from arena.errors import ArenaError

__all__ = ["cannot_write", "refuse_link", "sweep", "sync_folder", "write_atomically", "write_synced"]


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: a reader, or a crash at any moment, sees the old content or the new one.

    Raises:
        ArenaError: the disk is full, the folder is read-only or absent; the old content is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.saving")
    try:
        try:
            write_synced(temporary, data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def sweep(folder: Path) -> None:
    """Removes what `write_atomically` left in a folder when it was killed; for its one writer, at the start."""
    for leftover in folder.glob(".*.saving"):
        leftover.unlink(missing_ok=True)


def refuse_link(path: Path) -> None:
    """Refuses to write through a link: a run folder may be a stranger's, and lead anywhere.

    Raises:
        ArenaError: it is one.
    """
    if path.is_symlink():
        raise ArenaError(
            f"{path} is a link, which may lead out of the run", "put the real thing in its place"
        )


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it.

    Raises:
        OSError: as the system gave it; the file may be there in part.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        left = memoryview(data)
        while left:  # one call writes 2 GiB at most
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder: without it a crash may undo a rename.

    Raises:
        OSError: as the system gave it.
    """
    if os.name == "nt":  # Windows opens no folders, and its renames need none of this
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> ArenaError:
    """The error for a file or folder that could not be written, with what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "free some space there, or choose another folder"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "make it writable, or choose another folder"
    else:
        remedy = "choose another folder"
    return ArenaError(f"cannot write {path}: {error.strerror or error}", remedy)
