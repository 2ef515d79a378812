"""Several runs: one after the other in this process, or in worker processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any

from arena.agent import Progress
from arena.errors import ArenaError, Interrupted
from arena.plugins import get_plugins
from arena.run import Run
from arena.runner import Listener, execute

__all__ = ["execute_all"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
        ArenaError: the first run's that failed; the other runs have been trained all the same. Or a worker
            died, or plugins are only in this process's memory.
    """
    if not runs:
        return []
    with _stop_on_signal() as stop:
        stoppable = _Stoppable(listener or Listener(), stop, runs[0])
        if workers <= 1 or len(runs) <= 1:
            return _here(runs, stoppable)
        return _in_processes(runs, stoppable, min(workers, len(runs)))


class _Flag:
    """Whether somebody asked to stop."""

    raised = False


class _Stoppable(Listener):
    """Hands everything on to another listener, and says when to stop; a signal is told once, of ``first``."""

    def __init__(self, listener: Listener, stop: _Flag, first: Run) -> None:
        self._listener, self._stop, self._first, self._told = listener, stop, first, False
        self.progressed = listener.progressed  # type: ignore[method-assign]
        self.noticed = listener.noticed  # type: ignore[method-assign]

    def stopping(self) -> bool:
        if self._stop.raised and not self._told:
            self._told = True  # here and not in the signal's handler, which may interrupt the listener
            self.noticed(self._first, "stopping; once more stops at once")
        return self._stop.raised or self._listener.stopping()


@contextlib.contextmanager
def _stop_on_signal() -> Iterator[_Flag]:
    flag = _Flag()

    def handle(number: int, frame: FrameType | None) -> None:
        if flag.raised and number == signal.SIGINT:
            raise KeyboardInterrupt
        flag.raised = True

    try:
        before = {number: signal.signal(number, handle) for number in SIGNALS}
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
            future.set_result(_begin(run, listener))
        except Interrupted:
            raise
        except ArenaError as error:
            future.set_exception(error)
        futures.append(future)
    return _results(futures)


def _begin(run: Run, listener: Listener) -> dict[str, Any]:
    if listener.stopping():
        raise Interrupted(f"stopped before {run.folder} began", "the same command goes on")
    return execute(run, listener)


def _in_processes(runs: Sequence[Run], listener: Listener, workers: int) -> list[dict[str, Any]]:
    if any(not info.distribution and info.status in ("ok", "warning") for info in get_plugins().infos):
        raise ArenaError("plugins that are only in memory train in this process only", "use workers=1")
    # Spawned, not forked: a fork would copy this process's threads' locks and torch's state.
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    asked = context.Event()
    by_folder = {str(run.folder): run for run in runs}
    before = set(multiprocessing.active_children())
    children: set[Any] = set()
    with ProcessPoolExecutor(workers, context, _begin_worker, (messages, asked, os.getpid())) as pool:
        try:
            # After the queue, whose resource tracker unblocks the signals as it starts.
            with _signals_blocked():
                try:
                    futures = [pool.submit(_work, str(run.folder)) for run in runs]  # which spawns
                    pool.submit(os.getpid).cancel()  # CPython's pool watches the last worker only once woken
                finally:
                    children = set(multiprocessing.active_children()) - before
            while not all(future.done() for future in futures):
                if listener.stopping() and not asked.is_set():
                    asked.set()
                _relay(messages, by_folder, listener)
            for future in futures:
                if isinstance(error := future.exception(), BrokenProcessPool):
                    raise error
        except BaseException as error:
            # The pool would wait for the others, which ignore its SIGTERM; their checkpoints are whole.
            for child in children:
                child.kill()
            if isinstance(error, BrokenProcessPool):
                remedy = 'if this is a script, put the call under if __name__ == "__main__":; '
                remedy += "the same command resumes its runs"
                raise ArenaError(f"a worker process died: {error!r}", remedy) from error
            raise
        while _relay(messages, by_folder, listener, seconds=0.0):
            pass
    return _results(futures)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes begun here are born deaf to the signals; this one gets them afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
        self._orphaned, self._busy = False, threading.Lock()

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._messages.put(("progressed", str(run.folder), (progress, evaluation)))

    def noticed(self, run: Run, text: str) -> None:
        self._messages.put(("noticed", str(run.folder), (text,)))

    def stopping(self) -> bool:
        return self._orphaned or bool(self._asked.is_set())

    def work(self, folder: str) -> dict[str, Any]:
        with self._busy:
            return _begin(Run.open(Path(folder)), self)

    def end_with_parent(self) -> None:
        """Waits until the parent is gone; ends this process once its run, if any, has checkpointed."""
        parent = multiprocessing.parent_process()
        assert parent is not None, "a worker has a parent"
        # A fork of the parent's may hold the sentinel's other end: hence its number too.
        while os.getppid() == self._parent and not wait([parent.sentinel], 1.0):
            pass
        self._orphaned = True
        self._busy.acquire()
        os._exit(1)


_worker: _Worker | None = None


def _begin_worker(messages: Any, asked: Any, parent: int) -> None:
    global _worker
    for number in SIGNALS:  # the parent decides: a terminal signals the whole group
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _worker = _Worker(messages, asked, parent)
    threading.Thread(target=_worker.end_with_parent, daemon=True).start()


def _work(folder: str) -> dict[str, Any]:
    assert _worker is not None, "the pool calls _begin_worker first"
    return _worker.work(folder)
