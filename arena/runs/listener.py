"""Listeners: observers of a run during training, which may stop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    from arena.errors import ArenaError
    from arena.runs.run import Run
    from arena.streams.base import Progress

__all__ = ["HookEvents", "Listener"]


class Listener:
    """Base class of observers of runs: progress bars, trackers, hooks, live viewing; its methods do nothing."""

    def started(self, run: Run) -> None:
        """Event: the run started, or resumed from a checkpoint."""

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        """Event, several times a second: progress so far, and mean return of the last evaluation."""

    def logged(self, run: Run, progress: Progress, values: Mapping[str, Any]) -> None:
        """Event: a line of metrics was written."""

    def noticed(self, run: Run, text: str) -> None:
        """Event: a notice for the user, in one line."""

    def announced(self, activity: str) -> None:
        """Event: the launcher begins an activity that takes a while, such as ``starting a cluster…``."""

    def finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """Event: the run is finished, and its result is on disk."""

    def ended(self, run: Run, outcome: dict[str, Any] | ArenaError) -> None:
        """Event: the launcher has the result of the run, or its error."""

    def stopping(self) -> bool:
        """Return whether the run should save a checkpoint and stop now."""
        return False

    def close(self) -> None:
        """Release resources at the end of a session."""


class HookEvents(Listener):
    """Listener that calls the event hooks of every plugin."""

    def started(self, run: Run) -> None:
        get_plugins().emit("arena_run_started", run=run)

    def logged(self, run: Run, progress: Progress, values: Mapping[str, Any]) -> None:
        get_plugins().emit("arena_run_progressed", run=run, progress=progress)

    def finished(self, run: Run, result: Mapping[str, Any]) -> None:
        get_plugins().emit("arena_run_finished", run=run, result=result)
