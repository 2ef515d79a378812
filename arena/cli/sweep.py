"""Verb ``sweep``: trains every combination in a file, and prints one table."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.option_parsing import Section, parse_with_options
from arena.cli.output import clean, console, only_json, print_json, print_table
from arena.cli.parser import Parser
from arena.cli.run_arguments import add_count, add_output, add_track, add_workers, named_trackers
from arena.cli.sections import launcher_section

if TYPE_CHECKING:
    from rich.console import Console

    from arena.sweeps.grid import Sweep
    from arena.sweeps.sweep import SweepResults

__all__ = ["configure", "parse", "run"]

#: Columns that a narrow terminal leaves out, the first of them first.
SPARE = ("IQM", "optimum", "95 % CI")

#: Number of spaces between two columns.
GAP = 2

EPILOG = """\
The file holds settings that all experiments share, and grids. Every combination of a grid's lists is an
experiment.

  steps = 20_000
  seeds = 5

  [[grid]]
  agent = ["q-learning", "sarsa"]
  env = ["arena/CliffWalk-v0", "FrozenLake-v1"]
  "agent.learning_rate" = [0.1, 0.5]

Finished runs are not trained again: after Ctrl-C, run the same command to continue. Several processes
that run the command at the same time share the work.

`arena sweep FILE --launcher NAME --help` also shows the launcher's options.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena sweep``."""
    parser.usage = "arena sweep FILE [--launcher NAME] [--launcher.OPTION VALUE …] [options]"
    parser.description = "Trains every combination of the agents, environments, options and seeds in a file."
    parser.epilog = EPILOG
    add = parser.add_argument
    add("file", metavar="FILE", type=Path, help="TOML file of the sweep; see below, and docs/sweeps.md")
    add(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder that holds the run folders (default: the file's, or runs)",
    )
    add_count(parser, "--steps", "N", "number of steps of each run (default: the file's)")
    add_workers(parser, default=None, shown="the number of cores")
    where = "launcher that trains the runs (default: the file's, or local); see `arena list launchers`"
    add("--launcher", metavar="NAME", help=where)
    add_track(parser, "the file's, or tensorboard")
    add("--address", metavar="A", help="short form of --launcher.address, for launchers with that option")
    add(
        "--dry-run",
        action="store_true",
        help="print the experiments and how many runs are finished; train nothing",
    )
    add_output(parser)


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with options of the launcher."""
    words = [f"--launcher.{w[2:]}" if w.partition("=")[0] == "--address" else w for w in words]
    return parse_with_options(
        parser,
        words,
        lambda args: [_section(args)],
        leading=1,
        prefixes=["launcher"],
        named=lambda args: args.launcher,
    )


def run(args: argparse.Namespace) -> int:
    """Trains the missing runs and prints all results; the exit status is 1 if a run failed."""
    with only_json(args.json):
        from arena.sweeps.grid import read_sweep

        settings: dict[str, Any] = {} if args.steps is None else {"steps": args.steps}
        settings |= named_trackers(args)
        sweep = read_sweep(args.file, **settings).launched_by(args.launcher, args.given.get("launcher", {}))
        if args.out is not None:
            sweep = dataclasses.replace(sweep, out=args.out)
        results = None if args.dry_run else _trained(args, sweep)
        finished = _finished(sweep) if results is None else []
    if results is None:
        if args.json:
            print_json(_plan(sweep, finished))
        else:
            _show_plan(sweep, finished)
        return 0
    if args.json:
        print_json(results.to_dict())
    else:
        _show(sweep, results)
    return 1 if results.failures else 0


def _section(args: argparse.Namespace) -> Section:
    """Options of the launcher, with the file's values unless another launcher is chosen."""
    from arena.sweeps.grid import launcher_of, read_document

    name, given = launcher_of(read_document(args.file)) if args.file else ("", {})
    return launcher_section(*((name, given) if args.launcher in (None, name) else (args.launcher, {})))


def _trained(args: argparse.Namespace, sweep: Sweep) -> SweepResults:
    from arena.sweeps.sweep import run_sweep

    return run_sweep(sweep, workers=args.workers or _cores(), progress=not args.quiet)


def _cores() -> int:
    """Number of cores that this process may use; on a shared machine perhaps not all."""
    usable = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(usable(0)) if usable else os.cpu_count() or 1


def _finished(sweep: Sweep) -> list[int]:
    from arena.launch.base import make_launcher
    from arena.sweeps.sweep import count_finished

    make_launcher(sweep.launcher, sweep.launcher_options, 1)  # raises an error if its options are wrong
    return count_finished(sweep)


def _plan(sweep: Sweep, finished: Sequence[int]) -> dict[str, Any]:
    from arena.sweeps.sweep import finished_fits

    fits = zip(sweep.fits, finished_fits(sweep), strict=True)
    pairs = zip(sweep.experiments, finished, strict=True)
    return {
        "fits": [{"fit": fit.to_dict(), "finished": run is not None} for fit, run in fits],
        "experiments": [{"experiment": one.to_dict(), "finished": count} for one, count in pairs],
        "runs": len(sweep),
        "finished": sum(finished),
        "skipped": sweep.skipped,
    }


def _show_plan(sweep: Sweep, finished: Sequence[int]) -> None:
    from arena.experiments.labels import labels

    _show_fits(sweep)
    rows = [
        [label.agent, label.env, f"{one.steps:,}", f"{len(one.seeds)}", f"{count}"]
        for one, label, count in zip(sweep.experiments, labels(sweep.experiments), finished, strict=True)
    ]
    columns = ["agent", "env", "steps", "seeds", "finished"]
    print_table(columns, rows, right=columns[2:])
    screen = console()
    screen.print()
    screen.print(
        f"{_counted(sweep)}, {sum(finished):,} finished; nothing is trained in a dry run", style="bold"
    )
    _show_skipped(sweep)


def _show_fits(sweep: Sweep) -> None:
    """Prints the fits that come before the experiments, and which of them are finished."""
    from arena.experiments.labels import labels
    from arena.sweeps.sweep import finished_fits

    if not sweep.fits:
        return
    rows = [
        [label.agent, label.env, f"{fit.data.options['n']:,}", f"{fit.steps:,}", "yes" if run else "no"]
        for fit, label, run in zip(sweep.fits, labels(sweep.fits), finished_fits(sweep), strict=True)
    ]
    print_table(["encoder", "fitted to", "frames", "updates", "finished"], rows, right=["frames", "updates"])
    console().print()


def _show(sweep: Sweep, results: SweepResults) -> None:
    from arena.sweeps.sweep import COLUMNS

    screen = console()
    screen.print()
    screen.print(_counted(sweep), style="bold")
    rows = [dict(zip(COLUMNS, map(clean, cells), strict=True)) for cells in results.cells()]
    hidden = _hidden(rows, screen.width)
    _print_results(screen, [name for name in COLUMNS if name not in hidden], rows)
    if hidden:
        names = " and ".join(part for part in (", ".join(hidden[:-1]), hidden[-1]) if part)
        screen.print(f"columns hidden on this narrow terminal: {names}", style="dim")
    screen.print()
    for text in dict.fromkeys(f"failed: {one.run.folder}: {one.error}" for one in results.failures):
        screen.print(clean(text), style="red", soft_wrap=True)
    if results.failures:
        screen.print("run the same command again to repeat the failed runs", style="dim")
    _show_skipped(sweep)
    screen.print(clean(f"next: arena report {sweep.out}"), style="dim", soft_wrap=True)


def _hidden(rows: Sequence[Mapping[str, str]], width: int) -> tuple[str, ...]:
    """Columns to leave out so that the others fit; all of `SPARE` if the terminal is still too narrow."""
    from rich.cells import cell_len

    from arena.sweeps.sweep import COLUMNS

    widths = {name: max(map(cell_len, (name, *(row[name] for row in rows)))) + GAP for name in COLUMNS}
    for count in range(len(SPARE)):
        if sum(widths.values()) - sum(widths[name] for name in SPARE[:count]) - GAP <= width:
            return SPARE[:count]
    return SPARE


def _print_results(screen: Console, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """Prints one row for each experiment; on a narrow terminal names are folded between words, but no numbers."""
    from rich.table import Table

    from arena.sweeps.sweep import NUMBERS

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for name in columns:
        style = {"agent": "bold", "return": "bold green"}.get(name)
        table.add_column(
            name, justify="right" if name in NUMBERS else "left", style=style, no_wrap=name in NUMBERS
        )
    for row in rows:
        table.add_row(*(row[name] for name in columns))
    screen.print(table)


def _counted(sweep: Sweep) -> str:
    experiments, runs = len(sweep.experiments), len(sweep)
    fits = f"{len(sweep.fits):,} fit{'s' * (len(sweep.fits) != 1)} · " if sweep.fits else ""
    return f"{fits}{experiments:,} experiment{'s' * (experiments != 1)} · {runs:,} run{'s' * (runs != 1)}"


def _show_skipped(sweep: Sweep) -> None:
    if sweep.skipped:
        several = f"{sweep.skipped:,} combination{'s' * (sweep.skipped != 1)}"
        console().print(f"{several} left out: the agent does not fit the environment", style="yellow")
