"""A worker: a process that trains one run after the other. Its own side, and its parent's.

Each has a pipe of its own. Through a queue that all share, one that is killed while it holds the queue's lock would
silence the others.
"""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, BusyError, Interrupted
from arena.launch.base import Outcome
from arena.launch.signals import deaf, signals_blocked
from arena.plugins.specs import described
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.training.runner import execute

__all__ = ["DIED", "EXIT_SECONDS", "READY", "Crash", "Worker", "attempted", "not_begun"]

#: Seconds between two pieces of news of one run's progress, unless there is an evaluation or it ends.
NEWS_SECONDS = 0.05

#: Seconds that a process with nothing left to do may take to exit.
EXIT_SECONDS = 5.0

#: What says how many threads a library starts.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

#: A worker's first word, and what its silence comes to.
READY, DIED = ("ready",), ("died",)

#: The order to a worker that is no folder to train.
STOP = ""

# Spawned, not forked: a fork would copy this process's threads' locks and torch's state.
CONTEXT = multiprocessing.get_context("spawn")


class Crash(ArenaError):
    """A run ended by an exception that nobody foresaw: a defect of its agent's, its environment's or arena's."""


def attempted(folder: Path, train: Callable[[], dict[str, Any]]) -> Outcome:
    """Trains the run of a folder; whatever goes wrong, `Interrupted` and `BusyError` included, is its outcome."""
    try:
        return train()
    except ArenaError as error:
        return error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an extension's panic is no Exception
        crash = Crash(
            f"{folder} failed: {described(error)}", "mend that; the same command goes on from its checkpoint"
        )
        crash.__cause__ = error
        return crash


def not_begun(folder: Path) -> Interrupted:
    """The outcome of a run that was to be trained when somebody asked to stop."""
    return Interrupted(f"stopped before {folder} began", "the same command goes on")


# In the worker.


def serve(connection: Connection[Any, Any], parent: int) -> None:
    """A worker's life: trains the folders that come through the pipe until its parent wants no more, or is gone.

    It sends tuples: `READY`, a listener's ``("progressed", progress, evaluation)`` and
    ``("noticed", text)``, and ``("ended", outcome)``.

    Args:
        connection: its end of the pipe.
        parent: the parent's process id.
    """
    deaf()
    try:
        _Servant(connection, parent).serve()
    except BaseException:  # not by the usual way out, which waits for threads that a run left behind
        traceback.print_exc()
        os._exit(1)


class _Servant(Listener):
    def __init__(self, connection: Connection[Any, Any], parent: int) -> None:
        self._connection, self._parent = connection, parent
        self._folders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = False
        self._training, self._sending = threading.Lock(), threading.Lock()
        self._untold: tuple[Progress, float | None] | None = None
        self._evaluation: float | None = None
        self._told_at = -NEWS_SECONDS

    def serve(self) -> None:
        self._send(*READY)
        threading.Thread(target=self._obey, daemon=True).start()
        while (text := self._folders.get()) is not None:
            folder = Path(text)
            with self._training:
                outcome = attempted(folder, functools.partial(self._train, folder))
                self._tell()
                self._send("ended", _portable(outcome))

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._untold = progress, evaluation
        if evaluation != self._evaluation or time.monotonic() - self._told_at >= NEWS_SECONDS:
            self._tell()

    def noticed(self, run: Run, text: str) -> None:
        self._send("noticed", str(text))

    def stopping(self) -> bool:
        return self._stopping

    def _train(self, folder: Path) -> dict[str, Any]:
        if self._stopping:
            raise not_begun(folder)
        return execute(Run.open(folder), self)

    def _tell(self) -> None:
        if self._untold is None:
            return
        (progress, self._evaluation), self._untold = self._untold, None
        # As floats: an agent's own kinds of numbers, or of mappings, need not survive the way.
        metrics = {str(name): float(value) for name, value in progress.metrics.items()}
        self._send("progressed", Progress(progress.steps, progress.episodes, metrics), self._evaluation)
        self._told_at = time.monotonic()

    def _send(self, *news: Any) -> None:
        with self._sending, contextlib.suppress(OSError):  # the parent is gone, as `_obey` sees by itself
            self._connection.send(news)

    def _obey(self) -> None:
        """Takes orders as they come, also while a run trains; once there will be no more, this process ends."""
        with contextlib.suppress(EOFError, OSError):
            # A fork of the parent's may hold the pipe's other end: hence the parent's number, too.
            while os.getppid() == self._parent:
                if self._connection.poll(1.0):
                    order = self._connection.recv()
                    if order == STOP:
                        self._stopping = True
                    else:
                        self._folders.put(order)
        self._stopping = True
        self._folders.put(None)
        with self._training:  # its run, if any, has a checkpoint now
            pass
        time.sleep(EXIT_SECONDS)
        os._exit(1)  # something that a run left behind keeps the process from its exit


