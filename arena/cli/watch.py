"""``arena watch RUN`` or ``arena watch AGENT ENV``: see agents play, in a window or as a film."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli import options, train
from arena.cli.output import clean, console, only_json, print_json
from arena.cli.parser import Parser, is_flag, seed, whole
from arena.cli.viewing import add_film, add_look, film_of, grid_of, size_of
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.viewer.cast import Role
    from arena.viewer.show import Show

__all__ = ["configure", "parse", "run"]

#: Snapshots side by side, unless --grid says otherwise.
MOST_CHECKPOINTS = 9

EPILOG = """\
Several runs of one environment play side by side, and meet the same episodes. What is on the screen can be filmed
without one: --record FILE.mp4. The window's keys are listed when you press ?.

`arena watch AGENT ENV --help` also shows the options --agent.… and --env.… of that pair.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena watch``."""
    parser.usage = "arena watch RUN … | AGENT ENV [--agent.OPTION VALUE …] [--env.OPTION VALUE …] [options]"
    parser.description = "Shows agents at play: of runs, or one that has learned nothing yet."
    parser.epilog = EPILOG
    add = parser.add_argument
    add(
        "what",
        metavar="RUN",
        nargs="+",
        help="run folders (RUN, RUN@best, RUN@20000), or the names of an agent and an environment",
    )
    add("--train", action="store_true", help="train AGENT in ENV first, as `arena train` does")
    add("--steps", metavar="N", type=whole("--steps"), help="train for so many steps first")
    at = "which agent of a run: last, best (by its evaluations), or after so many steps (default: last)"
    add("--at", metavar="WHEN", default="last", help=at)
    add(
        "--checkpoints",
        metavar="HOW",
        nargs="?",
        const="side-by-side",
        choices=("side-by-side", "lapse"),
        help="one episode through training, by the agents of a run's snapshots: side-by-side, or lapse for one after "
        "another",
    )
    add("--follow", action="store_true", help="keep up with a run that is being trained")
    add(
        "--grid",
        metavar="RxC",
        type=grid_of,
        help="rows and columns of worlds at once, such as 4x4: more episodes",
    )
    add("--seed", metavar="S", type=seed, help="of the episodes (default: the run's, as its evaluations)")
    add("--episode", metavar="K", type=whole("--episode"), default=1, help="begin with the K-th episode")
    add("--horizon", metavar="H", type=whole("--horizon"), help="longest episode, in steps")
    add("--explore", action="store_true", help="act as in training; otherwise as well as it can")
    overlay = "what is laid over the world at first; see `arena list overlays`"
    add("--overlay", metavar="NAME", nargs="+", action="extend", default=[], help=overlay)
    add_look(parser)
    add_film(parser)
    add(
        "--episodes",
        metavar="N",
        type=whole("--episodes"),
        default=1,
        help="of a film (default: 1; of a time-lapse, one a snapshot)",
    )
    add(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("runs"),
        help="where --train puts runs (default: runs)",
    )
    add("--device", metavar="D", help="where neural networks live, such as cpu or cuda")
    add("--json", action="store_true", help="print one JSON object about a film")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with the agent's and the environment's options in it; ``--help`` knows them."""
    leading = len(words) > 1 and not any(map(is_flag, words[:2]))
    rest, mine = options.split(words, greedy=leading, prefixes=("agent", "env"))
    if {"-h", "--help"} & {*rest}:
        others = [word for word in rest if word not in ("-h", "--help")]
        try:
            if others:
                for section in _sections(parser.parse_intermixed_args(others)):
                    options.add(parser, section)
        finally:  # an error comes below the help
            parser.print_help()
        sys.exit(0)
    args = parser.parse_intermixed_args(rest)
    args.given = {}
    if mine:
        with only_json(args.json):  # what is imported here may print
            sections = [*_sections(args)]
        if not sections:
            raise ArenaError(
                f"{mine[0].partition('=')[0]} is an option of AGENT or ENV, and a run has its own",
                "leave it out, or write `arena watch AGENT ENV`",
            )
        for section in sections:
            options.add(parser, section)
        options.check(parser, mine, sections)
        args = parser.parse_intermixed_args([*rest, *mine])
        args.given = {f"{section.prefix}_options": options.read(args, section) for section in sections}
    return args


def run(args: argparse.Namespace) -> int:
    """Opens the window and waits until it is closed, or films."""
    if args.record is None:
        from arena.viewer.display import require_display

        require_display()
    with only_json(args.json):
        show = _show(args)
        if args.record is not None:
            try:
                told = film_of(show, args, _columns(args, show))
            finally:
                show.close()
        else:
            _watch(show, args)
            told = {"title": show.title}
    if args.json:
        print_json(told)
    elif args.record is not None:
        screen = console()
        screen.print(clean(f"{told['title']}: {told['frames']:,} frames → {told['path']}"), soft_wrap=True)
    return 0


def _watch(show: Show, args: argparse.Namespace) -> None:
    from arena.viewer.stage import Stage
    from arena.viewer.window import Window

    try:
        stage = Stage(columns=_columns(args, show))
        Window(show, stage, size=size_of(args), scale=args.scale).run()
    finally:
        show.close()


def _columns(args: argparse.Namespace, show: Show) -> int | None:
    return None if args.grid is None else args.grid[1]


