"""``arena resume RUN…``: go on with runs that were stopped."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from arena.cli.output import clean, only_json, print_json
from arena.cli.parser import whole
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.results.results import Results
    from arena.runs.run import Run

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena resume``."""
    parser.description = (
        "Goes on with runs from their last checkpoints, to the same bytes as if never stopped."
    )
    parser.epilog = "A finished run is free; --steps trains it on."
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", type=Path, help="a run folder; see `arena list runs`")
    add("--steps", metavar="N", type=whole("--steps"), help="train each run up to so many steps in all")
    add("--workers", metavar="W", type=whole("--workers"), default=1, help="processes to use (default: 1)")
    add(
        "--json",
        action="store_true",
        help="print one JSON object (a list, if the runs are of several experiments)",
    )
    add("--quiet", action="store_true", help="draw no progress bar")


def run(args: argparse.Namespace) -> int:
    """Resumes, and shows what came of each experiment."""
    from arena.api import execute_runs

    with only_json(args.json):
        results: list[Results] = []
        paths = {path.resolve(): path for path in args.runs}.values()
        opened = [_open(path, args.steps) for path in paths]  # all, before the first one is changed
        for runs in _grouped(_extended(run, args.steps) for run in opened):
            if not args.quiet:
                for one in runs:
                    _tell(one)
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
    """Opens a run, and refuses what it could not be trained on to; changes nothing."""
    from arena.runs.run import Run

    run = Run.open(folder)
    if steps is None or steps == run.spec.steps:
        return run
    if steps < run.spec.steps:
        problem = f"--steps {steps} is fewer than the {run.spec.steps} of {folder}"
        raise ArenaError(problem, "give more to train on, or leave it out")
    with tempfile.TemporaryDirectory() as elsewhere:  # only to learn what the folder has to be called
        name = Run.prepare(run.spec, run.seed, Path(elsewhere)).folder.name
    real = folder.resolve()  # it may have been given as `.`, or as a link
    if real.name == name:
        return run if folder.name == name else dataclasses.replace(run, folder=real)
    if real.name.rpartition("_")[0] == name.rpartition("_")[0]:
        problem = f"{folder} was trained with another version of its agent or environment"
        raise ArenaError(f"{problem}, so it cannot be trained on", "train anew")
    raise ArenaError(f"{folder} has been renamed, so it cannot be trained on", f"call it {name}")


def _extended(run: Run, steps: int | None) -> Run:
    """The same run, with more steps where they are asked for."""
    from arena.runs.run import Run

    if steps is None or steps == run.spec.steps:
        return run
    return Run.prepare(dataclasses.replace(run.spec, steps=steps), run.seed, run.folder.parent)


def _grouped(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs of each experiment together: they differ in the seed alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        one = dataclasses.replace(run.spec, seeds=(0,))
        groups.setdefault(str(one.to_dict()), []).append(run)
    return list(groups.values())


def _tell(run: Run) -> None:
    """Says where a run goes on."""
    if run.result() is not None:
        text = f"is finished at step {run.spec.steps:,}"
    else:
        loaded = run.checkpoints.load()
        step = 0 if loaded is None else loaded.info["step"]
        text = f"goes on from step {step:,} of {run.spec.steps:,}" if step else "begins at step 0"
    print(clean(f"{run.folder} {text}"), file=sys.stderr)
