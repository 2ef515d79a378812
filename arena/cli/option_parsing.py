"""Options of what a command line names, such as an agent's ``--agent.discount 0.9``, as arguments of a verb's parser.

A command line is parsed twice: the first pass finds the agent, the environment or the encoder that it names, and the
second one knows their options. argparse assigns words to options; `arena.config.options` parses the values, as it does
for TOML files and Python dictionaries, so that errors are the same everywhere.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from arena.cli.output import only_json
from arena.cli.parser import Parser, is_flag, nearest
from arena.config.options import Between, asdict, coerce, fields_help
from arena.errors import ArenaError

__all__ = ["Section", "parse_with_options"]

HELP = frozenset(("-h", "--help"))

#: Prefixes of the options of ``arena train``.
PREFIXES = ("agent", "env", "encoder", "novelty")


@dataclass(frozen=True)
class Section:
    """Options with one prefix.

    Attributes:
        prefix: such as ``agent``, without dashes and dot.
        owner: name of the agent, environment or encoder, for help and errors.
        options: config class.
        defaults: the preset's values, which the help shows.
    """

    prefix: str
    owner: str
    options: type[Any]
    defaults: Mapping[str, object]


def parse_with_options(
    parser: Parser,
    words: Sequence[str],
    sections: Callable[[argparse.Namespace], Iterable[Section]],
    *,
    leading: int,
    prefixes: Sequence[str] = PREFIXES,
    named: Callable[[argparse.Namespace], object] = lambda args: True,
) -> argparse.Namespace:
    """Parses a command line with the options of what it names; ``--help`` shows them.

    Args:
        parser: parser of the verb.
        words: words behind the verb.
        sections: options of what the arguments name.
        leading: number of positional words that usually follow the verb; if they do, an option may have several values.
        prefixes: prefixes of the sections.
        named: whether the arguments before ``--help``, any of which may be missing, name enough to show the sections.

    Returns:
        The arguments; the attribute ``given`` holds the given options by prefix.

    Raises:
        ArenaError: an option does not exist (the error names the nearest), or another argument is wrong.
    """
    greedy = len(words) >= leading and not any(map(is_flag, words[:leading]))
    rest, mine = _split(words, greedy, prefixes)
    if HELP & {*rest}:
        try:
            args = parser.parse_incomplete([word for word in rest if word not in HELP])
            for section in sections(args) if named(args) else ():
                _add(parser, section)
        finally:  # an error comes below the help
            parser.print_help()
        sys.exit(0)
    args = parser.parse_intermixed_args(rest)
    args.given = {}
    if mine:
        with only_json(getattr(args, "json", False)):  # what is imported here may print
            chosen = [*sections(args)]
        for section in chosen:
            _add(parser, section)
        _check(parser, mine, chosen)
        args = parser.parse_intermixed_args([*rest, *mine])
        args.given = {section.prefix: _read(args, section) for section in chosen}
    return args


def _split(words: Sequence[str], greedy: bool, prefixes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Takes the options with a prefix out of a command line, before it is known which options exist.

    Args:
        words: words behind the verb.
        greedy: whether an option may have several values; only one may come before a positional word.
        prefixes: prefixes of the verb's sections.

    Returns:
        The other words, and the options, their flags spelt like fields (``--agent.learning-rate`` as
        ``--agent.learning_rate``).
    """
    rest: list[str] = []
    mine: list[str] = []
    room = 0.0
    heads = tuple(f"--{prefix}." for prefix in prefixes)
    for word in words:
        if word.startswith(heads):
            flag, equals, value = word.partition("=")
            flag = f"--{flag[2:].replace('-', '_')}"
            mine += [flag + equals + value] if is_flag(value) else [flag, value] if equals else [flag]
            room = float("inf") if greedy else float(not equals)
        else:
            room = 0 if is_flag(word) else room
            (mine if room else rest).append(word)
            room = max(room - 1, 0)
    return rest, mine


