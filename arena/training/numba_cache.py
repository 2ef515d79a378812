"""Locking of numba's on-disk cache, for processes that compile at the same time."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import filelock
from numba.core import caching

__all__ = ["lock_saves"]

#: Seconds to wait for another process that is saving; a save takes milliseconds.
PATIENCE = 10.0


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
