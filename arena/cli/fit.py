"""Verb ``fit``: fits an encoder to frames and prints a table of the results."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from arena.cli.option_parsing import Section, parse_with_options
from arena.cli.output import only_json
from arena.cli.parser import Parser
from arena.cli.run_arguments import add_count, add_experiment, run_arguments, show_or_print, train_and_show
from arena.cli.sections import environment_section, refuse_swapped

if TYPE_CHECKING:
    from arena.experiments.fit import Fit

__all__ = ["configure", "parse", "run"]

PREFIXES = ("encoder", "env", "source", "fit")

EPILOG = """\
SOURCE is an environment, whose frames are collected once and kept under frames/; the folder of a data
set; or a source of `arena list sources`, such as digits, images:FOLDER or npz:FILE. A folder of images
and a file whose suffix is known need no name. Repeating the command for a finished fit costs nothing;
an interrupted fit continues.

`arena fit ENCODER SOURCE --help` also shows the options --encoder.…, --fit.…, and --env.… or --source.….
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena fit``."""
    parser.usage = "arena fit ENCODER SOURCE [--encoder.OPTION VALUE …] [--env.OPTION VALUE …] [options]"
    parser.description = "Fits an encoder to frames of an environment, or of another source."
    parser.epilog = EPILOG
    add = parser.add_argument
    add("encoder", metavar="ENCODER", help="name of an encoder; see `arena list encoders`")
    add("source", metavar="SOURCE", help="environment, data set, or source; see `arena list sources`")
    add_count(parser, "--steps", "N", "number of gradient updates of each run")
    add_count(parser, "--frames", "N", "number of frames to collect (default: 10,000)")
    policy = "policy that collects the frames: random, RUN, RUN@best or RUN@STEP (default: random)"
    add("--policy", metavar="P", help=policy)
    labels = "labels to record with each frame, such as state or semantic, if the environment provides them"
    add("--labels", metavar="NAME", nargs="+", help=labels)
    add_count(parser, "--size", "N", "width and height that images of a folder are resized to, in pixels")
    add_count(parser, "--horizon", "H", "step limit of an episode while frames are collected")
    add_experiment(parser, "updates", " on held-out frames")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with options of the encoder, the source and the fit."""
    return parse_with_options(
        parser,
        words,
        _sections,
        leading=2,
        prefixes=PREFIXES,
        named=lambda args: args.encoder and args.source,
    )


def run(args: argparse.Namespace) -> int:
    """Fits, and prints the results."""
    with only_json(args.json):
        results = train_and_show(_fit(args), args)
    return show_or_print(args, results)


def _fit(args: argparse.Namespace) -> Fit:
    from arena.frames.fits import resolve_fit
    from arena.plugins.discovery import get_plugins

    refuse_swapped("encoder", get_plugins().encoders, args.encoder, args.source)
    names = {name: name for name in ("frames", "policy", "labels", "size")}
    return resolve_fit(
        args.encoder,
        args.source,
        encoder_options=args.given.get("encoder"),
        env_options=args.given.get("env"),
        source_options=args.given.get("source"),
        **args.given.get("fit", {}),
        **run_arguments(args, names),
    )


def _sections(args: argparse.Namespace) -> Iterator[Section]:
    """Options of the encoder, of the environment or the other source, and of the fit."""
    from arena.encoders.compatibility import encoder_class_of
    from arena.experiments.fit import FitOptions
    from arena.frames.sources import find_source
    from arena.plugins.discovery import get_plugins

    refuse_swapped("encoder", get_plugins().encoders, args.encoder, args.source)
    spec = get_plugins().encoders[args.encoder]
    preset = spec.preset(args.source)
    yield Section("encoder", spec.name, encoder_class_of(spec).Config, preset.options)
    source = find_source(args.source)
    if source.is_environment:
        yield environment_section(args.source, preset.env)
    elif source.spec is not None:
        yield Section("source", f"the source {source.spec.name}", source.options_class(), {})
    yield Section("fit", "arena fit", FitOptions, {})
