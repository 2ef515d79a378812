"""Local launcher: trains several runs, one after another in this process or in worker processes."""

from __future__ import annotations

import functools
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from types import TracebackType
from typing import Annotated, Any, Self

from arena.config.options import Between
from arena.errors import ArenaError, BusyError, Interrupted
from arena.launch.base import BUSY, Outcome
from arena.launch.signals import StopListener, stop_on_signal
from arena.launch.workers import DIED, EXIT_SECONDS, READY, Crash, Worker, not_started, train_outcome
from arena.plugins.discovery import get_plugins
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.training.runner import execute

__all__ = ["execute_all", "outcomes"]

#: Default for the maximum number of restarts of a run after its worker died.
RETRIES = 2

#: Seconds between two checks of a run that another process is training.
BUSY_SECONDS = 0.5

#: Seconds between two checks for a requested stop, while workers send no messages.
TICK = 0.1


class Local:
    """Launcher that trains runs in processes of this machine."""

    @dataclass(frozen=True)
    class Config:
        """Options of the local launcher."""

        retries: Annotated[int, Between(0, None)] = RETRIES
        """Maximum number of restarts of a run after its worker process died, at least 0."""

    def __init__(self, config: Config, workers: int) -> None:
        self._config, self._workers = config, workers

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Train the runs, at most one per process at a time."""
        return outcomes(runs, listener, self._workers, self._config.retries)


def execute_all(
    runs: Sequence[Run], listener: Listener | None = None, workers: int = 1
) -> list[dict[str, Any]]:
    """Train runs, and return the content of each ``result.json`` in the same order.

    The first Ctrl-C or SIGTERM makes every run save a checkpoint and stop; a second Ctrl-C stops at once. A run whose
    worker dies is restarted from its checkpoint, at most twice.

    Args:
        runs: the runs.
        listener: listener to the events of all runs, in this process.
        workers: number of processes; with one, the runs are trained in this process.

    Raises:
        Interrupted: after Ctrl-C; finished runs have their results, the others a checkpoint.
        ArenaError: the error of the first run that failed, after all others were trained; or plugins exist only in
            this process's memory.
    """
    results = []
    for outcome in _trained(runs, listener, workers if len(runs) > 1 else 1, RETRIES, waits=False):
        if isinstance(outcome, Crash) and outcome.__cause__ is not None:
            raise outcome.__cause__  # the traceback of this process helps the author of the agent
        if isinstance(outcome, ArenaError):
            raise outcome
        results.append(outcome)
    return results


def outcomes(
    runs: Sequence[Run], listener: Listener | None = None, workers: int = 1, retries: int = RETRIES
) -> list[Outcome]:
    """Train runs as in `arena.launch.base.Launcher.launch`, and return the outcome of each in the same order.

    Signals are handled as in `execute_all`.

    Args:
        runs: the runs.
        listener: listener to the events of all runs, in this process.
        workers: number of processes; with one, the runs are trained in this process.
        retries: maximum number of restarts of a run after its worker died.

    Raises:
        Interrupted: after Ctrl-C, or when the listener requests a stop; every run that had started has a checkpoint.
        ArenaError: no worker can be started, or plugins exist only in this process's memory.
    """
    return _trained(runs, listener, workers, retries, waits=True)


def _trained(
    runs: Sequence[Run], listener: Listener | None, workers: int, retries: int, waits: bool
) -> list[Outcome]:
    if not runs:
        return []
    with stop_on_signal() as stop:
        schedule = _Schedule(runs, StopListener(listener or Listener(), stop, runs[0]), retries, waits)
        if workers <= 1:
            _here(schedule)
        elif not schedule.done:
            _in_processes(schedule, min(workers, len(runs)))
    return schedule.outcomes()


class _Schedule:
    """Queue of runs, and the outcomes of those that ended.

    A job is the index of a run. After its start it ends with an outcome, or is queued again: first if its worker died,
    and last if another process was training it.
    """

    def __init__(self, runs: Sequence[Run], listener: StopListener, retries: int, waits: bool) -> None:
        self.runs, self.listener = runs, listener
        self._retries, self._waits = retries, waits
        self._outcomes: dict[int, Outcome] = {}
        self._pending = deque(job for job in range(len(runs)) if not self._finished(job))
        self._elsewhere: dict[int, float] = {}
        self._deaths: Counter[int] = Counter()
        self._waited: set[int] = set()

    @property
    def done(self) -> bool:
        return len(self._outcomes) == len(self.runs)

    def pending(self) -> bool:
        """Return whether a run can start now."""
        for job, due in tuple(self._elsewhere.items()):
            if time.monotonic() >= due:
                if _is_free(self.runs[job]):
                    del self._elsewhere[job]
                    if not self._finished(job):
                        self._pending.append(job)
                else:
                    self._elsewhere[job] = time.monotonic() + BUSY_SECONDS
        return bool(self._pending)

    def begin(self) -> int:
        return self._pending.popleft()

    def ended(self, job: int, outcome: Outcome) -> None:
        if isinstance(outcome, BusyError) and self._waits:
            self._elsewhere[job] = time.monotonic() + BUSY_SECONDS
            if job not in self._waited:
                self._waited.add(job)
                self.listener.noticed(self.runs[job], BUSY)
        else:
            self._end(job, outcome)

    def died(self, job: int, how: str) -> None:
        self._deaths[job] += 1
        deaths, run = self._deaths[job], self.runs[job]
        if deaths <= self._retries and not self.listener.asked:
            again = f"restarted from its checkpoint, attempt {deaths + 1} of {self._retries + 1}"
            self.listener.noticed(run, f"its worker died {how}; {again}")
            self._pending.appendleft(job)
        else:
            often = f"{deaths} times, last {how}" if deaths > 1 else how
            remedy = "use fewer --workers if memory ran out; run the same command again to continue from its checkpoint"
            self._end(job, ArenaError(f"the worker of {run.folder} died {often}", remedy))

    def _end(self, job: int, outcome: Outcome) -> None:
        self._outcomes[job] = outcome
        self.listener.ended(self.runs[job], outcome)

    def outcomes(self) -> list[Outcome]:
        """Return the outcome of every run.

        Raises:
            Interrupted: not all runs have ended, since a stop was requested.
        """
        if self.listener.asked:
            for job, run in enumerate(self.runs):
                outcome = self._outcomes.get(job) or not_started(run.folder)
                if isinstance(outcome, Interrupted):
                    raise outcome
        return [self._outcomes[job] for job in range(len(self.runs))]

    def _finished(self, job: int) -> bool:
        try:
            result = self.runs[job].result()
        except ArenaError as error:
            self._outcomes[job] = error
            return True
        if result is not None:
            self._outcomes[job] = result
        return result is not None


def _is_free(run: Run) -> bool:
    try:
        with run.locked():
            return True
    except BusyError:
        return False
    except ArenaError:  # training the run reports the error
        return True


def _here(schedule: _Schedule) -> None:
    while not (schedule.done or schedule.listener.stopping()):
        if schedule.pending():
            job = schedule.begin()
            run = schedule.runs[job]
            schedule.ended(job, train_outcome(run.folder, functools.partial(execute, run, schedule.listener)))
        elif not schedule.done:
            time.sleep(TICK)


def _in_processes(schedule: _Schedule, limit: int) -> None:
    if any(not info.distribution and info.status in ("ok", "warning") for info in get_plugins().infos):
        raise ArenaError(
            "plugins that exist only in this process's memory do not reach workers", "use workers=1"
        )
    stopped = False
    with _Workers(limit) as workers:
        while not schedule.done and (workers.busy or not stopped):
            if not schedule.listener.stopping():
                while schedule.pending() and (worker := workers.free()):
                    job = schedule.begin()
                    worker.begin(job, schedule.runs[job].folder)
            elif not stopped:
                workers.stop()
                stopped = True
            for worker, (what, *news) in workers.news(TICK):
                if worker.job is None:
                    continue
                if what == "ended":
                    schedule.ended(worker.job, *news)
                    worker.job = None
                elif what == "died":
                    schedule.died(worker.job, *news)
                else:
                    getattr(schedule.listener, what)(schedule.runs[worker.job], *news)


class _Workers:
    """Worker processes, each started when it is first needed; all end with the ``with`` block.

    Args:
        limit: maximum number of workers.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._workers: list[Worker] = []
        self._one_was_ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for worker in self._workers:
                    worker.connection.close()  # makes the worker exit
                until = time.monotonic() + EXIT_SECONDS
                for worker in self._workers:
                    worker.join(until)
        finally:  # at once after an error, since checkpoints are always intact
            for worker in self._workers:
                worker.end()

    @property
    def busy(self) -> bool:
        """Whether any worker trains a run."""
        return any(worker.job is not None for worker in self._workers)

    def free(self) -> Worker | None:
        """Return an idle worker, or start one if there are fewer than the limit; None otherwise.

        Raises:
            ArenaError: there are no workers, and none can be started.
        """
        idle = next((worker for worker in self._workers if worker.job is None), None)
        if idle is not None or len(self._workers) >= self._limit:
            return idle
        worker = Worker()
        self._workers.append(worker)
        try:
            worker.start()
        except OSError as error:
            self._drop(worker)
            if not self._workers:
                raise ArenaError(
                    f"no worker can be started: {error.strerror}", "use fewer --workers"
                ) from error
            self._limit = len(self._workers)  # continue with fewer
            return None
        return worker

    def stop(self) -> None:
        """Make all workers save a checkpoint and stop."""
        for worker in tuple(self._workers):
            if worker.ready:
                worker.stop()
            else:
                self._drop(worker)

    def news(self, seconds: float) -> Iterator[tuple[Worker, tuple[Any, ...]]]:
        """Iterate over messages of workers within some seconds; ``("died", how)`` is the last one of a dead worker.

        Raises:
            ArenaError: a worker died before any worker was ready.
        """
        ready = wait([worker.connection for worker in self._workers], seconds)
        for worker in tuple(self._workers):
            message = worker.heard(worker.connection in ready)
            if message == READY:
                self._one_was_ready = True
                worker.greet()
            elif message == DIED:
                yield worker, (*DIED, self._remove_dead(worker))
            elif message:
                yield worker, message

    def _remove_dead(self, worker: Worker) -> str:
        """Remove a dead worker; return how it died."""
        how, itself = worker.fate()
        self._drop(worker)
        if itself and not self._one_was_ready:
            remedy = 'if this is a script, put the call under if __name__ == "__main__":; '
            raise ArenaError(
                f"a worker process died before it was ready, {how}",
                remedy + "run the same command again to continue",
            )
        return how

    def _drop(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.end()
