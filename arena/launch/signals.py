"""Ctrl-C and SIGTERM: the first asks runs to checkpoint and stop, and whoever launched workers decides for them."""

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

__all__ = ["SIGNALS", "Stop", "Stoppable", "deaf", "signals_blocked", "stop_on_signal"]

#: What asks to stop.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked to stop."""

    raised = False


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Notes the first Ctrl-C or SIGTERM; a second Ctrl-C is a KeyboardInterrupt."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.raised and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.raised = True

    try:
        before = {number: signal.signal(number, handle) for number in SIGNALS}
    except ValueError:  # not the main thread: whoever owns it handles signals
        before = {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stoppable(Listener):
    """Hands everything on to another listener, and says when to stop; a signal is told once.

    Args:
        listener: the other one.
        stop: whether a signal came.
        first: the run that the notice names until another one is heard of.

    Attributes:
        asked: whether it has said so: there is no way back.
    """

    def __init__(self, listener: Listener, stop: Stop, first: Run) -> None:
        self._listener, self._stop, self._latest, self._told = listener, stop, first, False
        self.asked = False

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._latest = run
        self._listener.progressed(run, progress, evaluation)

    def noticed(self, run: Run, text: str) -> None:
        self._listener.noticed(run, text)

    def ended(self, run: Run, outcome: dict[str, Any] | ArenaError) -> None:
        self._listener.ended(run, outcome)

    def stopping(self) -> bool:
        if self._stop.raised and not self._told:
            self._told = True  # here and not in the signal's handler, which may interrupt the listener
            self.noticed(self._latest, "stopping; once more stops at once")
        self.asked = self.asked or self._stop.raised or self._listener.stopping()
        return self.asked


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Processes begun here are born `deaf` to the signals; this one gets them afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # here, since it unblocks the signals as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def deaf() -> None:
    """Makes a worker, born while signals were blocked, ignore them: a terminal signals the whole group."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
