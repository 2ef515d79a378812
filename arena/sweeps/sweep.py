"""Running a sweep: what is missing is trained, and every experiment's results stand side by side."""

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
from arena.launch.signals import Stoppable, stop_on_signal
from arena.results.results import Results
from arena.results.text import UNKNOWN, number
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.sweeps.grid import Sweep, read_sweep

__all__ = ["Failure", "SweepResults", "SweepRow", "count_finished", "finished_fits", "run_sweep", "sweep"]

#: Folders made at once: most of the time goes by waiting until the disk has them.
THREADS = 16

#: The columns of the table of a sweep; those of numbers.
COLUMNS = ("agent", "env", "seeds", "return", "95 % CI", "IQM", "optimum", "gap")
NUMBERS = COLUMNS[2:]

SUMMARY = ("mean", "iqm", "ci95", "optimum", "policy_value", "gap")


@dataclass(frozen=True)
class Failure:
    """A run that came to no result, and why; where it could not begin since a fit failed, in the folder of that."""

    run: Run
    error: ArenaError

    def to_dict(self) -> dict[str, Any]:
        """What ``arena sweep --json`` prints of it."""
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
    """What one experiment of a sweep came to.

    Attributes:
        results: over the runs that have finished, perhaps none: then the summary is all None.
        failures: the runs that failed.
    """

    results: Results
    failures: list[Failure]


