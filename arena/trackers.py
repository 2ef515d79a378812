"""Trackers: other places that a run's metrics are written to, none of which can harm the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from arena.plugins import get_plugins
from arena.run import Run
from arena.specs import described

__all__ = ["Tracker", "Tracking"]


class Tracker(Protocol):
    """What a `TrackerSpec`'s target makes, called as ``target(run, step)`` whenever a run begins or goes on.

    ``step`` is where the run stands. A process that was killed may have written metrics of later steps: they
    will come again, so what the tracker already has of them is void.

    Whatever a tracker raises is reported once, and the run goes on without it.
    """

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Takes one line of metrics.

        Args:
            step: environment steps so far, or a planner's sweeps.
            values: finite numbers by name: the agent's own metrics, ``episode_return``, ``evaluation`` (the mean
                return of an evaluation, on the lines that have one), ``seconds`` of training so far, …
        """

    def finish(self, result: Mapping[str, Any]) -> None:
        """The run has come to its end: what ``result.json`` holds."""

    def close(self) -> None:
        """The process lets go of the run, finished or not: writes what is left, in a moment."""


class Tracking:
    """The trackers of one run; one that raises is left out from then on.

    Args:
        run: the run, whose experiment names them.
        step: where it stands.
        noticed: told of each tracker that fails, in one line, once.
    """

    def __init__(self, run: Run, step: int, noticed: Callable[[str], None]) -> None:
        self._noticed = noticed
        self._trackers: dict[str, Tracker] = {}
        for name in run.experiment.trackers:
            self._guarded(name, self._begin, name, run, step)

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Tells every tracker of a line of metrics; what is no finite number is left out."""
        if self._trackers:
            numbers = {
                name: float(value)
                for name, value in values.items()
                if isinstance(value, int | float) and math.isfinite(value)
            }
            for name, tracker in [*self._trackers.items()]:
                self._guarded(name, tracker.log, step, numbers)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Tells every tracker that the run has ended."""
        for name, tracker in [*self._trackers.items()]:
            self._guarded(name, tracker.finish, result)

    def close(self) -> None:
        """Closes every tracker."""
        for name, tracker in [*self._trackers.items()]:
            self._guarded(name, tracker.close)

    def _begin(self, name: str, run: Run, step: int) -> None:
        self._trackers[name] = get_plugins().trackers[name].load()(run, step)

    def _guarded(self, name: str, call: Callable[..., None], *arguments: Any) -> None:
        try:
            call(*arguments)
        except (Exception, SystemExit) as error:
            self._trackers.pop(name, None)
            self._noticed(f"tracker {name} failed, and the run goes on without it: {described(error)}")
