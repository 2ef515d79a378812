"""Verb ``train``: trains an agent in an environment and prints a table of the results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.option_parsing import parse_with_options
from arena.cli.output import only_json
from arena.cli.parser import Parser
from arena.cli.run_arguments import add_count, add_experiment, run_arguments, show_or_print, train_and_show
from arena.cli.sections import experiment_sections, refuse_swapped
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.experiments.experiment import Experiment

__all__ = ["configure", "parse", "run"]

#: Arguments of `resolve_experiment` by the destination of their flag.
ARGUMENTS = {
    "envs": "num_envs",
    "episodes": "episodes",
    "wrap": "wrappers",
    "start": "start",
    "encoder": "encoder",
    "novelty": "novelty",
}

EPILOG = """\
Omitted flags have the values of the agent's preset for the environment. Numbers may be written 2e5 or
200k. Repeating the command for a finished run costs nothing; an interrupted run continues; with more
--steps it is trained further.

`arena train AGENT ENV --help` also shows the options --agent.… and --env.… of both.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena train``."""
    parser.usage = "arena train AGENT ENV [--agent.OPTION VALUE …] [--env.OPTION VALUE …] [options]"
    parser.description = "Trains an agent in an environment, with one or several seeds."
    parser.epilog = EPILOG
    add = parser.add_argument
    add("agent", metavar="AGENT", nargs="?", help="name of an agent; see `arena list agents`")
    add("env", metavar="ENV", nargs="?", help="Gymnasium id, or module:function; see `arena list envs`")
    add_count(parser, "--steps", "N", "number of environment steps (of a planner: sweeps) of each run")
    add_count(parser, "--envs", "N", "number of environments that a run steps in parallel")
    add_count(parser, "--episodes", "N", "number of episodes of an evaluation")
    add_count(parser, "--horizon", "H", "step limit of an evaluation episode")
    wrap = "wrappers of the environment, innermost first: 'Name', 'module:Class' or 'Name(key=value)'"
    add("--wrap", metavar="NAME", nargs="+", action="extend", help=wrap)
    add("--config", metavar="FILE", type=Path, help="TOML file of the experiment; flags override its values")
    add("--save-config", metavar="FILE", type=Path, help="TOML file to write the experiment to")
    start = "run whose agent the training starts from: RUN, RUN@best or RUN@STEP"
    add("--from", metavar="RUN", dest="start", help=start)
    encoder = "encoder of the observations: a run of `arena fit` (RUN, RUN@best), or a name to train it with the agent"
    add("--encoder", metavar="RUN|NAME", help=encoder)
    novelty = (
        "encoder of a novelty bonus on the reward: a run of `arena fit`, or a name to train it with the agent"
    )
    add("--novelty", metavar="RUN|NAME", help=novelty)
    watch = "open a window that shows the training of the first seed; closing the window does not stop the training"
    add("--watch", action="store_true", help=watch)
    add_experiment(parser, "steps")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with options of the agent, the environment and the encoders."""
    return parse_with_options(
        parser,
        words,
        lambda args: experiment_sections(_file_arguments(args)),
        leading=2,
        named=lambda args: args.config or (args.agent and args.env),
    )


def run(args: argparse.Namespace) -> int:
    """Trains, and prints the results."""
    with only_json(args.json):
        experiment = _experiment(args)
        if args.save_config is not None:
            _save(experiment, args.save_config)
        if args.watch:
            _watch(experiment, args.out)
        results = train_and_show(experiment, args)
    return show_or_print(args, results)


def _watch(experiment: Experiment, out: Path) -> None:
    """Opens a window in another process, so that the training does not depend on it."""
    from arena.cli.verbs import require_verb
    from arena.environments.display import require_display
    from arena.runs.live import open_watch_window
    from arena.runs.run import Run

    require_verb("watch")
    require_display("leave out --watch; `arena watch RUN --record FILE.mp4` makes a film without a display")
    open_watch_window(Run.prepare(experiment, experiment.seeds[0], out))


def _experiment(args: argparse.Namespace) -> Experiment:
    from arena.plugins.discovery import get_plugins
    from arena.runs.resolve import resolve_experiment

    arguments = _file_arguments(args)
    refuse_swapped("agent", get_plugins().agents, arguments["agent"], arguments["env"])
    for prefix, given in args.given.items():
        name = f"{prefix}_options"
        arguments[name] = {**arguments.get(name, {}), **given}
    return resolve_experiment(**arguments | run_arguments(args, ARGUMENTS))


def _file_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments of the file ``--config``, with the agent, environment and encoders of the command line."""
    from arena.experiments.experiment_file import read_toml

    arguments = {} if args.config is None else read_toml(args.config)
    for name in ("agent", "env"):
        given = getattr(args, name)
        if given is not None and given != arguments.get(name):
            arguments.pop(f"{name}_options", None)  # they belong to another one
            arguments[name] = given
    for name in ("encoder", "novelty"):
        if getattr(args, name) is not None:
            arguments[name] = getattr(args, name)
    missing = [name.upper() for name in ("agent", "env") if name not in arguments]
    if missing:
        example = "write `arena train q-learning arena/CliffWalk-v0`; see `arena list`"
        raise ArenaError(f"{' and '.join(missing)} {'is' if len(missing) < 2 else 'are'} missing", example)
    return arguments


def _save(experiment: Experiment, path: Path) -> None:
    from arena.storage.files import write_atomically

    write_atomically(path, experiment.to_toml().encode())