def _show(args: argparse.Namespace) -> Show:
    """What there is to see."""
    from arena.viewer.cast import Snapshots, players, through_training
    from arena.viewer.following import Following
    from arena.viewer.keys import TAKEN
    from arena.viewer.overlay import overlays
    from arena.viewer.show import Show, nearest_speed

    count = None if args.grid is None else args.grid[0] * args.grid[1]
    if args.checkpoints == "side-by-side":
        roles = through_training(_one(args), count or MOST_CHECKPOINTS)
        count = None
    else:
        roles = _roles(args)
    budget = 1 if args.record is not None else None  # nobody goes back in a film
    cast = players(
        roles,
        count=None if count is None else max(count, len(roles)),
        seed=args.seed,
        horizon=args.horizon,
        explore=args.explore,
        budget=budget,
    )
    shown = overlays(TAKEN)
    known = {overlay.spec.name: overlay for overlay in shown}
    for name in args.overlay:
        _known_overlay(name, known)
        known[name].on = True
    mind = cast[0].mind
    alone = len(roles) == 1 and roles[0].run is not None and mind is not None
    followed = _is_followed(args, roles)
    show = Show(
        cast,
        title=_title(roles, args),
        speed=nearest_speed(args.speed or _speed(cast[0])),
        overlays=shown,
        checkpoints=Snapshots(roles[0], mind) if alone and mind is not None and not followed else None,
        lapse=args.checkpoints == "lapse",
        following=Following(roles[0], mind) if followed and mind is not None else None,
    )
    if show.lapse and show.checkpoints is not None:
        if not show.checkpoints.steps:
            raise ArenaError(f"{args.what[0]} has no snapshots yet", "train it first")
        show.checkpoints.go(0)
        if args.episodes == 1:
            args.episodes = len(show.checkpoints.steps)
    if args.episode > 1 or show.lapse:
        show.go_to(args.episode - 1)
    return show


def _roles(args: argparse.Namespace) -> list[Role]:
    """Who plays."""
    from arena.viewer.cast import beginning, role_of, untrained

    if not _is_pair(args.what):
        if args.train or args.steps is not None:
            raise ArenaError("--train is for AGENT ENV", "`arena resume RUN --steps N` trains a run further")
        if args.follow:
            from arena.run import Run

            return [beginning(Run.open(Path(_one(args))))]
        return [role_of(source, args.at) for source in args.what]
    from arena.experiment import Experiment

    arguments: dict[str, Any] = dict(zip(("agent", "env"), args.what, strict=True))
    arguments.update(args.given)
    if args.device is not None:
        arguments["device"] = args.device
    if not (args.train or args.steps is not None):
        return [untrained(Experiment.create(**arguments, seeds=[args.seed or 0]))]
    from arena.api import train_experiment

    experiment = Experiment.create(**arguments, steps=args.steps, seeds=[args.seed or 0])
    results = train_experiment(experiment, out=args.out)
    return [role_of(results.runs[0]["path"], args.at)]


def _sections(args: argparse.Namespace) -> Iterator[options.Section]:
    """The options of the agent and the environment; none where runs are watched."""
    if _is_pair(args.what):
        yield from train.sections(dict(zip(("agent", "env"), args.what, strict=True)))


def _is_pair(words: Sequence[str]) -> bool:
    """Whether two words name an agent and an environment, and not two runs."""
    from arena.plugins import get_plugins
    from arena.start import snapshot_of

    if any(snapshot_of(word)[0].is_dir() for word in words):
        return False
    if len(words) == 2:
        return True
    word = words[0]
    if word in get_plugins().agents:
        raise ArenaError(f"{word} is an agent, and ENV is missing", f"write `arena watch {word} ENV`")
    raise ArenaError(f"{word} is no run folder", "see `arena list runs`, or write `arena watch AGENT ENV`")


def _one(args: argparse.Namespace) -> str:
    if len(args.what) != 1:
        raise ArenaError("--checkpoints and --follow are for one run", "give one run folder")
    return str(args.what[0])


def _is_followed(args: argparse.Namespace, roles: Sequence[Role]) -> bool:
    """Whether the one run is to be kept up with: asked for, or because another process trains it."""
    from arena.errors import BusyError

    run = roles[0].run
    if len(roles) > 1 or run is None or args.checkpoints or args.record is not None or args.at != "last":
        return False
    if args.follow or "@" in args.what[0]:
        return bool(args.follow)
    try:
        with run.locked():
            return False
    except BusyError:
        return True
    except ArenaError:  # a folder that cannot be written is not being trained
        return False


def _known_overlay(name: str, known: dict[str, Any]) -> None:
    from arena.errors import unknown

    if name not in known:
        raise unknown("overlay", name, known)


def _title(roles: Sequence[Role], args: argparse.Namespace) -> str:
    names = list(dict.fromkeys(role.name for role in roles))
    first = roles[0]
    if args.checkpoints and first.run is not None:
        names = [first.run.experiment.agent]
    who = " and ".join(names) if len(names) <= 3 else f"{len(names)} agents"
    untrained = " (untrained)" if first.run is None else ""
    return f"{who}{untrained} · {first.factory.id}"


def _speed(player: Any) -> float:
    return float(player.env.metadata.get("render_fps") or 8)