def _add(parser: Parser, section: Section) -> None:
    """Adds an argument for each field; its help has the range and the preset's default."""
    group = parser.add_argument_group(f"options of {section.owner}")
    helps = fields_help(section.options)
    hints = typing.get_type_hints(section.options, include_extras=True)
    for field in dataclasses.fields(section.options):
        hint = hints[field.name]
        text = " ".join(helps.get(field.name, "").split()).rstrip(".")
        text += f" ({''.join(f'in {bound}; ' for bound in _bounds(hint))}{_default(section, field)})"
        flag = f"--{section.prefix}.{field.name}"
        settings: dict[str, Any] = {
            "dest": flag.removeprefix("--"),
            "default": argparse.SUPPRESS,
            "metavar": _metavar(hint),
            "nargs": "?" if hint is bool else "+" if _takes_many(hint) else None,
            "const": True if hint is bool else None,
        }
        group.add_argument(flag, help=text.replace("%", "%%").strip(), **settings)
        if hint is bool and f"no_{field.name}" not in hints:
            no = {**settings, "const": False, "type": _opposite, "help": argparse.SUPPRESS}
            group.add_argument(f"--{section.prefix}.no_{field.name}", **no)


def _check(parser: Parser, words: Sequence[str], sections: Sequence[Section]) -> None:
    """Raises an `ArenaError`, more precise than argparse's, for unknown options and for those with too many values."""
    flags = parser.flags
    for i, flag in enumerate(word.partition("=")[0] for word in words):
        if not is_flag(flag):
            continue
        if flag not in flags:
            head = flag.partition(".")[0]
            owner = next((section.owner for section in sections if head == f"--{section.prefix}"), None)
            if owner is None:
                raise ArenaError(f"{flag} is no option of this command", "leave it out, or see --help")
            # Within its own section a distant name is a better guess than none.
            own = [known for known in flags if known.startswith(f"{head}.")]
            remedy = (
                nearest(flag, own) or nearest(flag, [*flags], 0.8) or f"it has {', '.join(own) or 'none'}"
            )
            raise ArenaError(f"{flag} is not an option of {owner}", remedy)
        values = [*itertools.takewhile(lambda word: not is_flag(word), words[i + 1 :])]
        if len(values) > 1 and flags[flag].nargs != "+":
            raise ArenaError(f"{flag} takes one value, not {' '.join(values)}", "give one; see --help")


def _read(args: argparse.Namespace, section: Section) -> dict[str, Any]:
    """Plain values of the section's options that were given; one word may be a list: ``64,64``."""
    head = f"{section.prefix}."
    given = {name.removeprefix(head): value for name, value in vars(args).items() if name.startswith(head)}
    words = {name: v[0] if isinstance(v, list) and len(v) == 1 else v for name, v in given.items()}
    config = coerce(
        section.options, {**section.defaults, **words}, where=section.prefix, owner=section.owner, parse=True
    )
    return {name: value for name, value in asdict(config).items() if name in given}


def _opposite(text: str) -> str:
    return {"true": "false", "false": "true"}.get(text.lower(), text)


def _takes_many(hint: Any) -> bool:
    return tuple in (hint, typing.get_origin(hint)) or any(map(_takes_many, typing.get_args(hint)))


def _bounds(hint: Any) -> list[Between]:
    """Ranges in a type hint that have a bound."""
    if isinstance(hint, Between):
        return [] if hint.low is None and hint.high is None else [hint]
    return [bound for inner in typing.get_args(hint) for bound in _bounds(inner)]


def _metavar(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated or (origin is tuple and args):
        return _metavar(args[0])
    if origin is typing.Literal:
        return "{" + ",".join(map(str, args)) + "}"
    if origin in (typing.Union, types.UnionType):
        return "|".join(map(_metavar, args))
    return _METAVARS.get(hint, "VALUE")


def _default(section: Section, field: dataclasses.Field[Any]) -> str:
    value = section.defaults.get(field.name, field.default)
    if value is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    return "must be given" if value is dataclasses.MISSING else f"default: {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)


_METAVARS = {bool: "true|false", int: "INT", float: "NUMBER", str: "TEXT", types.NoneType: "None"}
