"""Verb ``resume``: continues interrupted runs."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from arena.cli.output import clean, only_json, print_json
from arena.cli.run_arguments import add_count, add_output, add_workers
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.results.results import Results
    from arena.runs.run import Run

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena resume``."""
    parser.description = (
        "Continues runs from their last checkpoints; the results are those of uninterrupted runs."
    )
    parser.epilog = "Resuming a finished run costs nothing; with --steps it is trained further."
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", type=Path, help="run folders; see `arena list runs`")
    add_count(parser, "--steps", "N", "total number of steps to train each run to (default: the run's)")
    repair = "train a run from the beginning if one of its files is damaged, so that it is written again"
    add("--repair", action="store_true", help=repair)
    add_workers(parser)
    add_output(parser, "print one JSON object (a list, if the runs are of several experiments)")


def run(args: argparse.Namespace) -> int:
    """Resumes the runs, and prints the results of each experiment."""
    from arena.api import execute_runs

    with only_json(args.json):
        results: list[Results] = []
        paths = {path.resolve(): path for path in args.runs}.values()
        opened = [_open(path, args.steps) for path in paths]  # all, before the first one is changed
        for run in opened:
            _report_damage(run, repair=args.repair)
        for runs in _grouped(_extended(run, args.steps) for run in opened):
            if not args.quiet:
                for one in runs:
                    _print_step(one)
            seeds = tuple(one.seed for one in runs)
            experiment = dataclasses.replace(runs[0].spec, seeds=seeds)
            results.append(execute_runs(experiment, runs, workers=args.workers, progress=not args.quiet))
    if args.json:
        objects = [result.to_dict() for result in results]
        print_json(objects[0] if len(objects) == 1 else objects)
        return 0
    from arena.cli.results import show_results

    for result in results:
        show_results(result)
    return 0


def _open(folder: Path, steps: int | None) -> Run:
    """Opens a run without changing it, and raises an error if it cannot be trained to so many steps."""
    from arena.runs.run import Run

    run = Run.open(folder)
    if steps is None or steps == run.spec.steps:
        return run
    if steps < run.spec.steps:
        problem = f"--steps {steps} is fewer than the {run.spec.steps} steps of {folder}"
        raise ArenaError(problem, "give a larger number, or leave out --steps")
    with tempfile.TemporaryDirectory() as elsewhere:  # only to find out the name that the folder must have
        name = Run.prepare(run.spec, run.seed, Path(elsewhere)).folder.name
    real = folder.resolve()  # it may have been given as `.`, or as a link
    if real.name == name:
        return run if folder.name == name else dataclasses.replace(run, folder=real)
    if real.name.rpartition("_")[0] == name.rpartition("_")[0]:
        problem = f"{folder} was trained with another version of its agent or environment"
        raise ArenaError(f"{problem}, so it cannot be trained further", "train a new run")
    raise ArenaError(f"{folder} has been renamed, so it cannot be trained further", f"rename it to {name}")


def _report_damage(run: Run, *, repair: bool) -> None:
    """Prints what is damaged in a run; with `repair` the run begins again."""
    from arena.runs.integrity import begin_again, verify_run

    damaged = [part for part in verify_run(run.folder) if part.problem is not None]
    remedy = "it is written again" if repair else "--repair trains the run from the beginning"
    for part in damaged:
        if repair or part.name != "result.json":  # without which resuming ends in an error of its own
            print(clean(f"{run.folder / part.name} is damaged: {part.problem}; {remedy}"), file=sys.stderr)
    if damaged and repair:
        begin_again(run, [part.name for part in damaged])


def _extended(run: Run, steps: int | None) -> Run:
    """The run, with the given number of steps."""
    from arena.runs.run import Run

    if steps is None or steps == run.spec.steps:
        return run
    return Run.prepare(dataclasses.replace(run.spec, steps=steps), run.seed, run.folder.parent)


def _grouped(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs grouped by experiment: those that differ in the seed alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        one = dataclasses.replace(run.spec, seeds=(0,))
        groups.setdefault(str(one.to_dict()), []).append(run)
    return list(groups.values())


def _print_step(run: Run) -> None:
    """Prints the step that a run continues from."""
    if run.result() is not None:
        text = f"is finished at step {run.spec.steps:,}"
    else:
        loaded = run.checkpoints.load()
        step = 0 if loaded is None else loaded.info["step"]
        text = f"continues from step {step:,} of {run.spec.steps:,}" if step else "starts at step 0"
    print(clean(f"{run.folder} {text}"), file=sys.stderr)
