"""Execution of sweeps: trains the missing runs, and collects the results of every experiment in one table."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, Interrupted
from arena.experiments.experiment import Experiment
from arena.experiments.labels import labels
from arena.experiments.training_spec import TrainingSpec
from arena.launch.base import Launcher, Outcome, make_launcher
from arena.launch.signals import StopListener, stop_on_signal
from arena.plugins.trust import noting_together, trusting
from arena.results.results import Results
from arena.results.text import aligned, format_interval, format_number
from arena.runs.listener import Listener
from arena.runs.run import Run, common_steps, trained_longer
from arena.sweeps.grid import Sweep, read_sweep

__all__ = ["Failure", "SweepResults", "SweepRow", "count_finished", "finished_fits", "run_sweep", "sweep"]

#: Number of run folders created in parallel, since most of the time is spent waiting for the disk.
THREADS = 16

#: Columns of the table of a sweep, and those of them that are numbers.
COLUMNS = ("agent", "env", "seeds", "return", "95 % CI", "IQM", "optimum", "gap")
NUMBERS = COLUMNS[2:]

SUMMARY = ("mean", "iqm", "ci95", "optimum", "policy_value", "gap")


@dataclass(frozen=True)
class Failure:
    """Run without a result, and its error; if a fit failed and the run could not start, the folder is the fit's."""

    run: Run
    error: ArenaError

    def to_dict(self) -> dict[str, Any]:
        """Convert to the object that ``arena sweep --json`` prints."""
        experiment = self.run.spec
        return {
            "path": str(self.run.folder),
            "agent": experiment.name,
            "env": experiment.source,
            "seed": self.run.seed,
            "error": str(self.error),
        }


@dataclass(frozen=True)
class SweepRow:
    """Results of one experiment of a sweep.

    Attributes:
        results: results of the finished runs; if there are none, every entry of the summary is None.
        failures: the runs that failed.
    """

    results: Results
    failures: list[Failure]


