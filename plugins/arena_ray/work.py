"""Code that runs in Ray's processes: the task that trains a run, and the actor that relays its news."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import ray

from arena.errors import ArenaError, BusyError, Interrupted
from arena.plugins.specs import describe_error
from arena.plugins.trust import trusting
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.training.runner import execute

__all__ = ["Answer", "Mailbox", "News", "train"]

#: Seconds between two calls of a worker, each of which delivers news and asks whether to stop.
PERIOD = 0.25

News: TypeAlias = tuple[int, Literal["begun", "progressed", "noticed"], tuple[Any, ...]]
"""Index of the run, name of a method of `Listener`, and its further arguments."""

Answer: TypeAlias = tuple[Literal["finished", "failed", "busy", "stopped"], Any]
"""How a task ended; the contents of ``result.json`` if it finished, an `ArenaError`'s arguments if it failed."""


class Mailbox:
    """An actor that collects the workers' news and passes on a request to stop.

    Its state may be lost: Ray may restart it.
    """

    def __init__(self) -> None:
        self._news: list[News] = []
        self._stop = False

    def deliver(self, news: Sequence[News]) -> bool:
        """Stores a worker's news; returns whether the worker should stop."""
        self._news += news
        return self._stop

    def collect(self, stop: bool) -> list[News]:
        """Returns the news so far to the driver; from now on workers get its value of `stop`."""
        self._stop = stop
        news, self._news = self._news, []
        return news


def train(index: int, folder: str, mailbox: Any, trusted: bool = False) -> Answer:
    """Trains a run from its last checkpoint.

    Errors are part of the answer: an environment's exceptions may not be picklable.

    Args:
        index: index of the run, for its news.
        folder: absolute path of the run's folder.
        mailbox: handle of the `Mailbox`.
        trusted: whether the driver trusts all code that files name; it trusts this run in any case.
    """
    courier = _Courier(index, mailbox)
    with courier.running():
        if courier.stopping():
            return "stopped", None
        if not (Path(folder) / "run.json").exists():
            problem = f"node {platform.node()} finds no run in {folder}"
            return "failed", (
                problem,
                "keep runs on a file system that every node of the cluster mounts at this path",
            )
        try:
            with trusting(trusted):
                return "finished", execute(Run.open(Path(folder), trusted=True), courier)
        except Interrupted:
            return "stopped", None
        except BusyError:
            return "busy", None
        except ArenaError as error:
            return "failed", (error.problem, error.remedy)
        except (Exception, SystemExit) as error:
            problem = f"training {folder} raised {describe_error(error)}"
            return "failed", (
                problem,
                "fix the error; run the same command again to continue from its checkpoint",
            )


class _Courier(Listener):
    """Sends a run's news from a separate thread, so that training never waits for the network.

    There is a second reason for the thread: while a task's own thread waits for a call, Ray considers its CPU free.
    """

    def __init__(self, index: int, mailbox: Any) -> None:
        self._index, self._mailbox = index, mailbox
        self._news: list[News] = [(index, "begun", (os.getpid(), platform.node()))]
        self._stop = False
        self._lock, self._answered, self._ending = threading.Lock(), threading.Event(), threading.Event()

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        with self._lock:
            if self._news and self._news[-1][1] == "progressed":
                self._news.pop()  # outdated
            self._news.append((self._index, "progressed", (progress, evaluation)))

    def noticed(self, run: Run, text: str) -> None:
        with self._lock:
            self._news.append((self._index, "noticed", (text,)))

    def stopping(self) -> bool:
        return self._stop

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Runs the thread; enters after the first answer about stopping, leaves after the last delivery."""
        thread = threading.Thread(target=self._send, daemon=True)
        thread.start()
        self._answered.wait()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def _send(self) -> None:
        while True:
            ending = self._ending.is_set()  # before the news, so that none comes after the last delivery
            with self._lock:
                news, self._news = self._news, []
            try:
                self._stop = ray.get(self._mailbox.deliver.remote(news))
            except ray.exceptions.RayError:  # the mailbox is being restarted
                with self._lock:
                    self._news = news + self._news
            else:
                self._answered.set()
            if ending:
                return
            self._ending.wait(PERIOD)
