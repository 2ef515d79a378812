"""Verbs of the command line, arena's own and those of plugins; only the chosen one is imported."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

from arena.cli.output import only_json
from arena.cli.parser import Parser, without
from arena.errors import ArenaError, unknown_name
from arena.plugins.discovery import Plugins, get_plugins, use_plugins
from arena.plugins.specs import Command

__all__ = ["require_verb", "run"]

#: Summaries of arena's own verbs; the module `arena.cli.NAME` is the verb.
VERBS = {
    "train": "train an agent in an environment",
    "fit": "fit an encoder to frames of an environment, or of another source",
    "sweep": "train every combination of the agents, environments and options in a file",
    "resume": "continue interrupted runs, or train finished runs further",
    "eval": "evaluate a trained agent, in its environment or in another one",
    "list": "list agents, environments, encoders, plugins or runs",
    "check": "test an agent, an encoder, an environment or a plugin",
}

#: Verbs of the applications that come with arena as plugins, and the order in which ``arena --help`` shows them.
APPLICATIONS = ("watch", "play", "gallery", "report")
ORDER = ("train", "fit", "sweep", "resume", "eval", *APPLICATIONS, "list", "check")

USAGE = """\
usage: arena VERB …

Reinforcement learning with agents, environments and encoders.
"""

EXAMPLES = """\
examples:
  arena train q-learning arena/CliffWalk-v0 --seeds 5
  arena train value-iteration FrozenLake-v1 --agent.discount 0.99
  arena train q-learning arena/CliffWalk-v0 --help     all options of this agent and environment
  arena list agents --for CartPole-v1
  arena eval runs/RUN --json
"""

FLAGS = """\
options of every verb:
  --no-plugin X  disable the plugin X (may be repeated)
  --trust        import and run the code that run folders name, also from the working directory, and remember
                 these folders; see docs/security.md
  --debug        show the traceback of an error
  --version      show the version of arena
  -h, --help     show this help, or the help of the verb
"""


def run(words: Sequence[str]) -> int:
    """Runs the verb that a command line names, and returns the exit status.

    Raises:
        ArenaError: the verb does not exist, or raises the error.
    """
    rest, blocked = without(words, "--no-plugin")
    trusted = "--trust" in rest
    rest = [word for word in rest if word != "--trust"]
    json = "--json" in rest
    with _plugins(blocked, json), _modules(rest, trusted):
        if "--version" in rest[:1]:
            print(f"arena {_version()}")
            return 0
        if not rest or rest[0] in ("-h", "--help", "help"):
            print(_help())
            return 0
        verb, *arguments = rest
        if verb.startswith("-"):
            raise ArenaError(
                f"{verb} stands before the verb", "write it after, as in `arena train … --steps 1000`"
            )
        with only_json(json):  # plugins that are imported here may print
            command = _command(verb)
        parser = Parser(prog=f"arena {verb}")
        command.configure(parser)
        # A verb with options of an agent or an environment parses them itself.
        parse = getattr(command, "parse", None)
        args = parser.parse_args(arguments) if parse is None else parse(parser, arguments)
        try:
            return command.run(args)
        except SystemExit as error:
            if verb not in ORDER:  # a plugin's verb may exit in any way
                raise
            raise RuntimeError(
                f"the command ended because something called sys.exit({error.code!r})"
            ) from error


def _command(verb: str) -> Command:
    if verb in VERBS:
        return cast(Command, importlib.import_module(f"arena.cli.{verb}"))
    require_verb(verb)
    return cast(Command, get_plugins().commands[verb].load())


def require_verb(verb: str) -> None:
    """Raises an error if a verb does not exist.

    Raises:
        ArenaError: the verb does not exist, or its plugin is disabled.
    """
    commands = get_plugins().commands
    if verb in VERBS or verb in commands:
        return
    if verb in APPLICATIONS:
        remedy = "reinstall arena-rl, or allow the plugin in ARENA_PLUGINS and --no-plugin; see `arena list plugins`"
        raise ArenaError(f"the verb {verb} is missing: its plugin is disabled or not installed", remedy)
    raise unknown_name("verb", verb, [*VERBS, *commands], "see `arena --help`")


@contextmanager
def _plugins(blocked: Sequence[str], json: bool) -> Iterator[None]:
    """Disables plugins, also in child processes; the output of the others' imports stays out of the JSON."""
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


def _modules(words: Sequence[str], trusted: bool) -> AbstractContextManager[None]:
    """Lets the command import modules that its words name, and with ``--trust`` those that files name."""
    if not trusted and not any(":" in word for word in words):
        return nullcontext()  # without the import of what decides
    from arena.plugins.trust import find_typed_modules

    return find_typed_modules(words, trusted)


def _help() -> str:
    summaries = {name: spec.summary for name, spec in get_plugins().commands.items()} | VERBS
    width = max(map(len, summaries))
    ours = {name: summaries.pop(name) for name in ORDER if name in summaries}
    parts = [USAGE, _verbs("verbs:", ours, width)]
    if summaries:
        parts.append(_verbs("verbs of plugins:", summaries, width))
    return "\n".join([*parts, FLAGS, EXAMPLES]).rstrip()


def _verbs(title: str, verbs: dict[str, str], width: int) -> str:
    return "\n".join([title, *(f"  {name:<{width}}  {summary}" for name, summary in verbs.items()), ""])


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("arena-rl")
    except metadata.PackageNotFoundError:
        return "(not installed)"
