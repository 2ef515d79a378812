"""``arena list``: what there is. Specs are read, nothing that they name is imported unless ``--for`` asks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from arena.cli.output import clean, console, only_json, print_json, print_table
from arena.cli.parser import Parser, seed, whole
from arena.cli.run_filters import SORTS, STATUSES, Choice
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.plugins.registry import Registry
from arena.plugins.specs import LOCAL, Spec

__all__ = ["configure", "parse", "run"]

NOUNS = ("agents", "envs", "encoders", "trackers", "launchers", "overlays", "plugins", "runs")

#: The flags that choose among runs.
FILTERS = ("agent", "env", "seed", "status", "where", "sort", "reverse", "limit")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena list``."""
    parser.description = (
        "Lists what there is, or the runs in a folder; without a noun agents, environments and encoders."
    )
    add = parser.add_argument
    add("noun", metavar="NOUN", nargs="?", choices=NOUNS, help=" ".join(NOUNS))
    add("paths", metavar="DIR", nargs="*", help="folders of runs (default: runs)")
    add(
        "--for",
        metavar="ENV",
        dest="fitting",
        help="say which agents fit an environment, and why others do not",
    )
    add("--all", action="store_true", help="with envs: every id that Gymnasium knows")
    add("--json", action="store_true", help="print one JSON object")
    add = parser.add_argument_group(
        "which runs", "A flag given several times lets any of its values pass; --where, only all of them."
    ).add_argument
    add("--agent", metavar="GLOB", action="append", help="of agents such as 'sarsa*'")
    add("--env", metavar="GLOB", action="append", help="of environments such as 'arena/*'")
    add("--seed", metavar="S", action="append", type=seed, help="of a seed")
    add("--status", metavar="STATUS", action="append", choices=STATUSES, help=" ".join(STATUSES))
    add(
        "--where",
        metavar="KEY=VALUE",
        action="append",
        help="with an option or field, as in agent.learning_rate=0.1, env.slip=0, 'steps>=200k'; also != < <= >",
    )
    add("--sort", metavar="BY", choices=SORTS, help=f"{' '.join(SORTS)} (default: path)")
    add("--reverse", action="store_true", help="the other way round")
    add("--limit", metavar="N", type=whole("--limit"), help="no more than N")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Reads the words; folders may stand between and behind flags."""
    return parser.parse_intermixed_args(words)


def run(args: argparse.Namespace) -> int:
    """Lists.

    Raises:
        ArenaError: a flag that is for runs, with another noun.
    """
    for name in FILTERS:
        if args.noun != "runs" and getattr(args, name):
            raise ArenaError(f"--{name} chooses among runs", f"write `arena list runs --{name} …`")
    with only_json(args.json):
        show: Callable[[], None]
        if args.noun == "runs":
            from arena.cli.runs import list_runs

            found, show = list_runs(args.paths or ["runs"], Choice.from_args(args))
        elif args.noun == "plugins":
            found, show = _plugins()
        elif args.fitting is not None:
            found, show = _fitting(args.fitting)
        elif args.noun == "encoders":
            found, show = _encoders()
        elif args.noun == "envs" and args.all:
            found, show = _every_environment()
        else:
            found, show = _specs([args.noun] if args.noun else ["agents", "envs", "encoders"])
    if args.json:
        print_json(found)
    else:
        show()
    return 0


def _specs(nouns: Iterable[str]) -> tuple[dict[str, Any], Callable[[], None]]:
    plugins = get_plugins()
    registries: dict[str, Registry[Any]] = {
        "agents": plugins.agents,
        "envs": plugins.environments,
        "encoders": plugins.encoders,
        "trackers": plugins.trackers,
        "launchers": plugins.launchers,
        "overlays": plugins.overlays,
    }
    chosen = {noun: [*registries[noun].values()] for noun in nouns}
    if "launchers" in chosen:
        chosen["launchers"].insert(0, LOCAL)

    def show() -> None:
        screen = console()
        for noun, specs in chosen.items():
            if specs or len(chosen) == 1:
                screen.print(
                    noun if specs else f"no {noun} are installed; see `arena list plugins`", style="bold"
                )
            _print_specs((spec.name, _summary(spec)) for spec in specs)
        if "envs" in chosen:
            screen.print("Any other Gymnasium id works too: `arena list envs --all`.", style="dim")

    return {noun: [_plain(spec) for spec in specs] for noun, specs in chosen.items()}, show


def _summary(spec: Spec) -> str:
    return f"{spec.summary} (default)" if _plain(spec).get("default") else spec.summary


def _print_specs(rows: Iterable[tuple[str, str]]) -> None:
    from rich.padding import Padding
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="green", no_wrap=True, min_width=24)
    table.add_column()
    for row in rows:
        table.add_row(*map(clean, row))
    if table.row_count:
        console().print(Padding(table, (0, 0, 1, 2), expand=False))


def _plain(spec: Spec) -> dict[str, Any]:
    extra = {name: getattr(spec, name) for name in ("unit", "horizon", "default") if hasattr(spec, name)}
    return {
        "name": spec.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "plugin": spec.plugin,
        **extra,
    }


def _fitting(env: str) -> tuple[dict[str, Any], Callable[[], None]]:
    from arena.agents.base import Needs
    from arena.agents.compatibility import mismatch
    from arena.environments.factory import EnvironmentFactory
    from arena.environments.spaces import describe_space

    factory = EnvironmentFactory.resolve(env)
    _ = factory.properties  # a broken environment is no agent's fault
    agents = []
    for spec in get_plugins().agents.values():
        try:
            needs = getattr(spec.load(), "needs", None)
            problem = f"{spec.target} is no arena.Agent"
            reason = mismatch(needs, factory) if isinstance(needs, Needs) else problem
        except ArenaError as error:
            reason = str(error)
        agents.append({**_plain(spec), "fits": reason is None, "reason": reason})
    agents.sort(key=lambda agent: not agent["fits"])

    def show() -> None:
        from rich.text import Text

        screen = console()
        space = f"{describe_space(factory.properties.observation_space)} → {describe_space(factory.properties.action_space)}"
        model = (
            ""
            if factory.properties.model is None
            else f", {factory.properties.model.num_states:,} states with a model"
        )
        screen.print(Text.assemble((f"agents for {factory.id}", "bold"), (f"  {space}{model}", "dim")))
        fits = [agent for agent in agents if agent["fits"]]
        _print_specs((agent["name"], agent["summary"]) for agent in fits)
        for agent in agents[len(fits) :]:
            screen.print(clean(f"  {agent['name']} does not fit: {agent['reason']}"), style="dim")
        if not fits:
            screen.print("none fits", style="yellow")

    return {"env": factory.id, "agents": agents}, show


def _encoders() -> tuple[dict[str, Any], Callable[[], None]]:
    """The encoders and what they can do, for which each is imported."""
    from arena.encoders.compatibility import encoder_class_of

    encoders = []
    for spec in get_plugins().encoders.values():
        try:
            can, problem = _abilities(encoder_class_of(spec)), None
        except ArenaError as error:
            can, problem = [], str(error)
        encoders.append({**_plain(spec), "can": can, "problem": problem})

    def show() -> None:
        if not encoders:
            console().print("no encoders are installed; see `arena list plugins`", style="bold")
            return
        print_table(
            ["encoder", "", "can"],
            [[e["name"], e["summary"], e["problem"] or ", ".join(e["can"])] for e in encoders],
        )

    return {"encoders": encoders}, show


def _abilities(encoder: type[Any]) -> list[str]:
    """The protocols whose methods a class has, in lower case."""
    from arena.encoders import base as protocols

    known = ("Encodes", "Decodes", "Perceives", "Samples", "Scores", "Inverts", "Remembers", "PartialFit")
    shown = {"PartialFit": "fits in one pass"}
    methods = {name: [m for m in vars(getattr(protocols, name)) if not m.startswith("_")] for name in known}
    return [
        f"{name.lower()} ({encoder.bound})" if name == "Scores" else shown.get(name, name.lower())
        for name, needed in methods.items()
        if all(hasattr(encoder, method) for method in needed)
    ]


def _every_environment() -> tuple[dict[str, Any], Callable[[], None]]:
    import gymnasium as gym

    ours = get_plugins().environments
    others = sorted(set(gym.registry) - set(ours))
    found, show_ours = _specs(["envs"])

    def show() -> None:
        from rich.columns import Columns

        show_ours()
        screen = console()
        screen.print(Columns(others, padding=(0, 3), column_first=True))
        screen.print(f"{len(others)} ids of Gymnasium's; a package's own are written module:id.", style="dim")

    return {**found, "gymnasium": others}, show


def _plugins() -> tuple[dict[str, Any], Callable[[], None]]:
    infos = get_plugins().infos
    names = ("name", "distribution", "version", "status", "problems")
    found = [{name: getattr(info, name) for name in names} for info in infos]

    def show() -> None:
        if not infos:
            console().print("no plugins are installed", style="yellow")
            return
        print_table(
            ["plugin", "distribution", "version", "status", "problems"],
            [[i.name, i.distribution, i.version, i.status, "\n".join(i.problems)] for i in infos],
        )

    return {"plugins": found}, show
