"""One trial: its seeds are trained side by side, from one evaluation to the next, until the end or the pruner's."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence

from optuna.trial import Trial, TrialState

from arena.errors import ArenaError, BusyError, Interrupted
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.training.runner import execute
from arena_optuna.definition import Objective
from arena_optuna.sampler import pruning_steps
from arena_optuna.study import StudyFolder

__all__ = ["evaluations", "score", "train_trial"]

#: Seconds between looks at a run that another process trains: two trials may have the same parameters.
WAIT = 0.2

#: What makes a score of the means of a run's evaluations.
SCORES: dict[Objective, Callable[[Sequence[float]], float]] = {
    "final": lambda means: means[-1],
    "best": max,
    "area": statistics.fmean,
}


def train_trial(folder: StudyFolder, trial: Trial, listener: Listener) -> tuple[TrialState, float]:
    """Trains the runs of a trial until they are done or it is pruned.

    Runs that have gone far enough already, in an earlier session or an equal trial, cost nothing.

    Returns:
        The trial's state and its value; a pruned one's is as far as it came.

    Raises:
        Interrupted: the listener asked to stop; every run has a checkpoint.
        ArenaError: the parameters do not go together, or a run diverged or failed.
    """
    definition = folder.definition
    experiment = definition.experiment(definition.values(trial.params))
    if "trackers" not in definition.arguments:  # hundreds of short sessions are nothing to look at one by one
        experiment = dataclasses.replace(experiment, trackers=())
    runs = [Run.prepare(experiment, seed, folder.out) for seed in experiment.seeds]
    trial.set_user_attr("runs", [run.folder.name for run in runs])
    trials = folder.trials
    reported = {*trials[trial.number].intermediate_values}
    decided = max(reported, default=0)
    complete = sum(other.state == TrialState.COMPLETE for other in trials)
    steps, every = definition.steps, definition.evaluate_every
    for rung in [*pruning_steps(definition, complete), steps]:
        for run in runs:
            _advance(run, rung, listener)
        for step in [*range(every, rung, every), rung]:
            if step not in reported:
                trial.report(score(runs, step, definition.settings.objective), step)
                reported.add(step)
        # What was reported before this process began has been judged, but perhaps for the last of it.
        if decided <= rung < steps and trial.should_prune():
            return TrialState.PRUNED, score(runs, rung, definition.settings.objective)
    return TrialState.COMPLETE, score(runs, steps, definition.settings.objective)


def score(runs: Sequence[Run], step: int, objective: Objective) -> float:
    """The mean over runs of what they came to by a step.

    Raises:
        ArenaError: a return that is not finite.
    """
    scores = []
    for run in runs:
        means = [mean for _, mean in _until(run, step)]
        if not means or not all(map(math.isfinite, means)):
            raise ArenaError(f"{run.folder} has a return that is not finite", "look at its metrics.jsonl")
        scores.append(SCORES[objective](means))
    return statistics.fmean(scores)


def evaluations(run: Run) -> list[tuple[int, float]]:
    """The step and the mean return of each evaluation so far; NaN for one that is not finite."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for text in run.metrics.read_bytes().splitlines():
            with contextlib.suppress(ValueError):  # a line that a crash tore
                values = json.loads(text)
                if "evaluation" in values:
                    mean = values["evaluation"]
                    found.append((int(values["step"]), math.nan if mean is None else float(mean)))
    return found


def _until(run: Run, step: int) -> list[tuple[int, float]]:
    """The evaluations up to the first at or past a step: a run may have been trained further than that."""
    found = evaluations(run)
    past = next((i for i, (at, _) in enumerate(found) if at >= step), len(found))
    return found[: past + 1]


def _advance(run: Run, rung: int, listener: Listener) -> None:
    """Trains a run to its evaluation at a step; the bytes are those of one that was trained at once."""
    while True:
        if listener.stopping():
            raise Interrupted(f"stopped before {run.folder} went on", "the same command goes on")
        if any(at >= rung for at, _ in evaluations(run)) or run.result() is not None:
            return
        try:
            execute(run, _ToRung(rung, listener))
        except BusyError:
            time.sleep(WAIT)
        except Interrupted:
            if listener.stopping():
                raise


class _ToRung(Listener):
    """Stops a run at a step, where it leaves a checkpoint, or when somebody else asks to."""

    def __init__(self, rung: int, listener: Listener) -> None:
        self._rung, self._listener, self._step = rung, listener, 0
        self.noticed = listener.noticed  # type: ignore[method-assign]

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._step = progress.steps
        self._listener.progressed(run, progress, evaluation)

    def stopping(self) -> bool:
        return self._step >= self._rung or self._listener.stopping()
