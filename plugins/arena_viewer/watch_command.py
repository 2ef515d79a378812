"""``arena watch RUN`` or ``arena watch AGENT ENV``: display of agents in a window or as a film."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.option_parsing import Section, parse_with_options
from arena.cli.output import clean, console, only_json, print_json
from arena.cli.parser import Parser, seed, whole
from arena.cli.sections import experiment_sections
from arena.errors import ArenaError
from arena_viewer.command_options import (
    add_display_options,
    add_film_options,
    check_film,
    parse_grid,
    record_film,
    window_size,
)

if TYPE_CHECKING:
    from arena_viewer.playback import Playback
    from arena_viewer.roles import Role

__all__ = ["Watch", "command"]

EPILOG = """\
Several runs of one environment play side by side in the same episodes. --record FILE.mp4 makes a film instead of
opening a window. Press ? in the window for the list of keys.

`arena watch AGENT ENV --help` also shows the options --agent.… and --env.… of that pair.
"""


class Watch:
    """The verb ``watch``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena watch``."""
        parser.usage = (
            "arena watch RUN … | AGENT ENV [--agent.OPTION VALUE …] [--env.OPTION VALUE …] [options]"
        )
        parser.description = (
            "Shows agents as they act in their environment: agents of runs, or an untrained agent."
        )
        parser.epilog = EPILOG
        add = parser.add_argument
        add(
            "what",
            metavar="RUN",
            nargs="+",
            help="run folders (RUN, RUN@best, RUN@20000), or the names of an agent and an environment",
        )
        add("--train", action="store_true", help="train AGENT in ENV first, as `arena train` does")
        add("--steps", metavar="N", type=whole("--steps"), help="train AGENT in ENV first, for N steps")
        at = "snapshot of a run: last, best (by mean evaluation return), or a number of steps (default: last)"
        add("--at", metavar="WHEN", default="last", help=at)
        add(
            "--checkpoints",
            metavar="HOW",
            nargs="?",
            const="side-by-side",
            choices=("side-by-side", "lapse"),
            help="one episode played by the agents of a run's snapshots: side-by-side, or lapse for one after another",
        )
        add(
            "--follow",
            action="store_true",
            help="follow a run that is being trained: replace the agent by newer ones",
        )
        add(
            "--grid",
            metavar="RxC",
            type=parse_grid,
            help="rows and columns of environments side by side, such as 4x4, each with its own episode",
        )
        add(
            "--seed",
            metavar="S",
            type=seed,
            help="seed of the episodes, from 0 (default: the run's seed, as in its evaluations)",
        )
        add(
            "--episode",
            metavar="K",
            type=whole("--episode"),
            default=1,
            help="first episode, from 1 (default: 1)",
        )
        add(
            "--horizon",
            metavar="H",
            type=whole("--horizon"),
            help="step limit of an episode (default: the run's)",
        )
        add("--explore", action="store_true", help="act as in training, with exploration (default: without)")
        overlay = "overlays that are on at first; see `arena list overlays`"
        add("--overlay", metavar="NAME", nargs="+", action="extend", default=[], help=overlay)
        add_display_options(parser)
        add_film_options(parser)
        add(
            "--episodes",
            metavar="N",
            type=whole("--episodes"),
            help="number of episodes in the film (default: 1; with --checkpoints lapse one for each snapshot)",
        )
        add(
            "--out",
            metavar="DIR",
            type=Path,
            default=Path("runs"),
            help="folder of the run that --train makes (default: runs)",
        )
        add("--device", metavar="D", help="device of the neural networks, such as cpu or cuda")
        add(
            "--json", action="store_true", help="with --record: print one JSON object that describes the film"
        )

    def parse(self, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
        """Parses a command line with options of the agent and the environment."""
        return parse_with_options(
            parser,
            words,
            _sections,
            leading=2,
            prefixes=("agent", "env"),
            named=lambda args: len(args.what or ()) == 2,
        )

    def run(self, args: argparse.Namespace) -> int:
        """Opens a window and waits until it is closed, or records a film."""
        with only_json(args.json):
            summary = _watch(args) if args.record is None else _film(args)
        if args.json:
            print_json(summary)
        elif args.record is not None:
            screen = console()
            screen.print(
                clean(f"{summary['title']}: {summary['frames']:,} frames → {summary['path']}"), soft_wrap=True
            )
        return 0


def _watch(args: argparse.Namespace) -> dict[str, Any]:
    """Opens the window, and waits until it is closed."""
    from arena.environments.display import require_display
    from arena_viewer.display import RECORD
    from arena_viewer.renderer import Renderer
    from arena_viewer.window import Window

    for flag in ("fps", "episodes", "json"):
        if getattr(args, flag):
            raise ArenaError(f"--{flag} is for films", "give --record FILE.mp4 as well")
    if _is_pair(args.what):
        require_display(RECORD)  # before any training for it
    with contextlib.closing(_show(args)) as playback:
        Window(playback, Renderer(columns=_columns(args)), size=window_size(args), scale=args.scale).run()
    return {"title": playback.title}


def _film(args: argparse.Namespace) -> dict[str, Any]:
    """Records a film and returns its description."""
    from arena_viewer.display import headless
    from arena_viewer.watching import warn_about_overlays

    check_film(args)
    with headless(), contextlib.closing(_show(args)) as playback:
        summary = record_film(playback, args, _columns(args))
        warn_about_overlays(playback, args.overlay)
        return summary


def _columns(args: argparse.Namespace) -> int | None:
    return None if args.grid is None else args.grid[1]


def _show(args: argparse.Namespace) -> Playback:
    """The playback that the command line describes."""
    from arena_viewer.watching import playback_of

    roles, follow = _roles(args)
    return playback_of(
        roles,
        checkpoints=args.checkpoints,
        grid=args.grid,
        named=args.overlay,
        seed=args.seed,
        episode=args.episode,
        horizon=args.horizon,
        explore=args.explore,
        speed=args.speed,
        follow=follow,
        film=args.record is not None,
    )


def _roles(args: argparse.Namespace) -> tuple[list[Role], bool]:
    """The roles that play, and whether to follow a run in training."""
    if _is_pair(args.what):
        return [_role_of_pair(args)], False
    from arena.runs.locks import is_trained_now
    from arena.runs.run import Run
    from arena_viewer.roles import role_in_training
    from arena_viewer.watching import roles_of, single_run

    if args.train or args.steps is not None:
        raise ArenaError("--train is for AGENT ENV", "`arena resume RUN --steps N` trains a run further")
    if args.at != "last" and (args.follow or args.checkpoints):
        which = "--follow is for the newest agent" if args.follow else "--checkpoints is for all snapshots"
        raise ArenaError(which, "leave out --at")
    if args.follow and args.checkpoints:
        raise ArenaError("--follow and --checkpoints exclude each other", "give one of them")
    if args.follow:
        return [role_in_training(Run.open(Path(single_run(args.what))))], True
    roles = roles_of(args.what, args.checkpoints, args.grid, args.at)
    newest = args.at == "last" and not args.checkpoints and args.record is None and "@" not in args.what[0]
    run = roles[0].run
    can = len(roles) == 1 and newest and run is not None and os.access(run.folder, os.W_OK)
    return roles, can and run is not None and bool(is_trained_now(run.folder))


def _role_of_pair(args: argparse.Namespace) -> Role:
    """Role of AGENT ENV: untrained, or trained first."""
    from arena.api import train_experiment
    from arena.runs.resolve import resolve_experiment
    from arena_viewer.roles import role_from_run, untrained_role

    arguments: dict[str, Any] = {**dict(zip(("agent", "env"), args.what, strict=True)), **_given(args)}
    if args.device is not None:
        arguments["device"] = args.device
    experiment = resolve_experiment(**arguments, steps=args.steps, seeds=[args.seed or 0])
    if args.train or args.steps is not None:
        results = train_experiment(experiment, out=args.out)
        return role_from_run(results.runs[0]["path"], args.at)
    if args.checkpoints or args.follow or args.at != "last":
        raise ArenaError("there is no training to look at without --train", "give --train, or a run folder")
    return untrained_role(experiment)


def _given(args: argparse.Namespace) -> dict[str, Any]:
    return {f"{prefix}_options": given for prefix, given in args.given.items()}


def _sections(args: argparse.Namespace) -> Iterator[Section]:
    """The options of the agent and the environment of AGENT ENV; runs take none."""
    if _is_pair(args.what):
        yield from experiment_sections(dict(zip(("agent", "env"), args.what, strict=True)))


def _is_pair(words: Sequence[str]) -> bool:
    """Whether the words are AGENT ENV and not run folders."""
    from arena.plugins.discovery import get_plugins
    from arena.runs.snapshots import split_reference

    if any((split_reference(word)[0] / "run.json").exists() for word in words):
        return False
    if len(words) == 2 and words[0] in get_plugins().agents:
        return True
    folders = [word for word in words if split_reference(word)[0].is_dir()]
    if folders or len(words) > 2:
        return False
    if len(words) == 2:
        return True
    word = words[0]
    if word in get_plugins().agents:
        raise ArenaError(f"{word} is an agent, and ENV is missing", f"write `arena watch {word} ENV`")
    raise ArenaError(f"{word} is no run folder", "see `arena list runs`, or write `arena watch AGENT ENV`")


command = Watch()