@dataclass(frozen=True)
class SweepResults:
    """Results of a sweep.

    Attributes:
        rows: one row for each experiment, in the order of the file.
        skipped: number of combinations left out because the agent does not fit the environment.
    """

    rows: list[SweepRow]
    skipped: int = 0

    @property
    def experiments(self) -> list[Results]:
        """Results of each experiment."""
        return [row.results for row in self.rows]

    @property
    def failures(self) -> list[Failure]:
        """All failed runs."""
        return [failure for row in self.rows for failure in row.failures]

    @property
    def finished(self) -> int:
        """Number of runs with results."""
        return sum(len(row.results.runs) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Convert to the object that ``arena sweep --json`` prints."""
        failed = [failure.to_dict() for failure in self.failures]
        experiments = [
            {**row.results.to_dict(), "failed": [failure.to_dict() for failure in row.failures]}
            for row in self.rows
        ]
        return {
            "experiments": experiments,
            "runs": self.finished + len(failed),
            "finished": self.finished,
            "failed": failed,
            "skipped": self.skipped,
        }

    def cells(self) -> list[list[str]]:
        """Texts of the table's cells: one row per experiment, with the columns `COLUMNS`."""
        named = labels([row.results.spec for row in self.rows])
        return [[label.agent, label.env, *_numbers(row)] for label, row in zip(named, self.rows, strict=True)]

    def __repr__(self) -> str:
        lines = aligned([COLUMNS, *self.cells()], range(len(COLUMNS) - len(NUMBERS), len(COLUMNS)))
        failed = [f"failed: {failure.run.folder}: {failure.error}" for failure in self.failures]
        return "\n".join([*lines, *failed])


def sweep(
    source: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    workers: int = 1,
    launcher: str | None = None,
    launcher_options: Mapping[str, Any] | None = None,
    listener: Listener | None = None,
    progress: bool = True,
    trust: bool = False,
    **settings: Any,
) -> SweepResults:
    """Run a sweep: train every run that has no result yet; several processes may share one sweep.

    Args:
        source: a sweep's file, or its content as a mapping.
        out: the folder of runs; by default the file's, or else ``runs``.
        workers: number of worker processes, or of the launcher's equivalent.
        launcher: name of the launcher, see `arena list launchers`; by default the file's, or else ``local``.
        launcher_options: options of the launcher, which override the file's.
        listener: listener to the events of the runs; by default a progress bar.
        progress: whether to draw the progress bar.
        trust: whether to import the code that runs named in the sweep name; see `arena.load`.
        settings: arguments of `Experiment.create` for every experiment, which override the file, such as
            ``steps=1000``.

    Raises:
        ArenaError: the file is invalid. Failed runs do not raise; they are in the results' `failures`.

    Example:
        >>> grid = {"agent": ["q-learning", "sarsa"], "env": "arena/CliffWalk-v0", "agent.epsilon": [0.1, 0.2]}
        >>> arena.sweep({"seeds": 3, "grid": [grid]})  # doctest: +SKIP
    """
    with trusting(trust):
        found = read_sweep(source, **settings).launched_by(launcher, launcher_options)
        if out is not None:
            found = dataclasses.replace(found, out=Path(out))
        return run_sweep(found, workers=workers, listener=listener, progress=progress)


def run_sweep(
    found: Sweep, *, workers: int = 1, listener: Listener | None = None, progress: bool = True
) -> SweepResults:
    """Run a sweep that has been read; see `sweep`."""
    launcher = make_launcher(
        found.launcher, found.launcher_options, workers
    )  # its errors come before any folder
    how = _Execution(launcher, listener, progress)
    ready = _after_fits(found, how)
    rows = iter(_trained([one for one in ready if isinstance(one, Experiment)], found.out, how))
    return SweepResults([one if isinstance(one, SweepRow) else next(rows) for one in ready], found.skipped)


@dataclass(frozen=True)
class _Execution:
    """Launcher and listener of a sweep."""

    launcher: Launcher
    listener: Listener | None
    progress: bool


def _trained(
    experiments: Sequence[TrainingSpec], out: Path, how: _Execution, kind: str = "runs"
) -> list[SweepRow]:
    """Train the missing runs of some experiments, and return the results of each."""
    runs = _prepared(experiments, out)
    outcomes = {run.folder: _outcome(run) for group in runs for run in group}
    missing = {run.folder: run for group in runs for run in group if outcomes[run.folder] is None}
    with contextlib.ExitStack() as stack:
        listener = how.listener
        if listener is None:
            from arena.results.progress_bar import progress_bar

            already = len(outcomes) - len(missing)
            bar = progress_bar([*missing.values()], already=already, drawn=how.progress)
            listener = stack.enter_context(bar)
        _report_longer(experiments, runs, listener)
        if missing:
            # A random order: two processes that share a sweep rarely choose the same run, and the finished runs are
            # a fair sample for estimating the time left.
            order = random.Random().sample([*missing.values()], len(missing))
            stop = stack.enter_context(stop_on_signal())
            try:
                launched = how.launcher.launch(order, StopListener(listener, stop, order[0]))
            except Interrupted as error:
                done = sum(isinstance(_outcome(run), dict) for group in runs for run in group)
                problem = f"interrupted: {done:,} of {len(outcomes):,} {kind} are finished"
                raise Interrupted(problem, "run the same command again to continue") from error
            outcomes.update(zip([run.folder for run in order], launched, strict=True))
    return [_row(experiment, group, outcomes) for experiment, group in zip(experiments, runs, strict=True)]


def _after_fits(found: Sweep, how: _Execution) -> list[Experiment | SweepRow]:
    """Fit the encoders that experiments name; return the experiments with them, or a failed row where a fit failed."""
    if not found.fits:
        return [*found.experiments]
    from arena.sweeps.fits import (
        FITS,
        find_finished_fit,
        key_of,
        pending_fit_key,
        with_fitted_encoder,
        with_frames,
    )

    folder = found.out / FITS
    plans, failures, done = {}, {}, {}
    for plan in found.fits:
        run = find_finished_fit(plan, folder)
        if run is not None and run.spec.steps == plan.steps:
            done[key_of(plan)] = run  # its frames may have been deleted
            continue
        try:
            plans[key_of(plan)] = with_frames(plan, folder)
        except ArenaError as error:
            failures[key_of(plan)] = Failure(Run(folder, plan), error)
    rows = dict(zip(plans, _trained([*plans.values()], folder, how, "fits"), strict=True))
    failures.update({key: failure for key, row in rows.items() for failure in row.failures})
    fitted = {
        key: Run.open(Path(run["path"])) for key, row in rows.items() for run in row.results.runs
    } | done
    return [
        _failed_row(experiment, failures[key])
        if (key := pending_fit_key(experiment)) in failures
        else with_fitted_encoder(experiment, fitted)
        for experiment in found.experiments
    ]


def _failed_row(experiment: Experiment, fit: Failure) -> SweepRow:
    """Row of an experiment whose encoder could not be fitted."""
    problem = f"its encoder was not fitted: {fit.run.spec.name} on {fit.run.spec.source}: {fit.error.problem}"
    error = ArenaError(problem, fit.error.remedy)
    runs = [Run(fit.run.folder, experiment.replaced(seeds=(seed,))) for seed in experiment.seeds]
    return SweepRow(Results(experiment, [], dict.fromkeys(SUMMARY)), [Failure(run, error) for run in runs])


def finished_fits(found: Sweep) -> list[Run | None]:
    """Return the finished run of each fit, or None; creates no folders, and collects no frames."""
    if not found.fits:
        return []
    from arena.sweeps.fits import FITS, find_finished_fit

    return [find_finished_fit(fit, found.out / FITS) for fit in found.fits]


def count_finished(found: Sweep) -> list[int]:
    """Count the finished runs of each experiment; creates no folders."""
    folders = {folder.name.rpartition("_")[2]: folder for folder in found.out.glob("*_seed*_*")}
    return [
        sum(
            isinstance(_outcome(Run(folder, dataclasses.replace(experiment, seeds=(seed,)))), dict)
            for seed in experiment.seeds
            if (folder := folders.get(experiment.id(seed))) is not None
        )
        for experiment in _as_fitted(found)
    ]


def _as_fitted(found: Sweep) -> Iterator[Experiment]:
    """The experiments, with their fitted encoders where available, since run ids depend on the fit."""
    runs = finished_fits(found)
    if not any(runs):
        yield from found.experiments
        return
    from arena.sweeps.fits import key_of, with_fitted_encoder

    fitted = {key_of(fit): run for fit, run in zip(found.fits, runs, strict=True) if run is not None}
    yield from (with_fitted_encoder(experiment, fitted) for experiment in found.experiments)


def _prepared(experiments: Sequence[TrainingSpec], out: Path) -> list[list[Run]]:
    """Create the runs of each experiment, with their folders."""
    for experiment in experiments:
        _ = experiment.plugin  # cached here, or each thread would look it up
    with noting_together(), ThreadPoolExecutor(THREADS) as pool:
        return [
            [future.result() for future in futures]
            for futures in [
                [pool.submit(Run.prepare, experiment, seed, out) for seed in experiment.seeds]
                for experiment in experiments
            ]
        ]


def _outcome(run: Run) -> Outcome | None:
    """Result of a run, the error of reading it, or None if there is none yet."""
    try:
        return run.result()
    except ArenaError as error:
        return error


def _report_longer(
    experiments: Sequence[TrainingSpec], runs: Sequence[Sequence[Run]], listener: Listener
) -> None:
    """Report experiments whose runs were trained for more steps than requested.

    Raises:
        ArenaError: only some runs of an experiment were trained for more steps.
    """
    longer = []
    for experiment, label, group in zip(experiments, labels(experiments), runs, strict=True):
        if common_steps(group, str(label)) > experiment.steps:
            longer.append(group[0])
    if longer:
        rest = f" (the same applies to {len(longer) - 1:,} other experiments)" if len(longer) > 1 else ""
        listener.noticed(longer[0], trained_longer(longer[0].spec.steps) + rest)


def _row(experiment: TrainingSpec, runs: Sequence[Run], outcomes: Mapping[Path, Outcome | None]) -> SweepRow:
    finished: list[tuple[Run, dict[str, Any]]] = []
    failures = []
    for run in runs:
        outcome = outcomes[run.folder]
        assert outcome is not None, "a launcher gives an outcome for every run"
        if isinstance(outcome, ArenaError):
            failures.append(Failure(run, outcome))
        else:
            finished.append((run, outcome))
    done = dataclasses.replace(experiment, steps=runs[0].spec.steps)
    if not finished:
        return SweepRow(Results(done, [], dict.fromkeys(SUMMARY)), failures)
    return SweepRow(Results.from_runs(done, *map(list, zip(*finished, strict=True))), failures)


def _numbers(row: SweepRow) -> list[str]:
    summary, failed = row.results.summary, len(row.failures)
    seeds = f"{len(row.results.runs)}" + (f", {failed} failed" if failed else "")
    last = [format_number(summary[name]) for name in ("iqm", "optimum", "gap")]
    return [seeds, format_number(summary["mean"]), format_interval(summary["ci95"]), *last]
