"""Several processes at one study; a pipe to each carries its news, and ends with either side."""

from __future__ import annotations

import contextlib
import multiprocessing
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, Interrupted
from arena.launch.signals import deaf, signals_blocked
from arena_optuna.definition import Definition
from arena_optuna.study import StudyFolder
from arena_optuna.work import Ended, News, work

__all__ = ["work_in_processes"]

#: Seconds between looks at whether to stop.
PERIOD = 0.1


def work_in_processes(definition: Definition, out: Path, workers: int, news: News) -> None:
    """Works on a study in several processes until it has its trials, or they have all died.

    Raises:
        Interrupted: the news asked to stop; what the processes had in hand waits for the next command.
        ArenaError: a process's own.
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
        raise Interrupted("stopped", "the same command goes on")
    if failures:
        raise failures[0]


def _relay(processes: dict[Connection, Any], news: News) -> list[ArenaError]:
    """Hands on the processes' news until all have ended; what they gave up for."""
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


class _Wire(News):
    """Sends a worker's news to the parent, and stops when it asks or is gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def moved(self, number: int, fraction: float, steps: int) -> None:
        self.send("moved", number, fraction, steps)

    def ended(self, trial: Ended) -> None:
        self.send("ended", trial)

    def noticed(self, text: str) -> None:
        self.send("noticed", text)

    def stopping(self) -> bool:
        # Either it said so, or its end of the pipe is closed.
        return self._connection.poll()

    def send(self, method: str, *arguments: Any) -> None:
        with contextlib.suppress(OSError):  # the parent is gone: this process stops as soon as it looks
            self._connection.send((method, arguments))


def _work(connection: Connection, definition: Definition, out: Path) -> None:
    deaf()
    from arena_optuna.quiet import quiet

    wire = _Wire(connection)
    try:
        with quiet(), StudyFolder(definition, out) as folder:
            work(folder, wire)
    except Interrupted:
        wire.send("left")
    except ArenaError as error:
        wire.send("failed", error.problem, error.remedy)
    else:
        wire.send("left")
