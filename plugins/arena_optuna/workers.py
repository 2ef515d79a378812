"""Several processes for one study; each sends its news through a pipe, which closes when either side ends."""

from __future__ import annotations

import contextlib
import multiprocessing
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, Interrupted
from arena.launch.signals import ignore_signals, signals_blocked
from arena_optuna.definition import Definition
from arena_optuna.study import StudyFolder
from arena_optuna.work import Ended, News, work

__all__ = ["work_in_processes"]

#: Seconds between two checks for a requested stop.
PERIOD = 0.1


def work_in_processes(definition: Definition, out: Path, workers: int, news: News) -> None:
    """Runs trials of a study in several processes until it has enough, or all processes have died.

    Raises:
        Interrupted: a stop was requested; unfinished trials wait for the next command.
        ArenaError: the error of a process.
    """
    # Spawned, not forked: a fork would copy this process's threads' locks and torch's state.
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, Any] = {}
    try:
        with signals_blocked():
            for _ in range(workers):
                mine, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, definition, out))
                process.start()
                theirs.close()
                processes[mine] = process
        failures = _relay(processes, news)
        for process in processes.values():
            process.join()
    finally:
        for process in processes.values():
            process.kill()
    if news.stopping():
        raise Interrupted("stopped", "run the same command again to continue")
    if failures:
        raise failures[0]


def _relay(processes: dict[Connection, Any], news: News) -> list[ArenaError]:
    """Passes on the processes' news until all have ended; returns their errors."""
    failures: list[ArenaError] = []
    alive, asked = {*processes}, False
    while alive:
        if news.stopping() and not asked:
            asked = True
            for connection in alive:
                with contextlib.suppress(OSError):
                    connection.send("stop")
        ready = wait([*alive], PERIOD)
        for connection in [one for one in alive if one in ready]:
            try:
                method, arguments = connection.recv()
            except (EOFError, OSError):
                news.noticed("a worker process died; the others take over its trial")
                method, arguments = "left", ()
            if method == "failed":
                failures.append(ArenaError(*arguments))
            elif method != "left":
                getattr(news, method)(*arguments)
            if method in ("failed", "left"):
                alive.discard(connection)
    return failures


class _PipeNews(News):
    """Receiver that sends a worker's news to the parent, and stops at its request or end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def moved(self, number: int, fraction: float, steps: int) -> None:
        self.send("moved", number, fraction, steps)

    def ended(self, trial: Ended) -> None:
        self.send("ended", trial)

    def noticed(self, text: str) -> None:
        self.send("noticed", text)

    def stopping(self) -> bool:
        # The parent has sent a stop, or its end of the pipe is closed.
        return self._connection.poll()

    def send(self, method: str, *arguments: Any) -> None:
        with contextlib.suppress(OSError):  # the parent has ended: this process stops at its next check
            self._connection.send((method, arguments))


def _work(connection: Connection, definition: Definition, out: Path) -> None:
    ignore_signals()
    from arena_optuna.quiet import quiet

    pipe = _PipeNews(connection)
    try:
        with quiet(), StudyFolder(definition, out) as folder:
            work(folder, pipe)
    except Interrupted:
        pipe.send("left")
    except ArenaError as error:
        pipe.send("failed", error.problem, error.remedy)
    else:
        pipe.send("left")
