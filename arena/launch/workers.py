"""Worker processes, each of which trains one run after another: the worker's side and the parent's side.

Each worker has its own pipe. With a shared queue, a worker that is killed while it holds the queue's lock would block
all the others.
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
from arena.launch.signals import ignore_signals, signals_blocked
from arena.plugins.specs import describe_error
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.training.runner import execute

__all__ = ["DIED", "EXIT_SECONDS", "READY", "Crash", "Worker", "not_started", "train_outcome"]

#: Minimum number of seconds between two progress messages of a run, except after an evaluation and at the end.
NEWS_SECONDS = 0.05

#: Maximum number of seconds that an idle process may take to exit.
EXIT_SECONDS = 5.0

#: Environment variables that set the number of threads of libraries.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

#: A worker's first message, and the message that stands for its death.
READY, DIED = ("ready",), ("died",)

#: Message to a worker that requests a stop; every other message is a folder to train.
STOP = ""

# Spawned, not forked: a fork would copy the locks of this process's threads, and torch's state.
CONTEXT = multiprocessing.get_context("spawn")


class Crash(ArenaError):
    """Unexpected exception in a run: a defect of its agent, of its environment or of arena."""


def train_outcome(folder: Path, train: Callable[[], dict[str, Any]]) -> Outcome:
    """Train the run of a folder, and return its result or its error, `Interrupted` and `BusyError` included."""
    try:
        return train()
    except ArenaError as error:
        return error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of a compiled extension is not an Exception
        crash = Crash(
            f"{folder} failed: {describe_error(error)}",
            "fix the cause; run the same command again to continue from its checkpoint",
        )
        crash.__cause__ = error
        return crash


def not_started(folder: Path) -> Interrupted:
    """Outcome of a run that had not started when a stop was requested."""
    return Interrupted(f"stopped before {folder} began", "run the same command again to continue")


# In the worker.


def serve(connection: Connection[Any, Any], parent: int) -> None:
    """Main function of a worker: train the folders that arrive through the pipe, until the parent closes it or ends.

    The worker sends tuples: `READY`, a listener's ``("progressed", progress, evaluation)`` and
    ``("noticed", text)``, and ``("ended", outcome)``.

    Args:
        connection: the worker's end of the pipe.
        parent: the parent's process id.
    """
    ignore_signals()
    try:
        _WorkerListener(connection, parent).serve()
    except BaseException:  # not the normal exit, which waits for threads that a run left running
        traceback.print_exc()
        os._exit(1)


class _WorkerListener(Listener):
    def __init__(self, connection: Connection[Any, Any], parent: int) -> None:
        self._connection, self._parent = connection, parent
        self._folders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopping = False
        self._training, self._sending = threading.Lock(), threading.Lock()
        self._unsent: tuple[Progress, float | None] | None = None
        self._evaluation: float | None = None
        self._sent_at = -NEWS_SECONDS

    def serve(self) -> None:
        self._send(*READY)
        threading.Thread(target=self._receive, daemon=True).start()
        while (text := self._folders.get()) is not None:
            folder = Path(text)
            with self._training:
                outcome = train_outcome(folder, functools.partial(self._train, folder))
                self._send_progress()
                self._send("ended", _portable(outcome))

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._unsent = progress, evaluation
        if evaluation != self._evaluation or time.monotonic() - self._sent_at >= NEWS_SECONDS:
            self._send_progress()

    def noticed(self, run: Run, text: str) -> None:
        self._send("noticed", str(text))

    def stopping(self) -> bool:
        return self._stopping

    def _train(self, folder: Path) -> dict[str, Any]:
        if self._stopping:
            raise not_started(folder)
        return execute(Run.open(folder, trusted=True), self)

    def _send_progress(self) -> None:
        if self._unsent is None:
            return
        (progress, self._evaluation), self._unsent = self._unsent, None
        # As floats: an agent's own types of numbers or mappings may not be picklable.
        metrics = {str(name): float(value) for name, value in progress.metrics.items()}
        self._send("progressed", Progress(progress.steps, progress.episodes, metrics), self._evaluation)
        self._sent_at = time.monotonic()

    def _send(self, *news: Any) -> None:
        with (
            self._sending,
            contextlib.suppress(OSError),
        ):  # the parent has ended, which `_receive` detects too
            self._connection.send(news)

    def _receive(self) -> None:
        """Receive messages, also while a run trains; when the parent has closed the pipe or ended, exit."""
        with contextlib.suppress(EOFError, OSError):
            # A fork of the parent may hold the pipe's other end, so the parent's process id is checked too.
            while os.getppid() == self._parent:
                if self._connection.poll(1.0):
                    message = self._connection.recv()
                    if message == STOP:
                        self._stopping = True
                    else:
                        self._folders.put(message)
        self._stopping = True
        self._folders.put(None)
        with self._training:  # the current run, if any, has saved its checkpoint now
            pass
        time.sleep(EXIT_SECONDS)
        os._exit(1)  # a thread that a run left running prevents the normal exit


def _portable(outcome: Outcome) -> Outcome:
    """Convert an outcome to types that can always be sent to the parent, whatever a plugin put into it."""
    if isinstance(outcome, dict):
        return dict(json.loads(json.dumps(outcome)))
    kind = next(kind for kind in (Interrupted, BusyError, Crash, ArenaError) if isinstance(outcome, kind))
    error = kind(str(outcome.problem), str(outcome.remedy))
    if outcome.__cause__ is not None:  # sent as text only
        error.add_note("".join(traceback.format_exception(outcome.__cause__)))
    return error


# In the parent.


class Worker:
    """Parent's handle of a worker process.

    Attributes:
        connection: the parent's end of the pipe.
        job: number of the run that the worker trains; None while it is idle.
        ready: whether the worker has started up and accepts runs.
    """

    def __init__(self) -> None:
        self.connection, self._theirs = CONTEXT.Pipe()
        self.job: int | None = None
        self.ready = False
        self._folder = ""
        self._process = CONTEXT.Process(target=serve, args=(self._theirs, os.getpid()))

    def start(self) -> None:
        """Start the process.

        Raises:
            OSError: the system cannot start another process.
        """
        try:
            with _one_core(), signals_blocked():
                self._process.start()
        finally:
            self._theirs.close()  # otherwise the pipe would stay open after the worker's death

    def begin(self, job: int, folder: Path) -> None:
        """Give the worker a run, which it trains as soon as it is ready."""
        self.job, self._folder = job, str(folder)
        if self.ready:
            self._send(self._folder)

    def greet(self) -> None:
        """Record that the worker is ready, and send it the run that waits for it."""
        self.ready = True
        if self.job is not None:
            self._send(self._folder)

    def stop(self) -> None:
        """Request that the worker saves a checkpoint, stops, and starts no other run."""
        self._send(STOP)

    def heard(self, ready: bool) -> tuple[Any, ...]:
        """Receive the worker's next message: `DIED` at the end, and an empty tuple if there is none.

        Args:
            ready: whether the pipe is known to have a message.
        """
        # A process forked by the worker may hold its end of the pipe, so the exit status is checked for its death too.
        # It is checked first, so that the pipe then has all messages of a dead worker.
        dead = self._process.exitcode is not None
        try:
            if ready or (dead and self.connection.poll()):
                return tuple(self.connection.recv())
        except (EOFError, OSError):
            dead = True
        return DIED if dead else ()

    def fate(self) -> tuple[str, bool]:
        """Describe how the worker died, and whether it exited by itself."""
        self._process.join(1.0)  # its pipe may close shortly before the process ends
        status = self._process.exitcode
        if status is None:
            return "without its pipe", False
        if status >= 0:
            return f"with exit status {status}", True
        try:
            return f"by {signal.Signals(-status).name}", False
        except ValueError:  # a real-time signal
            return f"by signal {-status}", False

    def join(self, until: float) -> None:
        """Wait for the worker's end, at most until a time of `time.monotonic`."""
        if self._process.pid:
            self._process.join(max(0.0, until - time.monotonic()))

    def end(self) -> None:
        """Kill the worker if it is still running, and close the pipe."""
        if self._process.pid:
            self._process.kill()
            self._process.join()
        self._process.close()
        self.connection.close()

    def _send(self, message: str) -> None:
        with contextlib.suppress(OSError):  # the worker has died, which `heard` reports
            self.connection.send(message)


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Limit the libraries of processes started here to one core, except where the user has set a number."""
    unset = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