def _portable(outcome: Outcome) -> Outcome:
    """An outcome that reaches the parent whatever a plugin put into it."""
    if isinstance(outcome, dict):
        return dict(json.loads(json.dumps(outcome)))
    kind = next(kind for kind in (Interrupted, BusyError, Crash, ArenaError) if isinstance(outcome, kind))
    error = kind(str(outcome.problem), str(outcome.remedy))
    if outcome.__cause__ is not None:  # it stays here
        error.add_note("".join(traceback.format_exception(outcome.__cause__)))
    return error


# In the parent.


class Worker:
    """A worker as its parent sees it.

    Attributes:
        connection: this process's end of the pipe.
        job: the number of the run that it trains; None while it is idle.
        ready: whether it has come so far as to take orders. Before that, it has done nothing.
    """

    def __init__(self) -> None:
        self.connection, self._theirs = CONTEXT.Pipe()
        self.job: int | None = None
        self.ready = False
        self._folder = ""
        self._process = CONTEXT.Process(target=serve, args=(self._theirs, os.getpid()))

    def start(self) -> None:
        """Starts the process.

        Raises:
            OSError: there is no room for another.
        """
        try:
            with _one_core(), signals_blocked():
                self._process.start()
        finally:
            self._theirs.close()  # or the pipe would outlive the worker

    def begin(self, job: int, folder: Path) -> None:
        """Hands it a run, which it trains as soon as it is ready."""
        self.job, self._folder = job, str(folder)
        if self.ready:
            self._order(self._folder)

    def greet(self) -> None:
        """Takes note that it is ready."""
        self.ready = True
        if self.job is not None:
            self._order(self._folder)

    def stop(self) -> None:
        """Tells it to checkpoint and stop, and to begin nothing more."""
        self._order(STOP)

    def heard(self, ready: bool) -> tuple[Any, ...]:
        """What it says next: `DIED` at the end, and an empty tuple if there is nothing new.

        Args:
            ready: whether its pipe is known to have something.
        """
        # What a worker forked may hold its pipe's end: its exit status tells of its death, too. It is asked for
        # first, so that the pipe has all that a dead one said.
        dead = self._process.exitcode is not None
        try:
            if ready or (dead and self.connection.poll()):
                return tuple(self.connection.recv())
        except (EOFError, OSError):
            dead = True
        return DIED if dead else ()

    def fate(self) -> tuple[str, bool]:
        """How it died, in words, and whether by itself."""
        self._process.join(1.0)  # its pipe may end a moment before it does
        status = self._process.exitcode
        if status is None:
            return "without its pipe", False
        if status >= 0:
            return f"with exit status {status}", True
        try:
            return f"by {signal.Signals(-status).name}", False
        except ValueError:  # a real-time one
            return f"by signal {-status}", False

    def join(self, until: float) -> None:
        """Waits for its end until some instant of `time.monotonic`."""
        if self._process.pid:
            self._process.join(max(0.0, until - time.monotonic()))

    def end(self) -> None:
        """Makes sure that nothing is left of it."""
        if self._process.pid:
            self._process.kill()
            self._process.join()
        self._process.close()
        self.connection.close()

    def _order(self, order: str) -> None:
        with contextlib.suppress(OSError):  # it has died, which its pipe will say
            self.connection.send(order)


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """What starts here has its libraries use one core, unless somebody has said how many."""
    unsaid = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unsaid, "1"))
    try:
        yield
    finally:
        for name in unsaid:
            os.environ.pop(name, None)
