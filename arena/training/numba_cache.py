"""numba's cache on disk, made safe for processes that compile at the same moment."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import filelock
from numba.core import caching

__all__ = ["lock_saves"]

#: Seconds to wait for another process that saves; it takes milliseconds.
PATIENCE = 10.0


def lock_saves() -> None:
    """Lets one process at a time save into a cache folder.

    numba reads a function's index, adds an entry, writes the index and then the entry's file, under no lock. Two
    processes that compile two signatures of one function at once may both call theirs the first: from then on the index
    names the machine code of the other signature. Workers of a sweep that start with an empty cache do just that.
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
        except (OSError, NotImplementedError):  # a file system without locks: as numba alone would
            save(self, key, data)
            return
        try:
            save(self, key, data)
        finally:
            lock.release()

    return locked
