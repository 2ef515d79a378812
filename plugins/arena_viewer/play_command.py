"""``arena play ENV``: control of an environment by a person."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from arena.cli.option_parsing import parse_with_options
from arena.cli.output import clean, console
from arena.cli.parser import Parser, seed, whole
from arena.cli.sections import environment_section
from arena.errors import ArenaError
from arena_viewer.command_options import add_display_options, window_size

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory
    from arena_viewer.human_player import HumanController
    from arena_viewer.player import Player

__all__ = ["Play", "command"]

#: Step limit of an episode, if neither the environment nor a run has one.
HORIZON = 10_000

EPILOG = """\
Arrow keys steer, or the keys that ? lists. Continuous actions also follow the mouse over the picture.
Enter begins the next episode, backspace restarts the present one.

`arena play ENV --help` also shows the environment's options --env.….
"""


class Play:
    """The verb ``play``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena play``."""
        parser.usage = "arena play ENV [--env.OPTION VALUE …] [--against RUN] [options]"
        parser.description = (
            "Opens a window in which you steer an environment, alone or beside a trained agent."
        )
        parser.epilog = EPILOG
        add = parser.add_argument
        add("env", metavar="ENV", help="any Gymnasium id, or module:function; see `arena list envs`")
        against = "run whose agent plays the same episodes beside you: RUN, RUN@best or RUN@STEP"
        add("--against", metavar="RUN", help=against)
        save = "name of a Minari data set for the episodes, such as human/cliff (needs the extra minari)"
        add("--save", metavar="NAME", help=save)
        add(
            "--seed",
            metavar="S",
            type=seed,
            help="seed of the episodes, from 0 (default: the run's seed, or 0)",
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
        add_display_options(parser)

    def parse(self, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
        """Parses a command line with options of the environment."""
        args = parse_with_options(
            parser,
            words,
            lambda args: [environment_section(args.env)],
            leading=1,
            prefixes=["env"],
            named=lambda args: args.env,
        )
        args.given = args.given.get("env", {})
        return args

    def run(self, args: argparse.Namespace) -> int:
        """Opens the window; prints the returns when it is closed."""
        from arena.environments.display import require_display

        require_display("play where there is one; `arena watch … --record FILE.mp4` films agents without")
        from arena_viewer.human_player import HumanController
        from arena_viewer.keys import TAKEN
        from arena_viewer.overlay import load_overlays
        from arena_viewer.playback import Playback
        from arena_viewer.window import Window

        if args.save is not None:
            _check_minari(args.save)
        players = _players(args)
        playback = Playback(
            players, title=" against ".join(player.name for player in players) + f" · {args.env}"
        )
        try:
            playback.go_to(args.episode - 1)
            controller = HumanController(playback, args.speed, keep=args.save is not None)
            playback.overlays = load_overlays(
                TAKEN + "".join(key for key in [*controller.keys()] if len(key) == 1)
            )
            window = Window(playback, size=window_size(args), scale=args.scale, controller=controller)
            try:
                window.run()
            finally:  # played episodes are saved after an error too
                _print_returns(controller, args.save)
        finally:
            playback.close()
        return 0


def _players(args: argparse.Namespace) -> list[Player]:
    """The person's player, and the player of --against."""
    from arena.environments.factory import EnvironmentFactory
    from arena_viewer.human_player import HumanActor
    from arena_viewer.player import Player
    from arena_viewer.roles import role_from_run

    factory = EnvironmentFactory.resolve(args.env, args.given)
    role = role_from_run(args.against) if args.against is not None else None
    if role is not None:
        factory = _same(args, factory, role.factory)
    episode_seed = args.seed if args.seed is not None else role.seed if role else 0
    horizon = args.horizon or (role.horizon if role else factory.properties.limit or HORIZON)
    found = [Player(factory, HumanActor(), seed=episode_seed, horizon=horizon, name="you")]
    if role is not None:
        found.append(Player(role.factory, role.actor(1), seed=episode_seed, horizon=horizon, name=role.name))
    return found


def _same(
    args: argparse.Namespace, factory: EnvironmentFactory, theirs: EnvironmentFactory
) -> EnvironmentFactory:
    """The run's environment with its options; raises an error if the command line names others."""
    if factory.id != theirs.id:
        raise ArenaError(
            f"the agent of {args.against} plays {theirs.id}, not {factory.id}", f"arena play {theirs.id}"
        )
    if args.given and factory.identity() != theirs.identity():
        raise ArenaError(f"{args.against} has other options of {theirs.id}", "leave out --env.…")
    return type(theirs).resolve(theirs.id, theirs.options, theirs.wrappers)


def _check_minari(name: str) -> None:
    """Checks before anything is played that the episodes can be saved."""
    from arena_viewer.minari_data import require_minari

    require_minari(name)


def _print_returns(controller: HumanController, name: str | None) -> None:
    """Prints the returns, and saves the episodes where a name is given."""
    from arena.results.text import format_number
    from arena_viewer.minari_data import save_episodes

    screen = console()
    returns = controller.returns
    if returns:
        mean = format_number(sum(returns) / len(returns))
        count = "1 episode, return" if len(returns) == 1 else f"{len(returns):,} episodes, mean return"
        screen.print(f"you: {count} {mean}")
    if name is None:
        return
    if not returns:
        screen.print("no episode came to its end, so nothing is saved")
        return
    found = save_episodes(name, controller.player.env, controller.recorded_episodes)
    screen.print(clean(f"saved as the Minari data set {found}"), soft_wrap=True)


command = Play()
