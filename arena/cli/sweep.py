"""``arena sweep FILE.toml``: train every combination, on all cores or elsewhere, and end with one table."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli import options
from arena.cli.output import clean, console, only_json, print_json, print_table
from arena.cli.parser import Parser, is_flag, whole

if TYPE_CHECKING:
    from rich.console import Console

    from arena.sweeps.grid import Sweep
    from arena.sweeps.sweep import SweepResults

__all__ = ["configure", "parse", "run"]

#: The columns that a terminal does without where they do not fit, the first of them first.
SPARE = ("IQM", "optimum", "95 % CI")

#: Columns between two columns.
GAP = 2

EPILOG = """\
The file says what the experiments share, and has grids: every combination of their lists is an experiment.

  steps = 20_000
  seeds = 5

  [[grid]]
  agent = ["q-learning", "sarsa"]
  env = ["arena/CliffWalk-v0", "FrozenLake-v1"]
  "agent.learning_rate" = [0.1, 0.5]

Finished runs are free, so that the same command goes on after Ctrl-C. Several may run at once: they share the work.
`arena sweep FILE --launcher NAME --help` also shows the options of that launcher.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena sweep``."""
    parser.usage = "arena sweep FILE [--launcher NAME] [--launcher.OPTION VALUE …] [options]"
    parser.description = "Trains every combination of agents, environments, settings and seeds in a file."
    parser.epilog = EPILOG
    add = parser.add_argument
    add("file", metavar="FILE", type=Path, help="a TOML file; see below, and docs/sweeps.md")
    add("--out", metavar="DIR", type=Path, help="folder of run folders (default: the file's, or else runs)")
    add("--steps", metavar="N", type=whole("--steps"), help="steps of each run, whatever the file says")
    add("--workers", metavar="W", type=whole("--workers"), help="processes to use (default: one a core)")
    where = "what trains the runs (default: the file's, or else local); see `arena list launchers`"
    add("--launcher", metavar="NAME", help=where)
    track = "where metrics are also written, whatever the file says (`none` for nowhere); see `arena list trackers`"
    add("--track", metavar="NAME", nargs="+", action="extend", help=track)
    add("--address", metavar="A", help="the same as --launcher.address, where the launcher has that option")
    add("--dry-run", action="store_true", help="show the experiments and what is finished; train nothing")
    add("--json", action="store_true", help="print one JSON object and nothing else")
    add("--quiet", action="store_true", help="draw no progress bar")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with the launcher's options in it; ``--help`` knows them."""
    greedy = len(words) > 0 and not is_flag(words[0])
    words = [f"--launcher.{w[2:]}" if w.partition("=")[0] == "--address" else w for w in words]
    rest, mine = options.split(words, greedy=greedy, prefixes=["launcher"])
    if {"-h", "--help"} & {*rest}:
        look = Parser(add_help=False, prog=parser.prog)
        look.add_argument("--launcher")
        try:
            chosen = look.parse_known_args(rest)[0].launcher
            if chosen is not None:
                options.add(parser, _section(chosen, {}))
        finally:  # an error comes below the help
            parser.print_help()
        sys.exit(0)
    args = parser.parse_args(rest)
    args.options = {}
    if mine:
        with only_json(args.json):  # what is imported here may print
            section = _section(*_launcher(args))
        options.add(parser, section)
        options.check(parser, mine, [section])
        args = parser.parse_intermixed_args([*rest, *mine])
        args.options = options.read(args, section)
    return args


def run(args: argparse.Namespace) -> int:
    """Trains what is missing, and shows all; status 1 if a run failed."""
    with only_json(args.json):
        from arena.sweeps.grid import read_sweep

        settings: dict[str, Any] = {} if args.steps is None else {"steps": args.steps}
        if args.track is not None:
            settings["trackers"] = [name for name in args.track if name != "none"]
        sweep = read_sweep(args.file, **settings).launched_by(args.launcher, args.options)
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


def _launcher(args: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The launcher's name, and what the file says of its options."""
    from arena.sweeps.grid import launcher_of, read_document

    name, given = launcher_of(read_document(args.file))
    return (name, given) if args.launcher in (None, name) else (args.launcher, {})


def _section(name: str, given: dict[str, Any]) -> options.Section:
    from arena.launch.base import launcher_class

    return options.Section("launcher", f"the launcher {name}", launcher_class(name).Config, given)


def _trained(args: argparse.Namespace, sweep: Sweep) -> SweepResults:
    from arena.sweeps.sweep import run_sweep

    return run_sweep(sweep, workers=args.workers or _cores(), progress=not args.quiet)


def _cores() -> int:
    """The cores that this process may use: of a machine that is shared, perhaps not all."""
    usable = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(usable(0)) if usable else os.cpu_count() or 1


def _finished(sweep: Sweep) -> list[int]:
    from arena.launch.base import make_launcher
    from arena.sweeps.sweep import count_finished

    make_launcher(sweep.launcher, sweep.launcher_options, 1)  # what is wrong with it is found now
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
    screen.print(f"{_counted(sweep)}, {sum(finished):,} finished; a dry run trains nothing", style="bold")
    _show_skipped(sweep)


def _show_fits(sweep: Sweep) -> None:
    """The encoders that come first, and which of them are there."""
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
        screen.print(f"a wider terminal also shows {names}", style="dim")
    screen.print()
    for text in dict.fromkeys(f"failed: {one.run.folder}: {one.error}" for one in results.failures):
        screen.print(clean(text), style="red", soft_wrap=True)
    if results.failures:
        screen.print("the same command tries them again", style="dim")
    _show_skipped(sweep)
    screen.print(clean(f"go on with: arena report {sweep.out}"), style="dim", soft_wrap=True)


def _hidden(rows: Sequence[Mapping[str, str]], width: int) -> tuple[str, ...]:
    """The columns to leave out so that the others stand side by side; all of `SPARE` where even that is too wide."""
    from rich.cells import cell_len

    from arena.sweeps.sweep import COLUMNS

    widths = {name: max(map(cell_len, (name, *(row[name] for row in rows)))) + GAP for name in COLUMNS}
    for count in range(len(SPARE)):
        if sum(widths.values()) - sum(widths[name] for name in SPARE[:count]) - GAP <= width:
            return SPARE[:count]
    return SPARE


def _print_results(screen: Console, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """One row an experiment; names are folded between words where the terminal is narrow, numbers never."""
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
        text = f"{several} left out: the agent does not fit the environment"
        console().print(text, style="yellow")
