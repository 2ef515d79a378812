"""What runs in Ray's processes: the task that trains a run, and the actor that news of it pass through."""

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
from arena.plugins.specs import described
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.training.runner import execute

__all__ = ["Answer", "News", "Post", "train"]

#: Seconds between two calls of a worker: news and the question whether to stop go together.
PERIOD = 0.25

News: TypeAlias = tuple[int, Literal["begun", "progressed", "noticed"], tuple[Any, ...]]
"""The run's index, and a method of `Listener` with its further arguments."""

Answer: TypeAlias = tuple[Literal["finished", "failed", "busy", "stopped"], Any]
"""How a task ended; what ``result.json`` holds if it finished, an `ArenaError`'s arguments if it failed."""


class Post:
    """An actor where workers leave their news and learn whether to stop.

    It holds nothing that must outlive it: Ray may start it anew.
    """

    def __init__(self) -> None:
        self._news: list[News] = []
        self._stop = False

    def leave(self, news: Sequence[News]) -> bool:
        """Takes a worker's news; says whether it should stop."""
        self._news += news
        return self._stop

    def collect(self, stop: bool) -> list[News]:
        """Hands the driver what has come; from now on workers are told what it says."""
        self._stop = stop
        news, self._news = self._news, []
        return news


def train(index: int, folder: str, post: Any) -> Answer:
    """Trains a run from wherever it stands.

    Everything that it raises is in its answer: exceptions of an environment may not survive the journey.

    Args:
        index: of the run, for its news.
        folder: the run's, absolute.
        post: a handle of the `Post`.
    """
    courier = _Courier(index, post)
    with courier.working():
        if courier.stopping():
            return "stopped", None
        if not (Path(folder) / "run.json").exists():
            problem = f"node {platform.node()} sees no run in {folder}"
            return "failed", (problem, "keep runs on a file system that every node of the cluster has there")
        try:
            return "finished", execute(Run.open(Path(folder)), courier)
        except Interrupted:
            return "stopped", None
        except BusyError:
            return "busy", None
        except ArenaError as error:
            return "failed", (error.problem, error.remedy)
        except (Exception, SystemExit) as error:
            problem = f"training {folder} raised {described(error)}"
            return "failed", (problem, "mend that; the same command goes on from its checkpoint")


class _Courier(Listener):
    """Carries a run's news in a thread of its own, so that training never waits for the network.

    Not in training's thread for another reason too: there, Ray takes waiting for a call to mean that the task's CPU is
    free.
    """

    def __init__(self, index: int, post: Any) -> None:
        self._index, self._post = index, post
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
    def working(self) -> Iterator[None]:
        """Begins once the driver's word on stopping is known; ends when the last news is delivered."""
        thread = threading.Thread(target=self._carry, daemon=True)
        thread.start()
        self._answered.wait()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def _carry(self) -> None:
        while True:
            ending = self._ending.is_set()  # before the news, so that none comes after the last delivery
            with self._lock:
                news, self._news = self._news, []
            try:
                self._stop = ray.get(self._post.leave.remote(news))
            except ray.exceptions.RayError:  # the post is being started anew
                with self._lock:
                    self._news = news + self._news
            else:
                self._answered.set()
            if ending:
                return
            self._ending.wait(PERIOD)
