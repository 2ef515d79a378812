"""``arena fit ENCODER SOURCE``: fit an encoder to frames, and end with a table."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from arena.cli import options, two_phases
from arena.cli.output import only_json, print_json
from arena.cli.parser import Parser, whole
from arena.cli.running import add_place, add_seeds

if TYPE_CHECKING:
    from arena.experiments.fit import Fit

__all__ = ["configure", "parse", "run"]

PREFIXES = ("encoder", "env", "fit")

#: The flags that are arguments of `resolve_fit`, by destination.
SETTINGS = (
    *("steps", "frames", "policy", "labels", "size", "horizon"),
    *("evaluate_every", "log_every", "device", "threads"),
)

EPILOG = """\
SOURCE is an environment, whose frames are collected once and kept under frames/; the folder of a data set or of
pictures; an .npz file; or digits. Asking again for a finished fit is free; an interrupted one goes on.

`arena fit ENCODER SOURCE --help` also shows the options --encoder.…, --env.… and --fit.… of that pair.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena fit``."""
    parser.usage = "arena fit ENCODER SOURCE [--encoder.OPTION VALUE …] [--env.OPTION VALUE …] [options]"
    parser.description = "Fits an encoder to the frames of an environment, or to pictures."
    parser.epilog = EPILOG
    add = parser.add_argument
    add("encoder", metavar="ENCODER", help="see `arena list encoders`")
    add(
        "source",
        metavar="SOURCE",
        help="an environment, a data set, a folder of pictures, an .npz file, or digits",
    )
    add("--steps", metavar="N", type=whole("--steps"), help="updates of each run")
    add("--frames", metavar="N", type=whole("--frames"), help="how many frames to collect (default: 10,000)")
    add(
        "--policy",
        metavar="P",
        help="who acts meanwhile: random, or a run, RUN@best or RUN@STEP (default: random)",
    )
    add(
        "--labels",
        metavar="NAME",
        nargs="+",
        help="what the environment tells of frames, such as state or semantic",
    )
    add(
        "--size",
        metavar="N",
        type=whole("--size"),
        help="the side in pixels that pictures of a folder are brought to",
    )
    add("--horizon", metavar="H", type=whole("--horizon"), help="cut episodes off after so many frames")
    add_seeds(parser)
    every = "updates between evaluations on what is held out (default: a twentieth of all)"
    add("--evaluate-every", metavar="N", type=whole("--evaluate-every"), help=every)
    every = "updates between lines of metrics (default: a tenth of that)"
    add("--log-every", metavar="N", type=whole("--log-every"), help=every)
    add_place(parser)


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with the encoder's and the environment's options in it; ``--help`` knows them."""
    return two_phases.parse(parser, words, _sections, leading=2, prefixes=PREFIXES)


def run(args: argparse.Namespace) -> int:
    """Fits, and shows what came of it."""
    with only_json(args.json):
        from arena.api import train_experiment

        fit = _fit(args)
        results = train_experiment(fit, out=args.out, workers=args.workers, progress=not args.quiet)
    if args.json:
        print_json(results.to_dict())
    else:
        from arena.cli.results import show_results

        show_results(results)
    return 0


def _fit(args: argparse.Namespace) -> Fit:
    from arena.frames.fits import resolve_fit

    arguments: dict[str, Any] = {
        name: value for name in SETTINGS if (value := getattr(args, name)) is not None
    }
    if args.track is not None:
        arguments["trackers"] = [name for name in args.track if name != "none"]
    if args.seed is not None:
        arguments["seeds"] = [args.seed]
    elif args.seeds is not None:
        arguments["seeds"] = args.seeds
    given = args.given
    return resolve_fit(
        args.encoder,
        args.source,
        encoder_options=given.get("encoder"),
        env_options=given.get("env"),
        **given.get("fit", {}),
        **arguments,
    )


def _sections(args: argparse.Namespace) -> Iterator[options.Section]:
    """The options of the encoder, of the environment if there is one, and of the fit."""
    from arena.encoders.compatibility import encoder_class_of
    from arena.environments.factory import options_class_of
    from arena.experiments.fit import FitOptions
    from arena.frames.sources import is_environment
    from arena.plugins.discovery import get_plugins

    spec = get_plugins().encoders[args.encoder]
    preset = spec.preset(args.source)
    yield options.Section("encoder", spec.name, encoder_class_of(spec).Config, preset.options)
    if is_environment(args.source):
        yield options.Section("env", args.source, options_class_of(args.source), preset.env)
    yield options.Section("fit", "arena fit", FitOptions, {})
