"""The driver's side of training on Ray: starts tasks, relays their news and collects outcomes."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import ray

from arena.errors import ArenaError, Interrupted
from arena.launch.base import BUSY, Outcome
from arena.plugins.trust import is_trusting
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena_ray.work import Answer, Mailbox, train

__all__ = ["Fleet"]

#: Seconds before a run that another process trains is tried again.
RETRY_SECONDS = 1.0

#: Seconds that the driver waits for a task before it relays news.
WAIT_SECONDS = 0.1


class Fleet:
    """Runs as tasks of the Ray that this process is connected to; for one use.

    Args:
        runs: prepared runs.
        listener: gets the events of all runs.
        options: options of a run's task.
        workers: largest number of tasks at once.
        retries: number of restarts of a run whose worker died.
    """

    def __init__(
        self, runs: Sequence[Run], listener: Listener, options: dict[str, Any], workers: int, retries: int
    ) -> None:
        self._runs, self._listener, self._workers, self._retries = runs, listener, workers, retries
        self._task = ray.remote(train).options(**options)
        self._mailbox: Any = ray.remote(Mailbox).options(num_cpus=0, max_restarts=-1).remote()
        self._queue = deque(range(len(runs)))
        self._not_before: dict[int, float] = {}
        self._tasks: dict[Any, int] = {}
        self._begun: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._outcomes: dict[int, Outcome] = {}
        self._stopping = False

    def train(self) -> list[Outcome]:
        """Trains all runs and returns their outcomes, in order.

        Raises:
            Interrupted: the listener requested a stop.
        """
        try:
            while self._queue or self._tasks:
                self._turn()
        finally:
            for task in self._tasks:  # there are some only after an exception, such as a second Ctrl-C
                ray.cancel(task, force=True)
            ray.kill(self._mailbox)
        if len(self._outcomes) < len(self._runs):
            problem = f"stopped with {len(self._outcomes)} of {len(self._runs)} runs finished"
            raise Interrupted(problem, "run the same command again to continue")
        return [self._outcomes[index] for index in range(len(self._runs))]

    def _turn(self) -> None:
        if self._listener.stopping() and not self._stopping:
            self._stopping = True
            self._queue.clear()
        self._submit()
        if not self._tasks:
            time.sleep(WAIT_SECONDS)
            return
        ready, _ = ray.wait([*self._tasks], timeout=WAIT_SECONDS)
        if self._relay() and self._stopping:
            # A task that had not begun when the mailbox got the stop will train nothing, and may never begin: its node
            # may be busy.
            for task, index in self._tasks.items():
                if index not in self._begun:
                    ray.cancel(task)
        for task in ready:
            self._settle(task, self._tasks.pop(task))

    def _submit(self) -> None:
        now = time.monotonic()
        for index in [*self._queue]:
            if len(self._tasks) >= self._workers:
                return
            if self._not_before.get(index, now) > now:
                continue
            self._queue.remove(index)
            try:
                result = self._runs[index].result()
            except ArenaError as error:
                self._end(index, error)
                continue
            if result is not None:
                self._end(index, result)
                continue
            self._begun.discard(index)
            folder = str(self._runs[index].folder.absolute())
            task = self._task.remote(index, folder, self._mailbox, is_trusting())
            self._tasks[task] = index

    def _relay(self) -> bool:
        """Passes news on to the listener; returns whether the mailbox answered."""
        try:
            news = ray.get(self._mailbox.collect.remote(self._stopping))
        except ray.exceptions.RayError:  # the mailbox is being restarted
            return False
        for index, method, arguments in news:
            if method == "begun":
                self._begun.add(index)
            else:
                getattr(self._listener, method)(self._runs[index], *arguments)
        return True

    def _settle(self, task: Any, index: int) -> None:
        """Handles the end of a task."""
        run = self._runs[index]
        try:
            answer: Answer = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            reason = " ".join(str(error.cause or error).split())
            remedy = "install the same arena-rl[ray] on every node"
            self._end(index, ArenaError(f"a worker of Ray could not train {run.folder}: {reason}", remedy))
        except ray.exceptions.RayError as error:
            self._worker_died(index, error)
        else:
            kind, value = answer
            if kind == "finished":
                self._end(index, value)
            elif kind == "failed":
                self._end(index, ArenaError(*value))
            elif kind == "busy" and not self._stopping:
                if index not in self._not_before:
                    self._listener.noticed(run, BUSY)
                self._not_before[index] = time.monotonic() + RETRY_SECONDS
                self._queue.append(index)

    def _worker_died(self, index: int, error: Exception) -> None:
        """Restarts a run whose worker died, unless that has happened too often."""
        if self._stopping:  # or it was cancelled before it began
            return
        run = self._runs[index]
        self._deaths[index] += 1
        deaths, reason = self._deaths[index], _reason(error)
        if deaths > self._retries:
            times = "once" if deaths == 1 else f"{deaths} times"
            problem = f"the worker that trained {run.folder} died {times}, most recently because {reason}"
            remedy = "give runs more memory or allow more retries, and run the same command again to continue"
            self._end(index, ArenaError(problem, remedy))
            return
        text = f"its worker died because {reason}; restart {deaths} of {self._retries}, from its checkpoint"
        self._listener.noticed(run, text)
        self._queue.appendleft(index)

    def _end(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        self._listener.ended(self._runs[index], outcome)


def _reason(error: Exception) -> str:
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return "its node was short of memory"
    if isinstance(error, ray.exceptions.NodeDiedError):
        return "its node died"
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return "it was killed or crashed"
    return " ".join(f"of {type(error).__name__}: {error}".split())
