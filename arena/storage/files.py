"""Reading and writing of files in folders that may come from another person.

Every file is written under an unpredictable name in a folder that was opened once, and then renamed: after a crash it
has its old content or its new content, never a part, and no link is followed. Only regular files of a bounded size are
read: a pipe may wait forever, and a device may never end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from arena.errors import ArenaError

__all__ = [
    "UNFINISHED",
    "Folder",
    "open_regular",
    "read_bounded",
    "refuse_link",
    "write_all",
    "write_atomically",
    "write_error",
]

#: Beginning of the names of files and folders that are being written.
UNFINISHED = ".saving-"

#: Whether the system resolves names relative to an open folder; Windows does not.
_RELATIVE = {os.open, os.mkdir, os.rename, os.unlink, os.stat} <= os.supports_dir_fd

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


class Folder:
    """Folder that is opened once; files in it are read, written and removed by name, and no link is followed.

    Another program may replace the folder or a file by a link at any moment: what is written still ends up in the
    folder that was opened.

    Example:
        >>> with Folder(run, "snapshots", create=True) as folder:
        ...     folder.write("state.json", b"{}")

    Args:
        path: the folder, which may be a link: the caller chose it.
        inside: names of sub-folders from there on, which must not be links.
        create: whether to create missing sub-folders; `path` itself must exist, since a run that was deleted during its
            training must not come back in part.

    Raises:
        ArenaError: a sub-folder is a link.
        OSError: the folder cannot be opened.
    """

    def __init__(self, path: Path, *inside: str, create: bool = False) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._open(path, None)
        try:
            for name in inside:
                self._enter(name, create)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def names(self) -> list[str]:
        """Names in the folder, sorted."""
        return sorted(os.listdir(self.path if self._descriptor is None else self._descriptor))

    def write(self, name: str, data: bytes, *, sync: bool = True, durable: bool = True) -> None:
        """Replace the content of a file atomically.

        Args:
            name: name of the file; a link of that name is replaced, and what it points to is not changed.
            data: the new content.
            sync: whether to wait until the name is on the disk.
            durable: whether to wait until the content is on the disk, before the name refers to it.

        Raises:
            OSError: the system's error; the old content is unchanged.
        """
        temporary = self.temporary()
        try:
            with self.create(temporary) as file:
                write_all(file, data)
                if durable:
                    os.fsync(file.fileno())
            self.rename(temporary, name)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove(temporary)
            raise
        if sync and durable:
            self.sync()

    def create(self, name: str) -> BinaryIO:
        """Open a new file for reading and writing, unbuffered; an existing file or link is an error."""
        return os.fdopen(
            self._file(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY), "r+b", buffering=0
        )

    def append(self, name: str) -> BinaryIO:
        """Open a file for appending, unbuffered, and create it if it does not exist.

        Unbuffered, so that closing a file on a full disk has nothing left to write and hides no error.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | _NO_LINK | _NO_WAIT | _BINARY
        return _regular(self._file(name, flags), name, "ab", None)

    def read(self, name: str, most: int) -> bytes:
        """Read a regular file of at most so many bytes.

        Raises:
            OSError: the file cannot be read, is not a regular file, is a link, or is larger.
        """
        with _regular(
            self._file(name, os.O_RDONLY | _NO_LINK | _NO_WAIT | _BINARY), name, "rb", most
        ) as file:
            return _whole(file, most)

    def make(self, name: str) -> None:
        """Create a sub-folder.

        Raises:
            OSError: the system's error; also if the name exists.
        """
        os.mkdir(self._name(name), dir_fd=self._descriptor)

    def rename(self, name: str, new: str) -> None:
        """Rename a file or a folder; a file replaces a file or link of the new name."""
        descriptor = self._descriptor
        os.replace(self._name(name), self._name(new), src_dir_fd=descriptor, dst_dir_fd=descriptor)

    def is_folder(self, name: str) -> bool:
        """Return whether a name is a folder, and no link to one."""
        with contextlib.suppress(OSError):
            status = os.stat(self._name(name), dir_fd=self._descriptor, follow_symlinks=False)
            return stat.S_ISDIR(status.st_mode)
        return False

    def remove(self, name: str) -> None:
        """Remove a file, a link or a whole sub-folder, if it exists."""
        if self.is_folder(name):
            shutil.rmtree(self._name(name), dir_fd=self._descriptor)
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name(name), dir_fd=self._descriptor)

    def sweep(self) -> None:
        """Remove what a killed process left half written; only the folder's single writer may call it."""
        for name in self.names():
            if name.startswith(UNFINISHED):
                self.remove(name)

    def sync(self) -> None:
        """Wait until the list of names is on the disk: without this, a crash may undo a rename."""
        if self._descriptor is not None:  # Windows cannot open folders, and its renames do not need this
            os.fsync(self._descriptor)

    @staticmethod
    def temporary() -> str:
        """Unpredictable name of a file or folder that is being written."""
        return f"{UNFINISHED}{secrets.token_hex(8)}"

    def _name(self, name: str) -> str | Path:
        return self.path / name if self._descriptor is None else name

    def _file(self, name: str, flags: int) -> int:
        return os.open(self._name(name), flags, 0o666, dir_fd=self._descriptor)

    def _open(self, path: str | Path, within: int | None, flags: int = _FOLDER) -> None:
        if _RELATIVE:
            self._descriptor = os.open(path, flags, dir_fd=within)
        elif not self.path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.path))

    def _enter(self, name: str, create: bool) -> None:
        """Go on to a sub-folder."""
        if create:
            with contextlib.suppress(FileExistsError):
                self.make(name)
                self.sync()
        refuse_link(self.path / name)  # for its message; the flag below is what holds
        within, self.path = self._descriptor, self.path / name
        self._open(name, within, _FOLDER | _NO_LINK)  # if this fails, `close` closes the folder above
        if within is not None:
            os.close(within)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the content of a file atomically: readers see the old content or the new one, even after a crash.

    Args:
        path: the file. A link is replaced, not followed; its folder may be reached through links.
        data: the new content.

    Raises:
        ArenaError: the disk is full, or the folder is read-only or missing; the old content is untouched.
    """
    try:
        with Folder(path.parent) as folder:
            folder.write(path.name, data)
    except OSError as error:
        raise write_error(path, error) from error


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all bytes to an unbuffered file, whose single call writes 2 GiB at most."""
    left = memoryview(data).cast("B")
    while left:
        left = left[os.write(file.fileno(), left) :]


