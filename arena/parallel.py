"""Several runs: one after the other in this process, or in worker processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from arena.agent import Progress
from arena.errors import ArenaError, Interrupted
from arena.run import Run
from arena.runner import Listener, execute

__all__ = ["execute_all"]


def execute_all(
    runs: Sequence[Run], listener: Listener | None = None, workers: int = 1
) -> list[dict[str, Any]]:
    """Trains runs to their ends; their results in the same order.

    The first Ctrl-C or SIGTERM makes every run checkpoint and stop; a second Ctrl-C stops at once.

    Args:
        runs: the runs.
        listener: follows them all, in this process.
        workers: processes to use; one means this one.

    Raises:
        Interrupted: after Ctrl-C; finished runs keep their results, the others a checkpoint.
        ArenaError: the first run's that failed; the other runs have been trained all the same.
    """
    listener = listener or Listener()
    with _stop_on_signal() as stop:
        if workers <= 1 or len(runs) <= 1:
            return _here(runs, _Stoppable(listener, stop))
        return _in_processes(runs, listener, stop, min(workers, len(runs)))


class _Flag:
    """Whether somebody asked to stop."""

    raised = False


class _Stoppable(Listener):
    """Hands everything on to another listener, and says when to stop."""

    def __init__(self, listener: Listener, stop: _Flag) -> None:
        self._listener, self._stop = listener, stop
        self.progressed = listener.progressed  # type: ignore[method-assign]
        self.noticed = listener.noticed  # type: ignore[method-assign]

    def stopping(self) -> bool:
        return self._stop.raised or self._listener.stopping()


@contextlib.contextmanager
def _stop_on_signal() -> Iterator[_Flag]:
    flag = _Flag()

    def handle(number: int, frame: FrameType | None) -> None:
        if flag.raised and number == signal.SIGINT:
            raise KeyboardInterrupt
        flag.raised = True

    try:
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever owns it handles signals
        before = {}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _here(runs: Sequence[Run], listener: Listener) -> list[dict[str, Any]]:
    futures: list[Future[dict[str, Any]]] = []
    for run in runs:
        future: Future[dict[str, Any]] = Future()
        try:
            future.set_result(execute(run, listener))
        except Interrupted:
            raise
        except ArenaError as error:
            future.set_exception(error)
        futures.append(future)
    return _results(futures)


def _in_processes(runs: Sequence[Run], listener: Listener, stop: _Flag, workers: int) -> list[dict[str, Any]]:
    # Spawned, not forked: a fork would copy this process's threads' locks and torch's state.
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    asked = context.Event()
    by_folder = {str(run.folder): run for run in runs}
    with ProcessPoolExecutor(workers, context, _begin_worker, (messages, asked, os.getpid())) as pool:
        futures = [pool.submit(_work, str(run.folder)) for run in runs]
        while not all(future.done() for future in futures):
            if stop.raised or listener.stopping():
                asked.set()
            _relay(messages, by_folder, listener)
        while _relay(messages, by_folder, listener, seconds=0.0):
            pass
    return _results(futures)


def _results(futures: Sequence[Future[dict[str, Any]]]) -> list[dict[str, Any]]:
    errors = [error for future in futures if (error := future.exception()) is not None]
    failures = [error for error in errors if not isinstance(error, Interrupted)]
    for error in (*failures, *errors):
        if isinstance(error, ArenaError):
            raise error
        raise ArenaError(f"a worker process died: {error!r}", "the same command resumes its run") from error
    return [future.result() for future in futures]


def _relay(messages: Any, by_folder: dict[str, Run], listener: Listener, seconds: float = 0.1) -> bool:
    try:
        method, folder, arguments = messages.get(timeout=seconds) if seconds else messages.get_nowait()
    except queue.Empty:
        return False
    getattr(listener, method)(by_folder[folder], *arguments)
    return True


class _Worker(Listener):
    """Sends a worker's news to the parent, and stops when it asks or is gone."""

    def __init__(self, messages: Any, asked: Any, parent: int) -> None:
        self._messages, self._asked, self._parent = messages, asked, parent

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._messages.put(("progressed", str(run.folder), (progress, evaluation)))

    def noticed(self, run: Run, text: str) -> None:
        self._messages.put(("noticed", str(run.folder), (text,)))

    def stopping(self) -> bool:
        return self._asked.is_set() or os.getppid() != self._parent


_worker: _Worker | None = None


def _begin_worker(messages: Any, asked: Any, parent: int) -> None:
    global _worker
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides: a terminal signals the whole group
        signal.signal(number, signal.SIG_IGN)
    _worker = _Worker(messages, asked, parent)


def _work(folder: str) -> dict[str, Any]:
    return execute(Run.open(Path(folder)), _worker)
