"""Verb ``list``: lists what is installed, and runs.

Specs are read without importing their targets, except for ``--for`` and the abilities of encoders.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from arena.cli.output import clean, console, only_json, print_json, print_table
from arena.cli.parser import Parser, seed
from arena.cli.run_arguments import add_count
from arena.cli.run_filters import SORTS, STATUSES, Choice
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import LOCAL, Spec

__all__ = ["configure", "parse", "run"]

NOUNS = ("agents", "envs", "encoders", "sources", "trackers", "launchers", "overlays", "plugins", "runs")

#: Flags that select runs.
FILTERS = ("agent", "env", "seed", "status", "where", "sort", "reverse", "limit")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena list``."""
    parser.description = (
        "Lists what is installed, or the runs in a folder.\n"
        "Without a noun: agents, environments and encoders."
    )
    add = parser.add_argument
    add("noun", metavar="NOUN", nargs="?", choices=NOUNS, help=", ".join(NOUNS))
    add("paths", metavar="DIR", nargs="*", help="with runs: folders that hold run folders (default: runs)")
    fitting = "with agents: which agents fit the environment, and why the others do not"
    add("--for", metavar="ENV", dest="fitting", help=fitting)
    add("--all", action="store_true", help="with envs: also every other id of Gymnasium")
    add("--json", action="store_true", help="print one JSON object")
    group = parser.add_argument_group(
        "selection of runs",
        "A repeated flag selects runs with any of its values; --where selects runs with all.",
    )
    add = group.add_argument
    add(
        "--agent", metavar="GLOB", action="append", help="runs of agents whose name matches, such as 'sarsa*'"
    )
    add("--env", metavar="GLOB", action="append", help="runs in environments that match, such as 'arena/*'")
    add("--seed", metavar="S", action="append", type=seed, help="runs with this seed")
    status = f"runs with this status: {', '.join(STATUSES)}"
    add("--status", metavar="STATUS", action="append", choices=STATUSES, help=status)
    where = (
        "runs whose option or field has a value, such as agent.learning_rate=0.1, env.slip=0, 'steps>=200k'; "
        "the operators are = != < <= > >="
    )
    add("--where", metavar="KEY=VALUE", action="append", help=where)
    add("--sort", metavar="BY", choices=SORTS, help=f"order: {', '.join(SORTS)} (default: path)")
    add("--reverse", action="store_true", help="list in reverse order")
    add_count(group, "--limit", "N", "largest number of runs to list")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses the words; folders may stand between flags."""
    return parser.parse_intermixed_args(words)


def run(args: argparse.Namespace) -> int:
    """Prints a list.

    Raises:
        ArenaError: a flag or a word does not apply to the noun.
    """
    _refuse_what_is_ignored(args)
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
        elif args.all:
            found, show = _every_environment()
        else:
            found, show = _specs([args.noun] if args.noun else ["agents", "envs", "encoders"])
    if args.json:
        print_json(found)
    else:
        show()
    return 0


def _refuse_what_is_ignored(args: argparse.Namespace) -> None:
    """Raises an error for a flag or a word that the noun does not use."""
    noun = args.noun or "agents"
    flags = dict.fromkeys(FILTERS, "runs") | {"fitting": "agents", "all": "envs"}
    for name, only in flags.items():
        if getattr(args, name) and only != noun:
            flag = "--for" if name == "fitting" else f"--{name}"
            raise ArenaError(f"{flag} applies to {only} alone", f"write `arena list {only} {flag} …`")
    if args.paths and noun != "runs":
        problem = f"arena list {noun} takes no further word such as {args.paths[0]!r}"
        raise ArenaError(
            problem, "leave it out; `arena check NAME` tests a single agent, encoder or environment"
        )


def _specs(nouns: Iterable[str]) -> tuple[dict[str, Any], Callable[[], None]]:
    plugins = get_plugins()
    chosen = {
        noun: [*getattr(plugins, "environments" if noun == "envs" else noun).values()] for noun in nouns
    }
    if "launchers" in chosen:
        chosen["launchers"].insert(0, LOCAL)

    def show() -> None:
        screen = console()
        for noun, specs in chosen.items():
            if specs or len(chosen) == 1:
                missing = f"no {noun} are installed; see `arena list plugins`"
                screen.print(noun if specs else missing, style="bold")
            _print_specs((getattr(spec, "usage", spec.name), _summary(spec)) for spec in specs)
        if "envs" in chosen:
            screen.print("Other Gymnasium ids work too; `arena list envs --all` lists them.", style="dim")

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
    further = ("unit", "horizon", "reads", "suffixes", "default")
    extra = {name: getattr(spec, name) for name in further if hasattr(spec, name)}
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
    properties = factory.properties  # first: an error of the environment is not one of an agent
    agents = []
    for spec in get_plugins().agents.values():
        try:
            needs = getattr(spec.load(), "needs", None)
            problem = f"{spec.target} is not an arena.Agent"
            reason = mismatch(needs, factory) if isinstance(needs, Needs) else problem
        except ArenaError as error:
            reason = str(error)
        agents.append({**_plain(spec), "fits": reason is None, "reason": reason})
    agents.sort(key=lambda agent: not agent["fits"])

    def show() -> None:
        from rich.text import Text

        screen = console()
        space = f"{describe_space(properties.observation_space)} → {describe_space(properties.action_space)}"
        model = properties.model
        known = "" if model is None else f", transition model with {model.num_states:,} states"
        screen.print(Text.assemble((f"agents for {factory.id}", "bold"), (f"  {space}{known}", "dim")))
        fits = [agent for agent in agents if agent["fits"]]
        _print_specs((agent["name"], agent["summary"]) for agent in fits)
        for agent in agents[len(fits) :]:
            screen.print(clean(f"  {agent['name']} does not fit: {agent['reason']}"), style="dim")
        if not fits:
            screen.print("no installed agent fits", style="yellow")

    return {"env": factory.id, "agents": agents}, show


def _encoders() -> tuple[dict[str, Any], Callable[[], None]]:
    """Lists the encoders with their abilities, for which each encoder is imported."""
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
        rows = [[one["name"], one["summary"], one["problem"] or ", ".join(one["can"])] for one in encoders]
        print_table(["encoder", "summary", "abilities"], rows)

    return {"encoders": encoders}, show


def _abilities(encoder: type[Any]) -> list[str]:
    """Names of the protocols whose methods a class has, in lower case."""
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
        screen.print(
            f"{len(others)} further ids of Gymnasium; ids of other packages are written module:id",
            style="dim",
        )

    return {**found, "gymnasium": others}, show


def _plugins() -> tuple[dict[str, Any], Callable[[], None]]:
    names = ("name", "distribution", "version", "status", "problems")
    found = [{name: getattr(info, name) for name in names} for info in get_plugins().infos]

    def show() -> None:
        if found:
            rows = [[*list(one.values())[:-1], "\n".join(one["problems"])] for one in found]
            print_table(["plugin", *names[1:]], rows)
        else:
            console().print("no plugins are installed", style="yellow")

    return {"plugins": found}, show
