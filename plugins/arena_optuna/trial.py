"""One trial: its seeds are trained in parallel from one evaluation to the next, to the end or until it is pruned."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Sequence

from optuna.trial import Trial, TrialState

from arena.errors import ArenaError, BusyError, Interrupted
from arena.runs.listener import Listener
from arena.runs.records import read_metrics
from arena.runs.run import Run
from arena.storage.text_files import parse_json
from arena.streams.base import Progress
from arena.training.runner import execute
from arena_optuna.definition import Objective
from arena_optuna.sampler import pruning_steps
from arena_optuna.study import StudyFolder

__all__ = ["evaluations", "score", "train_trial"]

#: Seconds between checks of a run that another process trains: two trials may have the same parameters.
WAIT = 0.2

#: Score of a run from its mean returns at each evaluation, by objective.
SCORES: dict[Objective, Callable[[Sequence[float]], float]] = {
    "final": lambda means: means[-1],
    "best": max,
    "area": statistics.fmean,
}


def train_trial(folder: StudyFolder, trial: Trial, listener: Listener) -> tuple[TrialState, float]:
    """Trains the runs of a trial until they are done or the trial is pruned.

    Runs that an earlier session or an equal trial has trained far enough cost nothing.

    Returns:
        The trial's state and its value; for a pruned trial, the value so far.

    Raises:
        Interrupted: the listener requested a stop; every run has a checkpoint.
        ArenaError: the parameters are incompatible, or a run diverged or failed.
    """
    definition = folder.definition
    experiment = definition.experiment(definition.values(trial.params))
    if "trackers" not in definition.arguments:  # hundreds of short sessions would flood a tracker
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
        # Reports of an earlier process have been judged, except perhaps the last one.
        if decided <= rung < steps and trial.should_prune():
            return TrialState.PRUNED, score(runs, rung, definition.settings.objective)
    return TrialState.COMPLETE, score(runs, steps, definition.settings.objective)


def score(runs: Sequence[Run], step: int, objective: Objective) -> float:
    """The mean of the runs' scores up to a step.

    Raises:
        ArenaError: a return is not finite.
    """
    scores = []
    for run in runs:
        means = [mean for _, mean in _until(run, step)]
        if not means or not all(map(math.isfinite, means)):
            raise ArenaError(
                f"{run.folder} has a return that is not finite",
                "check its metrics.jsonl, and exclude options that diverge",
            )
        scores.append(SCORES[objective](means))
    return statistics.fmean(scores)


def evaluations(run: Run) -> list[tuple[int, float]]:
    """The step and the mean return of each evaluation so far; NaN for one that is not finite."""
    found = []
    with run.readable():
        for text in read_metrics(run.folder):
            values = parse_json(text)
            if "evaluation" in values:
                mean = values["evaluation"]
                found.append((int(values["step"]), math.nan if mean is None else float(mean)))
    return found


def _until(run: Run, step: int) -> list[tuple[int, float]]:
    """The evaluations up to the first one at or after a step: a run may have been trained further."""
    found = evaluations(run)
    past = next((i for i, (at, _) in enumerate(found) if at >= step), len(found))
    return found[: past + 1]


def _advance(run: Run, rung: int, listener: Listener) -> None:
    """Trains a run to its evaluation at a step; its bytes equal those of an uninterrupted run."""
    while True:
        if listener.stopping():
            raise Interrupted(
                f"stopped before {run.folder} continued", "run the same command again to continue"
            )
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
    """Listener that stops a run at a step, where it writes a checkpoint, or at another listener's request."""

    def __init__(self, rung: int, listener: Listener) -> None:
        self._rung, self._listener, self._step = rung, listener, 0

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._step = progress.steps
        self._listener.progressed(run, progress, evaluation)

    def noticed(self, run: Run, text: str) -> None:
        self._listener.noticed(run, text)

    def stopping(self) -> bool:
        return self._step >= self._rung or self._listener.stopping()
