"""How somebody watches a run while it trains: a wish and an answer, as two files in its folder.

Whoever watches touches ``live/wanted`` every second. The runner looks for it four times a second at most, and answers
with ``live/agent``: what acting needs, and how far training has come. It spends no more than a fortieth of its time
on that, and nothing while nobody watches; a watcher that goes away, or crashes, is forgotten in seconds. Neither file
is part of a run's bytes.
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
from typing import IO, TYPE_CHECKING, Any

from arena.codec import Encoded, State, decode, encode
from arena.errors import ArenaError
from arena.files import cannot_write, refuse_link, sweep

if TYPE_CHECKING:
    from arena.agent import Progress
    from arena.run import Run
    from arena.setup import Learner

__all__ = ["Answer", "Broadcast", "Watcher", "open_watch_window", "opened"]

#: Seconds between two looks for a wish, between two touches, and after which a wish is none any more.
LOOK, TOUCH, FORGET = 0.25, 1.0, 10.0

#: An answer that took a second comes every so many seconds at most.
SHARE = 40.0

#: The file's beginning: its kind and version, and how many bytes of JSON and of tree follow.
HEADER = struct.Struct("<8sQQ")
KIND = b"arena-l1"


class Broadcast:
    """The runner's side.

    Args:
        run: that trains.
    """

    def __init__(self, run: Run) -> None:
        self._folder = run.folder / "live"
        self._look_at = self._answer_at = 0.0

    def offer(self, learner: Learner, progress: Progress, evaluation: float | None) -> bool:
        """Answers a wish, where there is one and it is time; whether it did. What goes wrong does not reach the run."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK
        if now < self._answer_at or not self._wanted():
            return False
        answered = False
        with contextlib.suppress(OSError, ArenaError):
            told = {
                "steps": progress.steps,
                "episodes": progress.episodes,
                "metrics": {name: float(value) for name, value in progress.metrics.items()},
                "evaluation": evaluation,
            }
            _write(self._folder, told, encode({"agent": learner.snapshot()}))
            answered = True
        self._answer_at = time.monotonic() + SHARE * (time.monotonic() - now)
        return answered

    def _wanted(self) -> bool:
        try:
            return time.time() - (self._folder / "wanted").stat().st_mtime < FORGET
        except OSError:
            return False


@dataclass(frozen=True)
class Answer:
    """How things stood in training.

    Attributes:
        steps: so far.
        episodes: so far.
        metrics: the agent's own numbers.
        evaluation: the last one's mean return, or None.
        state: what acting needs, for `Agent.load_snapshot`.
    """

    steps: int
    episodes: int
    metrics: Mapping[str, float]
    evaluation: float | None
    state: State


class Watcher:
    """The side of whoever watches.

    Args:
        run: that trains, or will.

    Raises:
        ArenaError: its folder is no place to write to.
    """

    def __init__(self, run: Run) -> None:
        self._folder = run.folder / "live"
        self._read: tuple[int, int] | None = None
        self._touch_at = 0.0
        refuse_link(self._folder)
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise ArenaError(
                f"cannot write {self._folder}: {error.strerror}", "watch from where it can be"
            ) from error

    @property
    def log(self) -> Path:
        """Where a window that nobody's terminal belongs to complains."""
        return self._folder / "watch.log"

    def wish(self) -> None:
        """Says that somebody watches; to be called often."""
        now = time.monotonic()
        if now >= self._touch_at:
            self._touch_at = now + TOUCH
            with contextlib.suppress(OSError):  # the run was deleted: there is nothing more to wish for
                self._folder.mkdir(exist_ok=True)  # another watcher, who has gone, took it away
                with opened(self._folder / "wanted") as file:
                    os.utime(file.fileno() if os.utime in os.supports_fd else file.name)

    def newest(self) -> Answer | None:
        """The newest answer, or None where there is none that has not been taken before."""
        path = self._folder / "agent"
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or (status.st_mtime_ns, status.st_ino) == self._read:
                return None
            answer = _parse(path.read_bytes())
        except Exception:
            # None yet, or the bytes are anything, so that the parsers may fail in any way.
            return None
        self._read = (status.st_mtime_ns, status.st_ino)
        return answer

    def close(self) -> None:
        """Takes the wish back, and leaves nothing behind."""
        for name in ("wanted", "agent"):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()
        with contextlib.suppress(OSError):
            sweep(self._folder)
        with contextlib.suppress(OSError):
            if not self.log.stat().st_size:
                self.log.unlink()
        with contextlib.suppress(OSError):  # another one watches, or complained
            self._folder.rmdir()


def open_watch_window(run: Run) -> None:
    """Opens a window that follows a run: ``arena watch RUN --follow`` in a process of its own.

    The process has a session of its own, so that Ctrl-C in the terminal ends the training and leaves the window. Its
    error messages go to ``live/watch.log`` in the run.

    Args:
        run: prepared, and about to be trained.
    """
    watcher = Watcher(run)
    watcher.wish()  # at once, so that the window finds something when it is open
    command = [sys.executable, "-m", "arena", "watch", str(run.folder), "--follow"]
    try:
        log = opened(watcher.log)
    except OSError as error:
        raise cannot_write(watcher.log, error) from error
    with log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True
        )


def opened(path: Path) -> IO[bytes]:
    """A file to write to, emptied; never through a link: a run folder may be a stranger's, and lead anywhere.

    Nor does it wait at a pipe for somebody to read.

    Raises:
        OSError: it is a link, or cannot be written.
    """
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags | careful, 0o666))


def _write(folder: Path, told: Mapping[str, Any], encoded: Encoded) -> None:
    refuse_link(folder)
    head = json.dumps(told).encode()
    temporary = folder / f".agent.{os.getpid()}.saving"
    try:
        with opened(temporary) as file:
            file.write(HEADER.pack(KIND, len(head), len(encoded.tree)))
            for part in (head, encoded.tree, encoded.arrays):
                file.write(part)
        # Not synced: after a crash nobody watches.
        os.replace(temporary, folder / "agent")
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _parse(data: bytes) -> Answer:
    kind, first, second = HEADER.unpack_from(data)
    if kind != KIND:
        raise ValueError("not an answer")
    head, tree = HEADER.size + first, HEADER.size + first + second
    told = json.loads(data[HEADER.size : head])
    evaluation = told["evaluation"]
    return Answer(
        steps=int(told["steps"]),
        episodes=int(told["episodes"]),
        metrics={name: float(value) for name, value in told["metrics"].items()},
        evaluation=None if evaluation is None else float(evaluation),
        state=decode(Encoded(data[tree:], data[head:tree]))["agent"],
    )
