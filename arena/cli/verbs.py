"""The verbs: arena's own and those of plugins, found by name, and only the chosen one imported."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from arena.cli.output import only_json
from arena.cli.parser import Parser, without
from arena.errors import ArenaError, unknown_name
from arena.plugins.discovery import Plugins, get_plugins, use_plugins
from arena.plugins.specs import Command

__all__ = ["require_verb", "run"]

#: What each verb of arena's own does; `arena.cli.NAME` has the rest.
VERBS = {
    "train": "train an agent in an environment: table, run folders, exact answers",
    "fit": "fit an encoder to the frames of an environment, or to pictures",
    "sweep": "train every combination of agents, environments and settings in a file",
    "resume": "go on with runs that were stopped, or train them further",
    "eval": "let a trained agent play, here or in another environment",
    "list": "what there is: agents, environments, encoders, plugins, runs",
    "check": "put an agent, an encoder, an environment or a plugin to the test",
}

#: The verbs of the applications that come with arena as plugins, and the order in which ``arena --help`` shows them.
APPLICATIONS = ("watch", "play", "gallery", "report")
ORDER = ("train", "fit", "sweep", "resume", "eval", *APPLICATIONS, "list", "check")

EXAMPLES = """\
examples:
  arena train q-learning arena/CliffWalk-v0 --seeds 5
  arena train value-iteration FrozenLake-v1 --agent.discount 0.99
  arena train q-learning arena/CliffWalk-v0 --help     every option of this agent and environment
  arena list agents --for CartPole-v1
  arena eval runs/RUN --json
"""

FLAGS = """\
anywhere:
  --no-plugin X  leave a plugin out (may be repeated)
  --debug        show the traceback of an error
  --version      show the version
  -h, --help     show help: also of a verb
"""


def run(words: Sequence[str]) -> int:
    """Runs the verb that a command line names; returns its exit status.

    Raises:
        ArenaError: there is no such verb, or whatever the verb says is wrong.
    """
    rest, blocked = without(words, "--no-plugin")
    json = "--json" in rest
    with _plugins(blocked, json):
        if "--version" in rest[:1]:
            print(f"arena {_version()}")
            return 0
        if not rest or rest[0] in ("-h", "--help", "help"):
            print(_help())
            return 0
        verb, *arguments = rest
        if verb.startswith("-"):
            raise ArenaError(
                f"{verb} stands before the verb", "write it behind, as in `arena train … --steps 1000`"
            )
        with only_json(json):  # plugins that are imported here may print
            command = _command(verb)
        parser = Parser(prog=f"arena {verb}")
        command.configure(parser)
        # A verb that takes the options of an agent and an environment parses them itself.
        parse = getattr(command, "parse", None)
        args = parser.parse_args(arguments) if parse is None else parse(parser, arguments)
        try:
            return command.run(args)
        except SystemExit as error:
            if verb not in ORDER:  # a plugin's verb may end as it likes
                raise
            raise RuntimeError(f"something called sys.exit({error.code!r}), and ended the command") from error


def _command(verb: str) -> Command:
    if verb in VERBS:
        return cast(Command, importlib.import_module(f"arena.cli.{verb}"))
    require_verb(verb)
    return cast(Command, get_plugins().commands[verb].load())


def require_verb(verb: str) -> None:
    """Raises an error where a verb does not exist.

    Raises:
        ArenaError: there is no such verb, or its plugin is left out.
    """
    commands = get_plugins().commands
    if verb in VERBS or verb in commands:
        return
    if verb in APPLICATIONS:
        remedy = "reinstall arena-rl, or allow the plugin in ARENA_PLUGINS and --no-plugin; see `arena list plugins`"
        raise ArenaError(f"the verb {verb} is missing: its plugin is left out or not installed", remedy)
    raise unknown_name("verb", verb, [*VERBS, *commands], "see `arena --help`")


@contextmanager
def _plugins(blocked: Sequence[str], json: bool) -> Iterator[None]:
    """Leaves plugins out, also in the processes that this one starts; what the others print is no JSON."""
    if not blocked:
        yield
        return
    with only_json(json):
        plugins = Plugins(block=blocked)
        others = ",".join(info.name for info in plugins.infos if info.status != "blocked")
    before = os.environ.get("ARENA_PLUGINS")
    os.environ["ARENA_PLUGINS"] = others
    try:
        with use_plugins(plugins):
            yield
    finally:
        if before is None:
            del os.environ["ARENA_PLUGINS"]
        else:
            os.environ["ARENA_PLUGINS"] = before


def _help() -> str:
    summaries = {name: spec.summary for name, spec in get_plugins().commands.items()} | VERBS
    ours = {name: summaries.pop(name) for name in ORDER if name in summaries}
    theirs = summaries
    width = max(map(len, [*ours, *theirs]))
    parts = ["arena VERB …    agents, environments and encoders meet here\n", _verbs("verbs:", ours, width)]
    if theirs:
        parts.append(_verbs("verbs of plugins:", theirs, width))
    return "\n".join([*parts, FLAGS, EXAMPLES]).rstrip()


def _verbs(title: str, verbs: dict[str, str], width: int) -> str:
    return "\n".join([title, *(f"  {name:<{width}}  {summary}" for name, summary in verbs.items()), ""])


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("arena-rl")
    except metadata.PackageNotFoundError:
        return "(not installed)"
