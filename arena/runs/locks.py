"""Detection of runs that are being trained now, without acquiring their locks."""

from __future__ import annotations

import contextlib
import os

__all__ = ["Locks", "is_trained_now"]


class Locks:
    """File locks that processes hold at the moment, read from Linux's ``/proc/locks``.

    Acquiring a run's lock to test it would block a trainer that starts at that instant. `known` is false where
    the system has no such list.
    """

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[str, str]]] = {}
        self.known = False
        with contextlib.suppress(OSError):
            with open("/proc/locks", encoding="ascii", errors="replace") as file:
                self.known = True
                for line in file:
                    words = line.split()  # such as 1: FLOCK ADVISORY WRITE 32338 fe:00:2187449 0 EOF
                    if len(words) > 5 and (words[1], words[3]) == ("FLOCK", "WRITE"):
                        device, _, inode = words[5].rpartition(":")
                        self._held.setdefault(inode, []).append((device, words[4]))

    def holds(self, path: str) -> bool:
        """Return whether a process holds the lock of this file."""
        with contextlib.suppress(OSError):
            status = os.stat(path) if self._held else None
            if status is not None and str(status.st_ino) in self._held:
                device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
                holders = self._held[str(status.st_ino)]
                return any(where == device or _has_open(process, status) for where, process in holders)
        return False


def is_trained_now(folder: str | os.PathLike[str]) -> bool | None:
    """Return whether a process is training the run in a folder; None where the system cannot say."""
    locks = Locks()
    return locks.holds(os.path.join(folder, "lock")) if locks.known else None


def _has_open(process: str, status: os.stat_result) -> bool:
    """Whether a process has a file open: Btrfs and overlay file systems report another device than the lock's."""
    with contextlib.suppress(OSError):  # the process has ended, or belongs to another user
        for descriptor in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(f"/proc/{process}/fd/{descriptor}"), status):
                    return True
    return False
