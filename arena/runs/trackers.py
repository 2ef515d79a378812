"""Trackers: other places that a run's metrics are written to, none of which can harm the run."""

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
from arena.plugins.specs import described
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress

__all__ = ["Tracker", "Tracking", "grouped", "hyperparameters"]

#: Where trackers that show metrics in sections show those that are not the agent's own.
SECTIONS = {
    "evaluation": "evaluation/return",
    "episode_return": "episode/return",
    "episode_length": "episode/length",
    "episodes": "training/episodes",
    "seconds": "training/seconds",
}


class Tracker(Protocol):
    """What a `TrackerSpec`'s target makes, called as ``target(run, step)`` whenever a run begins or goes on.

    ``step`` is where the run stands. A process that was killed may have written metrics of later steps: they
    will come again, so what the tracker already has of them is void.

    Whatever a tracker raises is reported once, and the run goes on without it. What it prints goes to standard
    error. One that hangs holds up the run: give whatever talks to a network a time limit.
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
        """The process lets go of the run, finished or not: writes what is left, in a moment.

        It is the last call, and comes at once after `log` or `finish` has raised.
        """


class Tracking(Listener):
    """The trackers of one run; one that raises is left out from then on.

    Args:
        run: the run, whose experiment names them.
        step: where it stands.
        noticed: told of each tracker that fails, in one line, once.
    """

    def __init__(self, run: Run, step: int, noticed: Callable[[str], None]) -> None:
        self._noticed = noticed
        self._trackers: dict[str, Tracker] = {}
        for name in run.spec.trackers:
            self._guarded(name, self._begin, name, run, step)

    def logged(self, run: Run, progress: Progress, values: Mapping[str, Any]) -> None:
        """Tells every tracker of a line of metrics; what is no finite number is left out."""
        if self._trackers:
            numbers = {
                name: float(value)
                for name, value in values.items()
                if isinstance(value, int | float) and math.isfinite(value)
            }
            for name, tracker in [*self._trackers.items()]:
                self._guarded(name, methodcaller("log", progress.steps, {**numbers}), tracker)

    def finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """Passes the result to every tracker."""
        for name, tracker in [*self._trackers.items()]:
            self._guarded(name, methodcaller("finish", copy.deepcopy(result)), tracker)

    def close(self) -> None:
        """Closes every tracker."""
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
                reason = str(error) if isinstance(error, ArenaError) else described(error)
                self._noticed(f"tracker {name} failed, and the run goes on without it: {reason}")


def grouped(values: Mapping[str, float]) -> dict[str, float]:
    """Metrics under the names that trackers with sections show them by; the step, which is their axis, left out.

    Example:
        >>> grouped({"step": 50.0, "evaluation": -13.0, "td_error": 0.5})
        {'evaluation/return': -13.0, 'agent/td_error': 0.5}
    """
    return {SECTIONS.get(name, f"agent/{name}"): value for name, value in values.items() if name != "step"}


def hyperparameters(spec: TrainingSpec) -> dict[str, bool | int | float | str]:
    """The settings of an experiment or a fit, flat, under the names of the command line's flags; not the seed.

    Values that trackers have no type for are texts: None as on the command line, lists as JSON.
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
