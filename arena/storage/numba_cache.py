"""numba's on-disk cache: safe for processes that compile at once, and fresh when an imported source file changes."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
from numba.core import caching

__all__ = ["configure"]

#: Seconds to wait for another process that is saving; a save takes milliseconds.
PATIENCE = 10.0


#: The core's compiled functions, which those of every plugin are compiled into.
CORE = (Path(__file__).parents[1] / "environments", Path(__file__).parents[1] / "random")


def configure() -> None:
    """Make numba's cache safe and fresh; calling it again changes nothing."""
    lock_saves()
    track_packages()


def track_packages() -> None:
    """Compile a function again when any source file of its package, or of the core's compiled packages, has changed.

    numba compares only the file of the function itself. A function that it calls is compiled into it, so that an edit
    of a learning target in one file would have no effect on a cached training loop in another.
    """
    kind = caching._SourceFileBackedLocatorMixin
    if not hasattr(kind.get_source_stamp, "__wrapped__"):
        kind.get_source_stamp = _with_packages(kind.get_source_stamp)  # type: ignore[method-assign]


def _with_packages(get_source_stamp: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(get_source_stamp)
    def stamp(self: Any) -> Any:
        return get_source_stamp(self), *(
            _stamp_of(folder) for folder in {Path(self._py_file).parent: 0, **dict.fromkeys(CORE)}
        )

    return stamp


@functools.cache
def _stamp_of(folder: Path) -> str:
    """A digest of the source files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def lock_saves() -> None:
    """Allow only one process at a time to save into a numba cache folder.

    numba reads a function's index, adds an entry, writes the index and then the entry's file, without a lock. Two
    processes that compile two signatures of one function at once may both use the first entry: from then on the
    index maps one signature to the machine code of the other. Workers of a sweep that start with an empty cache do
    exactly that.
    """
    kind = caching.IndexDataCacheFile
    if not hasattr(kind.save, "__wrapped__"):
        kind.save = _locked(kind.save)  # type: ignore[method-assign]


def _locked(save: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(save)
    def locked(self: Any, key: Any, data: Any) -> None:
        lock = filelock.FileLock(os.path.join(self._cache_path, ".saving.lock"), timeout=PATIENCE)
        try:
            lock.acquire()
        except filelock.Timeout:
            return  # not saved: the next process compiles it again
        except (OSError, NotImplementedError):  # a file system without locks: save as numba does by itself
            save(self, key, data)
            return
        try:
            save(self, key, data)
        finally:
            lock.release()

    return locked