def refuse_link(path: Path) -> None:
    """Refuse a symbolic link: the folder may come from another person, and its links point anywhere.

    Raises:
        ArenaError: the path is a link.
    """
    if path.is_symlink():
        raise _link(path)


def open_regular(path: str | os.PathLike[str], most: int | None = None) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: the file, which may be a link to a regular file.
        most: maximum size of the file in bytes; None for no limit.

    Raises:
        OSError: the file cannot be opened, is not a regular file, or is too large.
    """
    return _regular(os.open(path, os.O_RDONLY | _NO_WAIT | _BINARY), os.path.basename(path), "rb", most)


def read_bounded(path: str | os.PathLike[str], most: int) -> bytes:
    """Read a regular file of at most so many bytes.

    Raises:
        OSError: the file cannot be read, is not a regular file, or is larger.
    """
    with open_regular(path, most) as file:
        return _whole(file, most)


def write_error(path: Path, error: OSError) -> ArenaError:
    """Error for a file or folder that cannot be written, with a remedy that fits the cause."""
    if error.errno == errno.ELOOP:
        return _link(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "free some space there, or choose another folder"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "make it writable, or choose another folder"
    else:
        remedy = "choose another folder"
    return ArenaError(f"cannot write {path}: {error.strerror or error}", remedy)


def _whole(file: BinaryIO, most: int) -> bytes:
    # `read` reserves memory for as many bytes as it is asked for.
    return file.read(min(most, os.fstat(file.fileno()).st_size))


def _link(path: Path) -> ArenaError:
    problem = f"{path} is a link, which may point outside the run"
    return ArenaError(problem, "replace the link by the file or folder that it points to")


def _regular(descriptor: int, name: str, mode: str, most: int | None) -> BinaryIO:
    """Make a file of a descriptor, which is closed if it is no regular file or a file that is too large."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"{name} is not a regular file")
        if most is not None and status.st_size > most:
            raise OSError(errno.EFBIG, f"{name} is larger than {most >> 20:,} MiB")
        file: BinaryIO = os.fdopen(descriptor, mode, buffering=0 if mode == "ab" else -1)  # type: ignore[assignment]
        return file
    except BaseException:
        os.close(descriptor)
        raise
