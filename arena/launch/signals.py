"""Handling of Ctrl-C and SIGTERM: the first signal makes runs save a checkpoint and stop.

Workers ignore the signals; the process that started them stops them.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

from arena.errors import ArenaError
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress

__all__ = ["SIGNALS", "Stop", "StopListener", "ignore_signals", "signals_blocked", "stop_on_signal"]

#: The signals that request a stop.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Flag that a signal sets to request a stop."""

    raised = False


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Set a `Stop` flag on the first Ctrl-C or SIGTERM; a second Ctrl-C raises KeyboardInterrupt."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.raised and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.raised = True

    try:
        before = {number: signal.signal(number, handle) for number in SIGNALS}
    except ValueError:  # not the main thread, which alone can handle signals
        before = {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopListener(Listener):
    """Listener that forwards every event to another listener, and requests a stop after a signal.

    Args:
        listener: the other listener.
        stop: flag that a signal sets.
        first: run that the notice about stopping names if no run has reported progress yet.

    Attributes:
        asked: whether it has requested a stop, which is final.
    """

    def __init__(self, listener: Listener, stop: Stop, first: Run) -> None:
        self._listener, self._stop, self._latest, self._announced = listener, stop, first, False
        self.asked = False

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._latest = run
        self._listener.progressed(run, progress, evaluation)

    def noticed(self, run: Run, text: str) -> None:
        self._listener.noticed(run, text)

    def announced(self, activity: str) -> None:
        self._listener.announced(activity)

    def ended(self, run: Run, outcome: dict[str, Any] | ArenaError) -> None:
        self._listener.ended(run, outcome)

    def stopping(self) -> bool:
        if self._stop.raised and not self._announced:
            self._announced = True  # here and not in the signal's handler, which may interrupt the listener
            self.noticed(self._latest, "stopping; press Ctrl-C again to stop at once")
        self.asked = self.asked or self._stop.raised or self._listener.stopping()
        return self.asked


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Block the signals while worker processes start, until these ignore them; signals arrive here afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # first, since its start unblocks the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals() -> None:
    """Make a worker process ignore the signals, which a terminal sends to the whole process group."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