@dataclass(frozen=True)
class SweepResults:
    """What a sweep came to.

    Attributes:
        rows: one for each experiment, in the order of the file.
        skipped: how many combinations were left out since the agent does not fit the environment.
    """

    rows: list[SweepRow]
    skipped: int = 0

    @property
    def experiments(self) -> list[Results]:
        """The results of each experiment."""
        return [row.results for row in self.rows]

    @property
    def failures(self) -> list[Failure]:
        """Every run that failed."""
        return [failure for row in self.rows for failure in row.failures]

    @property
    def finished(self) -> int:
        """How many runs have results."""
        return sum(len(row.results.runs) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The object that ``arena sweep --json`` prints."""
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
        """The texts of the table, an experiment a row, under `COLUMNS`."""
        named = labels([row.results.spec for row in self.rows])
        return [[label.agent, label.env, *_numbers(row)] for label, row in zip(named, self.rows, strict=True)]

    def __repr__(self) -> str:
        table = [list(COLUMNS), *self.cells()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        names = len(COLUMNS) - len(NUMBERS)
        lines = [
            "  ".join(
                cell.ljust(width) if i < names else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in table
        ]
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
    **settings: Any,
) -> SweepResults:
    """Runs every experiment of a sweep that has not been run; what other processes run of it, they share.

    Args:
        source: a sweep's file, or what it holds.
        out: the folder of runs; None takes the file's, or else ``runs``.
        workers: processes to use, or what the launcher has in their place.
        launcher: what trains the runs, as `arena list launchers` shows them; None takes the file's, or else ``local``.
        launcher_options: its options, on top of the file's.
        listener: follows the runs; by default a progress bar.
        progress: whether to draw the progress bar.
        settings: arguments of `Experiment.create` for every experiment, on top of the file, such as ``steps=1000``.

    Raises:
        ArenaError: whatever is wrong with the file. A run that fails is among the results' `failures`.

    Example:
        >>> grid = {"agent": ["q-learning", "sarsa"], "env": "arena/CliffWalk-v0", "agent.epsilon": [0.1, 0.2]}
        >>> arena.sweep({"seeds": 3, "grid": [grid]})  # doctest: +SKIP
    """
    found = read_sweep(source, **settings).launched_by(launcher, launcher_options)
    if out is not None:
        found = dataclasses.replace(found, out=Path(out))
    return run_sweep(found, workers=workers, listener=listener, progress=progress)


def run_sweep(
    found: Sweep, *, workers: int = 1, listener: Listener | None = None, progress: bool = True
) -> SweepResults:
    """Runs a sweep that has been read; see `sweep`."""
    launcher = make_launcher(
        found.launcher, found.launcher_options, workers
    )  # its errors come before any folder
    how = _How(launcher, listener, progress)
    ready = _after_fits(found, how)
    rows = iter(_trained([one for one in ready if isinstance(one, Experiment)], found.out, how))
    return SweepResults([one if isinstance(one, SweepRow) else next(rows) for one in ready], found.skipped)


@dataclass(frozen=True)
class _How:
    """What trains runs, and who follows them."""

    launcher: Launcher
    listener: Listener | None
    progress: bool


def _trained(experiments: Sequence[TrainingSpec], out: Path, how: _How, kind: str = "runs") -> list[SweepRow]:
    """Trains what is missing of some experiments; what each came to."""
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
        _tell_of_longer(experiments, runs, listener)
        if missing:
            # An order of this process's own: two that share a sweep rarely want the same run, and what is finished
            # is a fair sample of what is left, whose time is guessed from it.
            order = random.Random().sample([*missing.values()], len(missing))
            stop = stack.enter_context(stop_on_signal())
            try:
                launched = how.launcher.launch(order, Stoppable(listener, stop, order[0]))
            except Interrupted as error:
                done = sum(isinstance(_outcome(run), dict) for group in runs for run in group)
                problem = f"interrupted: {done:,} of {len(outcomes):,} {kind} are finished"
                raise Interrupted(problem, "the same command goes on") from error
            outcomes.update(zip([run.folder for run in order], launched, strict=True))
    return [_row(experiment, group, outcomes) for experiment, group in zip(experiments, runs, strict=True)]


def _after_fits(found: Sweep, how: _How) -> list[Experiment | SweepRow]:
    """Fits the encoders that experiments name; the experiments with them, or what is to be said where a fit failed."""
    if not found.fits:
        return [*found.experiments]
    from arena.sweeps.fits import FITS, awaited, beginning, collected, finished, key_of

    folder = found.out / FITS
    plans, failures, done = {}, {}, {}
    for plan in found.fits:
        run = finished(plan, folder)
        if run is not None and run.spec.steps == plan.steps:
            done[key_of(plan)] = run  # its frames may be gone
            continue
        try:
            plans[key_of(plan)] = collected(plan, folder)
        except ArenaError as error:
            failures[key_of(plan)] = Failure(Run(folder, plan), error)
    rows = dict(zip(plans, _trained([*plans.values()], folder, how, "fits"), strict=True))
    failures.update({key: failure for key, row in rows.items() for failure in row.failures})
    fitted = {
        key: Run.open(Path(run["path"])) for key, row in rows.items() for run in row.results.runs
    } | done
    return [
        _lost(experiment, failures[key])
        if (key := awaited(experiment)) in failures
        else beginning(experiment, fitted)
        for experiment in found.experiments
    ]


def _lost(experiment: Experiment, fit: Failure) -> SweepRow:
    """An experiment whose encoder could not be fitted."""
    problem = f"its encoder was not fitted: {fit.run.spec.name} on {fit.run.spec.source}: {fit.error.problem}"
    error = ArenaError(problem, fit.error.remedy)
    runs = [Run(fit.run.folder, experiment.replaced(seeds=(seed,))) for seed in experiment.seeds]
    return SweepRow(Results(experiment, [], dict.fromkeys(SUMMARY)), [Failure(run, error) for run in runs])


def finished_fits(found: Sweep) -> list[Run | None]:
    """The finished run of each fit, or None; makes no folders, and collects nothing."""
    if not found.fits:
        return []
    from arena.sweeps.fits import FITS, finished

    return [finished(fit, found.out / FITS) for fit in found.fits]


def count_finished(found: Sweep) -> list[int]:
    """How many runs of each experiment are finished already; makes no folders."""
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
    """The experiments, with their encoders as far as these are fitted: the id of another is no run's."""
    runs = finished_fits(found)
    if not any(runs):
        yield from found.experiments
        return
    from arena.sweeps.fits import beginning, key_of

    fitted = {key_of(fit): run for fit, run in zip(found.fits, runs, strict=True) if run is not None}
    yield from (beginning(experiment, fitted) for experiment in found.experiments)


def _prepared(experiments: Sequence[TrainingSpec], out: Path) -> list[list[Run]]:
    """The runs of each experiment, with their folders."""
    for experiment in experiments:
        _ = experiment.plugin  # looked up once, and not by each thread
    with ThreadPoolExecutor(THREADS) as pool:
        return [
            [future.result() for future in futures]
            for futures in [
                [pool.submit(Run.prepare, experiment, seed, out) for seed in experiment.seeds]
                for experiment in experiments
            ]
        ]


def _outcome(run: Run) -> Outcome | None:
    """A run's result, or what is wrong with it, or None while there is none."""
    try:
        return run.result()
    except ArenaError as error:
        return error


def _tell_of_longer(
    experiments: Sequence[TrainingSpec], runs: Sequence[Sequence[Run]], listener: Listener
) -> None:
    """An experiment's runs have one length; those that have gone further than asked are said to have.

    Raises:
        ArenaError: only some runs of an experiment have gone further.
    """
    longer = []
    for experiment, label, group in zip(experiments, labels(experiments), runs, strict=True):
        lengths = sorted({run.spec.steps for run in group})
        if len(lengths) > 1:
            raise ArenaError(
                f"{label}: some runs have gone to {lengths[-1]:,} steps before, the others are to go to {lengths[0]:,}",
                f"write steps = {lengths[-1]} for it, or choose another folder with --out",
            )
        if lengths[0] > experiment.steps:
            longer.append(group[0])
    if longer:
        rest = f", and so do those of {len(longer) - 1:,} other experiments" if len(longer) > 1 else ""
        steps = longer[0].spec.steps
        listener.noticed(longer[0], f"trained to {steps:,} steps before: the results are of those{rest}")


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
    interval = summary["ci95"]
    seeds = f"{len(row.results.runs)}" + (f", {failed} failed" if failed else "")
    between = UNKNOWN if interval is None else f"[{number(interval[0])}, {number(interval[1])}]"
    last = [number(summary[name]) for name in ("iqm", "optimum", "gap")]
    return [seeds, number(summary["mean"]), between, *last]
