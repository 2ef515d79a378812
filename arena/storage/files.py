"""Atomic file writes: after a crash, a file has its old content or its new content, never a part."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO, BinaryIO

from arena.errors import ArenaError

__all__ = [
    "open_regular",
    "open_without_links",
    "refuse_link",
    "remove_temporary_files",
    "sync_folder",
    "write_atomically",
    "write_error",
    "write_synced",
]


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the content of a file atomically: readers see the old content or the new one, even after a crash.

    Raises:
        ArenaError: the disk is full, or the folder is read-only or missing; the old content is untouched.
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
        raise write_error(path, error) from error


def remove_temporary_files(folder: Path) -> None:
    """Remove temporary files that a killed `write_atomically` left in a folder.

    Only the folder's single writer may call it, before it writes.
    """
    for leftover in folder.glob(".*.saving"):
        if leftover.is_symlink() or not leftover.is_dir():
            leftover.unlink(missing_ok=True)


def refuse_link(path: Path) -> None:
    """Refuse to write through a symbolic link: the folder may come from another person, and its links point anywhere.

    Raises:
        ArenaError: the path is a link.
    """
    if path.is_symlink():
        problem = f"{path} is a link, which may point outside the run"
        raise ArenaError(problem, "replace the link by the file or folder that it points to")


def open_regular(path: str | os.PathLike[str], most: int | None = None) -> BinaryIO:
    """Open a regular file for reading: opening a pipe may wait forever, and reading a device may never end.

    Args:
        path: the file, which may be a link to a regular file.
        most: maximum size of the file in bytes; None for no limit.

    Raises:
        OSError: the file cannot be opened, is not a regular file, or is too large.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status, name = os.fstat(file), os.path.basename(path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"{name} is not a regular file")
        if most is not None and status.st_size > most:
            raise OSError(errno.EFBIG, f"{name} is larger than {most >> 20:,} MiB")
        return os.fdopen(file, "rb")
    except BaseException:
        os.close(file)
        raise


def open_without_links(path: Path, mode: str = "wb", buffering: int = -1) -> IO[bytes]:
    """Open a file for writing, without following links and without waiting for the reader of a pipe.

    The folder may come from another person, and its links may point anywhere.

    Raises:
        OSError: the path is a link, or cannot be written.
    """
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return open(path, mode, buffering, opener=lambda name, flags: os.open(name, flags | safe, 0o666))


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk.

    Raises:
        OSError: the system's error; the file may be incomplete.
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
    """Wait until a folder's list of names is on the disk: without this, a crash may undo a rename.

    Raises:
        OSError: the system's error.
    """
    if os.name == "nt":  # Windows cannot open folders, and its renames do not need this
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_error(path: Path, error: OSError) -> ArenaError:
    """Error for a file or folder that cannot be written, with a remedy that fits the cause."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "free some space there, or choose another folder"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "make it writable, or choose another folder"
    else:
        remedy = "choose another folder"
    return ArenaError(f"cannot write {path}: {error.strerror or error}", remedy)
