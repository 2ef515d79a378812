"""Flags that several verbs share, and the arguments of an experiment that they become."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.output import print_json
from arena.cli.parser import seed, whole

if TYPE_CHECKING:
    from arena.experiments.training_spec import TrainingSpec
    from arena.results.results import Results

__all__ = [
    "add_count",
    "add_experiment",
    "add_output",
    "add_track",
    "add_workers",
    "named_trackers",
    "run_arguments",
    "show_or_print",
    "train_and_show",
]

#: Flags of the same name as their argument that both experiments and fits have.
COMMON = ("steps", "horizon", "evaluate_every", "log_every", "device", "threads")

JSON = "print one JSON object and nothing else"


def add_count(
    parser: argparse._ActionsContainer, flag: str, metavar: str, help: str, **settings: Any
) -> None:
    """Adds a flag whose value is a whole number from 1."""
    parser.add_argument(flag, metavar=metavar, type=whole(flag), help=help, **settings)


def add_workers(parser: argparse.ArgumentParser, default: int | None = 1, shown: str = "1") -> None:
    """Adds ``--workers``."""
    add_count(parser, "--workers", "W", f"number of processes (default: {shown})", default=default)


def add_output(parser: argparse.ArgumentParser, json: str = JSON) -> None:
    """Adds ``--json`` and ``--quiet``."""
    parser.add_argument("--json", action="store_true", help=json)
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def add_track(parser: argparse.ArgumentParser, default: str = "tensorboard") -> None:
    """Adds ``--track``."""
    help = (
        f"trackers that metrics also go to (default: {default}; none: no tracker); see `arena list trackers`"
    )
    parser.add_argument("--track", metavar="NAME", nargs="+", action="extend", help=help)


def add_experiment(parser: argparse.ArgumentParser, unit: str, held_out: str = "") -> None:
    """Adds the flags of an experiment's seeds, cadences, folder and machine.

    Args:
        parser: parser of the verb.
        unit: what a run counts, in the plural.
        held_out: what evaluations use, for the help.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--seed", metavar="S", type=seed, help="seed of a single run, from 0")
    add_count(group, "--seeds", "K", "number of runs, with the seeds 0 to K-1")
    add_workers(parser)
    every = f"number of {unit} between evaluations{held_out} (default: 1/20 of --steps)"
    add_count(parser, "--evaluate-every", "N", every)
    every = f"number of {unit} between lines of metrics (default: 1/10 of --evaluate-every)"
    add_count(parser, "--log-every", "N", every)
    add_track(parser)
    out = "folder that holds the run folders (default: runs)"
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("runs"), help=out)
    parser.add_argument("--device", metavar="D", help="device of the neural networks, such as cpu or cuda")
    add_count(parser, "--threads", "N", "number of cores that torch and BLAS use (default: 1)")
    add_output(parser)


def named_trackers(args: argparse.Namespace) -> dict[str, list[str]]:
    """The argument ``trackers`` if ``--track`` was given."""
    return {} if args.track is None else {"trackers": [name for name in args.track if name != "none"]}


def run_arguments(args: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of an experiment that were given as flags.

    Args:
        args: the parsed arguments.
        names: arguments by destination of their flag; those of `add_experiment` are added.
    """
    arguments = {
        name: getattr(args, flag) for flag, name in [*names.items(), *zip(COMMON, COMMON, strict=True)]
    }
    arguments["seeds"] = args.seeds if args.seed is None else [args.seed]
    return {name: value for name, value in arguments.items() if value is not None} | named_trackers(args)


def train_and_show(spec: TrainingSpec, args: argparse.Namespace) -> Results:
    """Trains an experiment or a fit as the flags of `add_experiment` say."""
    from arena.api import train_experiment

    return train_experiment(spec, out=args.out, workers=args.workers, progress=not args.quiet)


def show_or_print(args: argparse.Namespace, results: Results) -> int:
    """Prints results, as JSON or as a table, and returns the exit status."""
    if args.json:
        print_json(results.to_dict())
    else:
        from arena.cli.results import show_results

        show_results(results)
    return 0
