"""Live view of a run during training: a request and a snapshot, as two files in the run's folder.

A watcher touches ``live/wanted`` every second. The runner checks this file at most four times a second, and writes
``live/agent``: the agent's snapshot and the progress of training. This takes at most a fortieth of the runner's time,
and none without a watcher; a request of a watcher that has ended or crashed expires in seconds. Neither file is part
of a run's bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from arena.errors import ArenaError
from arena.plugins.trust import CHILDREN
from arena.runs.listener import Listener
from arena.storage.codec import Encoded, State, decode, encode
from arena.storage.files import Folder, read_bounded, write_error
from arena.storage.memory import available_memory
from arena.storage.text_files import parse_json

if TYPE_CHECKING:
    from arena.runs.run import Run
    from arena.streams.base import Progress

__all__ = ["LivePublisher", "LiveSnapshot", "LiveSubscriber", "open_watch_window"]

#: Seconds between two checks for a request, between two touches, and after which a request expires.
LOOK, TOUCH, FORGET = 0.25, 1.0, 10.0

#: Minimum interval between two snapshots, as a multiple of the time that writing one takes.
SHARE = 40.0

#: Header of the file: its kind and version, and the numbers of bytes of JSON and of tree that follow.
HEADER = struct.Struct("<8sQQ")
KIND = b"arena-l1"

#: Name of the folder in a run.
LIVE = "live"

#: Maximum size of a snapshot in bytes, where the size of the memory is unknown.
MOST = 1 << 36


class HasSnapshot(Protocol):
    """An agent or an encoder in training."""

    def snapshot(self) -> State:
        """What acting or encoding needs."""
        ...


class LivePublisher(Listener):
    """Runner's side of the live view: writes a snapshot when a watcher requests it.

    Args:
        run: the run that trains.
        learner: the agent or the encoder in training.
    """

    def __init__(self, run: Run, learner: HasSnapshot) -> None:
        self._run, self._folder, self._learner = run.folder, run.folder / LIVE, learner
        self._look_at = self._answer_at = 0.0

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self.offer(progress, evaluation)

    def offer(self, progress: Progress, evaluation: float | None) -> bool:
        """Write a snapshot if one is requested and due; return whether it was written. Errors never reach the run."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK
        if now < self._answer_at or not self._wanted():
            return False
        answered = False
        with contextlib.suppress(OSError, ArenaError):
            header = {
                "steps": progress.steps,
                "episodes": progress.episodes,
                "metrics": {name: float(value) for name, value in progress.metrics.items()},
                "evaluation": evaluation,
            }
            _write(self._run, header, encode({"agent": self._learner.snapshot()}))
            answered = True
        self._answer_at = time.monotonic() + SHARE * (time.monotonic() - now)
        return answered

    def _wanted(self) -> bool:
        try:
            return time.time() - (self._folder / "wanted").stat().st_mtime < FORGET
        except OSError:
            return False


@dataclass(frozen=True)
class LiveSnapshot:
    """Snapshot of a run during training, as a watcher reads it.

    Attributes:
        steps: environment steps so far.
        episodes: episodes finished so far.
        metrics: the agent's own metrics.
        evaluation: mean return of the last evaluation, or None before the first.
        state: the agent's snapshot, for `Agent.load_snapshot`.
    """

    steps: int
    episodes: int
    metrics: Mapping[str, float]
    evaluation: float | None
    state: State


class LiveSubscriber:
    """Watcher's side of the live view: requests snapshots of a run and reads them.

    Args:
        run: the run, which may start training later.

    Raises:
        ArenaError: the run's folder is not writable.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._folder = run.folder, run.folder / LIVE
        self._read: tuple[int, int] | None = None
        self._touch_at = 0.0
        try:
            Folder(self._run, LIVE, create=True).close()
        except OSError as error:
            raise write_error(self._folder, error) from error

    @property
    def log(self) -> Path:
        """File for the errors of a window that has no terminal."""
        return self._folder / "watch.log"

    def wish(self) -> None:
        """Request snapshots; call this at least once a second."""
        now = time.monotonic()
        if now >= self._touch_at:
            self._touch_at = now + TOUCH
            with contextlib.suppress(OSError):  # the run was deleted
                # Created again each time: another watcher removes it when it ends.
                with Folder(self._run, LIVE, create=True) as folder, folder.append("wanted") as file:
                    os.utime(file.fileno() if os.utime in os.supports_fd else self._folder / "wanted")

    def newest(self) -> LiveSnapshot | None:
        """Return the newest snapshot, or None if there is no new one since the last call."""
        path = self._folder / "agent"
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or (status.st_mtime_ns, status.st_ino) == self._read:
                return None
            answer = _parse(read_bounded(path, available_memory() or MOST))
        except Exception:
            # There is no file yet, or its bytes may be anything, so the parsers may raise anything.
            return None
        self._read = (status.st_mtime_ns, status.st_ino)
        return answer

    def close(self) -> None:
        """Withdraw the request, and remove the files of the live view."""
        for name in ("wanted", "agent"):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()
        with contextlib.suppress(OSError):
            with Folder(self._run, LIVE) as folder:
                folder.sweep()
        with contextlib.suppress(OSError):
            if not self.log.stat().st_size:
                self.log.unlink()
        with contextlib.suppress(OSError):  # another watcher uses it, or has written to its log
            self._folder.rmdir()


def open_watch_window(run: Run) -> None:
    """Open a window that follows a run: ``arena watch RUN --follow`` in its own process.

    The process has its own session, so that Ctrl-C in the terminal ends the training but not the window. Its error
    messages go to ``live/watch.log`` in the run.

    Args:
        run: a prepared run, which is about to be trained.
    """
    watcher = LiveSubscriber(run)
    watcher.wish()  # at once, so that the window finds something when it is open
    command = [sys.executable, "-m", "arena", "watch", str(run.folder), "--follow"]
    try:
        with Folder(run.folder, LIVE) as folder:
            log = folder.append(watcher.log.name)
    except OSError as error:
        raise write_error(watcher.log, error) from error
    with log:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            env={**os.environ, CHILDREN: "1"},
        )


def _write(run: Path, header: Mapping[str, Any], encoded: Encoded) -> None:
    head = json.dumps(header).encode()
    parts = (HEADER.pack(KIND, len(head), len(encoded.tree)), head, encoded.tree, encoded.arrays)
    with Folder(run, LIVE) as folder:
        folder.write("agent", b"".join(parts), durable=False)  # after a crash there is no watcher


def _parse(data: bytes) -> LiveSnapshot:
    kind, first, second = HEADER.unpack_from(data)
    if kind != KIND:
        raise ValueError("not a live snapshot")
    head, tree = HEADER.size + first, HEADER.size + first + second
    header = parse_json(data[HEADER.size : head])
    evaluation = header["evaluation"]
    return LiveSnapshot(
        steps=int(header["steps"]),
        episodes=int(header["episodes"]),
        metrics={name: float(value) for name, value in header["metrics"].items()},
        evaluation=None if evaluation is None else float(evaluation),
        state=decode(Encoded(data[tree:], data[head:tree]))["agent"],
    )
