"""Listeners: objects that follow a run while it trains, and may stop it."""

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
    """Follows a run; every method may be overridden.

    Progress bars, trackers, hooks and live viewing are listeners, and the runner knows no other kind of observer.
    """

    def started(self, run: Run) -> None:
        """The run began, or went on from its checkpoint."""

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        """The run has come so far; its last evaluation gave this mean return. Called several times a second."""

    def logged(self, run: Run, progress: Progress, values: Mapping[str, Any]) -> None:
        """A line of metrics was written."""

    def noticed(self, run: Run, text: str) -> None:
        """The user of the run should know this, in one line."""

    def announced(self, activity: str) -> None:
        """The launcher is busy with an activity that takes a while, such as ``starting a cluster…``."""

    def finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """The run has trained all its steps, and its result is on disk."""

    def ended(self, run: Run, outcome: dict[str, Any] | ArenaError) -> None:
        """The launcher has done with the run: its result, or why it has none."""

    def stopping(self) -> bool:
        """Whether the run should checkpoint and stop now."""
        return False

    def close(self) -> None:
        """Releases what the listener holds of this run; the session has ended."""


class HookEvents(Listener):
    """Calls the event hooks of every plugin."""

    def started(self, run: Run) -> None:
        get_plugins().emit("arena_run_started", run=run)

    def logged(self, run: Run, progress: Progress, values: Mapping[str, Any]) -> None:
        get_plugins().emit("arena_run_progressed", run=run, progress=progress)

    def finished(self, run: Run, result: Mapping[str, Any]) -> None:
        get_plugins().emit("arena_run_finished", run=run, result=result)
