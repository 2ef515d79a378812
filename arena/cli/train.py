"""``arena train AGENT ENV``: train, and end with a table."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli import options, two_phases
from arena.cli.output import only_json, print_json
from arena.cli.parser import Parser, whole
from arena.cli.running import add_place, add_seeds
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.experiments.experiment import Experiment

__all__ = ["configure", "parse", "run", "sections"]

#: The flags that are arguments of `resolve_experiment`, by destination.
SETTINGS = {
    "steps": "steps",
    "envs": "num_envs",
    "episodes": "episodes",
    "horizon": "horizon",
    "evaluate_every": "evaluate_every",
    "log_every": "log_every",
    "wrap": "wrappers",
    "device": "device",
    "threads": "threads",
    "start": "start",
    "encoder": "encoder",
    "novelty": "novelty",
}

EPILOG = """\
What is not given comes from the agent's preset for the environment. Numbers may be written 2e5 or 200k.
Asking again for a finished run is free; an interrupted one goes on; more --steps trains on.

`arena train AGENT ENV --help` also shows the options --agent.… and --env.… of that pair.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena train``."""
    parser.usage = "arena train AGENT ENV [--agent.OPTION VALUE …] [--env.OPTION VALUE …] [options]"
    parser.description = "Trains an agent in an environment, from as many seeds as you like."
    parser.epilog = EPILOG
    add = parser.add_argument
    add("agent", metavar="AGENT", nargs="?", help="see `arena list agents`")
    add("env", metavar="ENV", nargs="?", help="any Gymnasium id, or module:function; see `arena list envs`")
    add(
        "--steps",
        metavar="N",
        type=whole("--steps"),
        help="environment steps (a planner's sweeps) of each run",
    )
    add_seeds(parser)
    add("--envs", metavar="N", type=whole("--envs"), help="environments that a run steps side by side")
    add("--episodes", metavar="N", type=whole("--episodes"), help="episodes of an evaluation")
    add("--horizon", metavar="H", type=whole("--horizon"), help="longest episode of an evaluation, in steps")
    every = "steps between evaluations (default: a twentieth of all)"
    add("--evaluate-every", metavar="N", type=whole("--evaluate-every"), help=every)
    every = "steps between lines of metrics (default: a tenth of that)"
    add("--log-every", metavar="N", type=whole("--log-every"), help=every)
    wrap = "wrap the environment, the innermost first: 'Name', 'module:Class' or 'Name(key=value)'"
    add("--wrap", metavar="NAME", nargs="+", action="extend", help=wrap)
    add("--config", metavar="FILE", type=Path, help="take the experiment from a TOML file; flags come on top")
    add("--save-config", metavar="FILE", type=Path, help="write the experiment to a TOML file")
    begin = "begin with what the agent of another run learned: RUN, RUN@best or RUN@STEP"
    add("--from", metavar="RUN", dest="start", help=begin)
    see = "see through an encoder: the run of an `arena fit` (RUN, RUN@best), or a name to train one with the agent"
    add("--encoder", metavar="RUN|NAME", help=see)
    surprise = (
        "reward what surprises an encoder: the run of an `arena fit`, or a name for one that begins anew"
    )
    add("--novelty", metavar="RUN|NAME", help=surprise)
    watch = "open a window that follows the training of the first seed; closing it stops nothing"
    add("--watch", action="store_true", help=watch)
    add_place(parser)


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with the agent's and the environment's options in it; ``--help`` knows them."""
    return two_phases.parse(
        parser,
        words,
        lambda args: sections(_file(args)),
        leading=2,
        named=lambda args: bool(args.config or (args.agent and args.env)),
    )


def run(args: argparse.Namespace) -> int:
    """Trains, and shows what came of it."""
    with only_json(args.json):
        experiment = _experiment(args)
        if args.save_config is not None:
            _save(experiment, args.save_config)
        from arena.api import train_experiment

        if args.watch:
            _watch(experiment, args.out)
        results = train_experiment(experiment, out=args.out, workers=args.workers, progress=not args.quiet)
    if args.json:
        print_json(results.to_dict())
    else:
        from arena.cli.results import show_results

        show_results(results)
    return 0


def _watch(experiment: Experiment, out: Path) -> None:
    """Opens a window in a process of its own, so that the training does not depend on it."""
    from arena.cli.verbs import require_verb
    from arena.environments.display import require_display
    from arena.runs.live import open_watch_window
    from arena.runs.run import Run

    require_verb("watch")
    require_display("leave out --watch; `arena watch RUN --record FILE.mp4` films without one")
    open_watch_window(Run.prepare(experiment, experiment.seeds[0], out))


def _experiment(args: argparse.Namespace) -> Experiment:
    from arena.runs.resolve import resolve_experiment

    arguments = _file(args)
    for prefix, given in args.given.items():
        name = f"{prefix}_options"
        arguments[name] = {**arguments.get(name, {}), **given}
    for flag, name in SETTINGS.items():
        value = getattr(args, flag)
        if value is not None:
            arguments[name] = value
    if args.track is not None:
        arguments["trackers"] = [name for name in args.track if name != "none"]
    if args.seed is not None:
        arguments["seeds"] = [args.seed]
    elif args.seeds is not None:
        arguments["seeds"] = args.seeds
    return resolve_experiment(**arguments)


def _file(args: argparse.Namespace) -> dict[str, Any]:
    """What ``--config`` says, with AGENT and ENV of the command line in it."""
    from arena.experiments.experiment_file import read_toml

    arguments = {} if args.config is None else read_toml(args.config)
    for name in ("agent", "env"):
        given = getattr(args, name)
        if given is not None and given != arguments.get(name):
            arguments.pop(f"{name}_options", None)  # they were another one's
            arguments[name] = given
    for name in ("encoder", "novelty"):
        if getattr(args, name) is not None:
            arguments[name] = getattr(args, name)
    missing = [name.upper() for name in ("agent", "env") if name not in arguments]
    if missing:
        example = "write `arena train q-learning arena/CliffWalk-v0`; see `arena list`"
        raise ArenaError(f"{' and '.join(missing)} {'is' if len(missing) < 2 else 'are'} missing", example)
    return arguments


def sections(arguments: dict[str, Any]) -> Iterator[options.Section]:
    """The options of the agent and the environment."""
    from arena.environments.factory import options_class_of
    from arena.plugins.discovery import get_plugins

    agent, env = arguments["agent"], arguments["env"]
    spec = get_plugins().agents[agent]
    preset = spec.preset(env)
    chosen = {**preset.options, **arguments.get("agent_options", {})}
    yield options.Section("agent", agent, spec.load().Config, chosen)
    yield options.Section(
        "env", env, options_class_of(env), {**preset.env, **arguments.get("env_options", {})}
    )
    yield from _encoder_sections(arguments)


def _encoder_sections(arguments: dict[str, Any]) -> Iterator[options.Section]:
    """The options of the encoders that are named."""
    if arguments.get("encoder") is None and arguments.get("novelty") is None:
        return
    from arena.experiments.encoder_use import EncoderUse
    from arena.experiments.novelty_use import NoveltyUse
    from arena.runs.resolve import options_of

    for kind in (EncoderUse, NoveltyUse):
        name = kind.argument
        if arguments.get(name) is not None:
            source, given = arguments[name], arguments.get(f"{name}_options", {})
            yield options.Section(name, str(source), options_of(source, kind), given)


def _save(experiment: Experiment, path: Path) -> None:
    from arena.storage.files import write_error

    try:
        path.write_text(experiment.to_toml(), encoding="utf-8")
    except OSError as error:
        raise write_error(path, error) from error
