"""Trackers: additional destinations of a run's metrics, whose failures never stop the run."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import sys
from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any, Protocol

from arena.errors import ArenaError
from arena.experiments.experiment import Experiment
from arena.experiments.training_spec import TrainingSpec
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import describe_error
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress

__all__ = ["Tracker", "Tracking", "grouped", "hyperparameters"]

#: Names, with sections, of the metrics that are not the agent's own, for trackers that show sections.
SECTIONS = {
    "evaluation": "evaluation/return",
    "episode_return": "episode/return",
    "episode_length": "episode/length",
    "episodes": "training/episodes",
    "seconds": "training/seconds",
}


class Tracker(Protocol):
    """Protocol of a tracker; a `TrackerSpec`'s target makes one as ``target(run, step)`` when a run starts or resumes.

    ``step`` is the run's current step. A process that was killed may have written metrics of later steps: these will
    be logged again, so the tracker must discard what it has of them.

    An exception of a tracker is reported once, and the run continues without it. Its prints go to standard error. A
    tracker that hangs blocks the run: set a time limit on every network call.
    """

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Record one line of metrics.

        Args:
            step: environment steps so far, or sweeps of a planner.
            values: finite numbers by name: the agent's own metrics, ``episode_return``, ``evaluation`` (mean return of
                an evaluation, on lines that have one), ``seconds`` of training so far, …
        """

    def finish(self, result: Mapping[str, Any]) -> None:
        """Record the result of a finished run: the content of ``result.json``."""

    def close(self) -> None:
        """Write what is left and close, quickly, whether the run has finished or not.

        This is the last call; it follows immediately when `log` or `finish` has raised.
        """


class Tracking(Listener):
    """Trackers of one run; a tracker that raises is not called again.

    Args:
        run: the run, whose experiment names the trackers.
        step: the run's current step.
        noticed: called once with one line for each tracker that fails.
    """

    def __init__(self, run: Run, step: int, noticed: Callable[[str], None]) -> None:
        self._noticed = noticed
        self._trackers: dict[str, Tracker] = {}
        for name in run.spec.trackers:
            self._guarded(name, self._begin, name, run, step)

    def logged(self, run: Run, progress: Progress, values: Mapping[str, Any]) -> None:
        """Pass a line of metrics to every tracker, without values that are not finite numbers."""
        if self._trackers:
            numbers = {
                name: float(value)
                for name, value in values.items()
                if isinstance(value, int | float) and math.isfinite(value)
            }
            for name, tracker in [*self._trackers.items()]:
                self._guarded(name, methodcaller("log", progress.steps, {**numbers}), tracker)

    def finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """Pass the result of the finished run to every tracker."""
        for name, tracker in [*self._trackers.items()]:
            self._guarded(name, methodcaller("finish", copy.deepcopy(result)), tracker)

    def close(self) -> None:
        """Close every tracker."""
        while self._trackers:
            name, tracker = self._trackers.popitem()
            self._guarded(name, methodcaller("close"), tracker)

    def _begin(self, name: str, run: Run, step: int) -> None:
        self._trackers[name] = get_plugins().trackers[name].load()(run, step)

    def _guarded(self, name: str, call: Callable[..., None], *arguments: Any) -> None:
        # Standard output may be the one JSON object that `--json` promises.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                call(*arguments)
            except (Exception, SystemExit) as error:
                failed = self._trackers.pop(name, None)
                if failed is not None:
                    with contextlib.suppress(Exception, SystemExit):  # its first failure is the one to report
                        failed.close()
                reason = str(error) if isinstance(error, ArenaError) else describe_error(error)
                self._noticed(f"tracker {name} failed, and the run continues without it: {reason}")


def grouped(values: Mapping[str, float]) -> dict[str, float]:
    """Rename metrics to names with sections, such as ``agent/td_error``; the step, which is their axis, is left out.

    Example:
        >>> grouped({"step": 50.0, "evaluation": -13.0, "td_error": 0.5})
        {'evaluation/return': -13.0, 'agent/td_error': 0.5}
    """
    return {SECTIONS.get(name, f"agent/{name}"): value for name, value in values.items() if name != "step"}


def hyperparameters(spec: TrainingSpec) -> dict[str, bool | int | float | str]:
    """Settings as a flat dictionary, under the names of the command line's flags; without the seed.

    Values of types that trackers do not have become text: None as on the command line, lists as JSON.
    """
    chosen = {
        "agent": spec.name,
        "env": spec.source,
        **({"envs": spec.num_envs} if isinstance(spec, Experiment) else {}),
        **({"wrap": list(spec.wrappers)} if spec.wrappers else {}),
        **{f"agent.{name}": value for name, value in spec.options.items()},
        **{f"env.{name}": value for name, value in spec.env_options.items()},
    }
    return {name: _plain(value) for name, value in chosen.items()}


def _plain(value: Any) -> bool | int | float | str:
    if isinstance(value, bool | int | float | str):
        return value
    return "None" if value is None else json.dumps(value)
