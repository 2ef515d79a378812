"""The options of the chosen agent and environment, ``--agent.discount 0.9``; tyro is used only here.

tyro tells which words belong to which option. The values themselves are read by `arena.config`, which reads
TOML files and notebooks' dictionaries too, so that a mistake has the same one-line error everywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import io
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from arena.cli.parser import Parser, is_flag
from arena.config import Between, Plain, asdict, coerce, fields_help
from arena.errors import ArenaError

__all__ = ["Section", "help_text", "parse", "split"]

_OPTION = re.compile(r"--(agent|env)\.")


@dataclass(frozen=True)
class Section:
    """The options behind one prefix.

    Attributes:
        prefix: ``agent`` or ``env``.
        owner: whose options they are, for people.
        options: the config class.
        defaults: the preset's values, which the help shows.
    """

    prefix: str
    owner: str
    options: type[Any]
    defaults: Mapping[str, object]

    @property
    def flags(self) -> dict[str, str]:
        """Every flag, and the field that it sets; a switch has a second one, with ``no-``."""
        hints = typing.get_type_hints(self.options)
        found = {}
        for field in dataclasses.fields(self.options):
            found[f"--{self.prefix}.{field.name}"] = field.name
            if hints[field.name] is bool:
                found[f"--{self.prefix}.no-{field.name}"] = field.name
        return found


def split(words: Sequence[str], *, greedy: bool) -> tuple[list[str], list[str]]:
    """Takes the options of agents and environments out of a command line.

    Args:
        words: the words behind the verb.
        greedy: whether an option may have several values; only one may come before a positional word.

    Returns:
        The other words, and these.
    """
    rest: list[str] = []
    mine: list[str] = []
    room = 0.0
    for word in words:
        if is_flag(word):
            ours = _OPTION.match(word) is not None
            room = (float("inf") if greedy else float("=" not in word)) if ours else 0
            (mine if ours else rest).append(word)
        elif room >= 1:
            mine.append(word)
            room -= 1
        else:
            rest.append(word)
    return rest, mine


def parse(words: Sequence[str], sections: Iterable[Section]) -> dict[str, dict[str, Any]]:
    """Reads option words; returns only what they give, by prefix and field.

    Raises:
        ArenaError: an option that does not exist (with the nearest), or a value that is no such thing.
    """
    sections = [*sections]
    given: dict[str, dict[str, Any]] = {section.prefix: {} for section in sections}
    if not words:
        return given
    words, fields = _normal(words, sections)
    import tyro

    shape, defaults = _shape(sections)
    noise = io.StringIO()
    try:
        with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
            parsed = tyro.cli(shape, args=words, default=defaults, use_underscores=True, add_help=False)
    except SystemExit as error:  # the names are right, so the number of words is wrong
        raise _count(words, fields) from error
    for section in sections:
        values = getattr(parsed, section.prefix)
        for prefix, name in fields.values():
            if prefix == section.prefix:
                value = getattr(values, name)
                given[prefix][name] = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        plain = asdict(_read(section, given[section.prefix]))
        given[section.prefix] = {name: plain[name] for name in given[section.prefix]}
    return given


def help_text(sections: Iterable[Section]) -> str:
    """What each option is, its range, and its default with the preset, as `Parser` lays out its own."""
    parser = Parser(usage=argparse.SUPPRESS, add_help=False)
    for section in sections:
        group = parser.add_argument_group(f"options of {section.owner}")
        helps = fields_help(section.options)
        hints = typing.get_type_hints(section.options, include_extras=True)
        for field in dataclasses.fields(section.options):
            hint = hints[field.name]
            text = " ".join(helps.get(field.name, "").split()).rstrip(".")
            text += f" ({''.join(f'in {bound}; ' for bound in _bounds(hint))}{_default(section, field)})"
            flag = f"--{section.prefix}.{field.name}"
            group.add_argument(flag, metavar=_metavar(hint), help=text.replace("%", "%%").strip())
    return parser.format_help().rstrip()


def _normal(words: Sequence[str], sections: list[Section]) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """The words with each flag as its field is spelt and switches without values; each flag's field."""
    flags = {flag: (section, name) for section in sections for flag, name in section.flags.items()}
    normal: list[str] = []
    used: dict[str, tuple[str, str]] = {}
    remaining = [*words]
    while remaining:
        word = remaining.pop(0)
        if not is_flag(word):
            normal.append(word)
            continue
        flag, equals, value = word.partition("=")
        known = _spelt(flag, flags)
        section, name = flags[known]
        used[known] = (section.prefix, name)
        if equals:
            remaining.insert(0, value)
        if _is_switch(section, name):
            known = _switched(section, name, known, remaining)
        normal.append(known)
        # A value such as -0.5 must not look like a flag.
        while remaining and not is_flag(remaining[0]):
            normal.append(remaining.pop(0))
    return normal, used


def _spelt(flag: str, flags: Mapping[str, tuple[Section, str]]) -> str:
    head, _, name = flag.partition(".")
    underscored = name.replace("-", "_")
    spellings = [f"{head}.{name}", f"{head}.{underscored}"]
    if underscored.startswith("no_"):
        spellings.append(f"{head}.no-{underscored.removeprefix('no_')}")
    for spelling in spellings:
        if spelling in flags:
            return spelling
    prefix = head.removeprefix("--")
    owners = {section.prefix: section.owner for section, _ in flags.values()}
    owner = owners.get(prefix)
    if owner is None:
        raise ArenaError(f"{flag} cannot be given: there are no {prefix} options here", "leave it out")
    # Within its own section a distant name is a better guess than none.
    mine = [known for known in flags if known.startswith(f"{head}.")]
    close = difflib.get_close_matches(flag, mine, n=1) or difflib.get_close_matches(
        flag, flags, n=1, cutoff=0.8
    )
    remedy = f"did you mean {close[0]}?" if close else f"it has {', '.join(mine) or 'none'}"
    raise ArenaError(f"{flag} is not an option of {owner}", remedy)


def _read(section: Section, words: Mapping[str, object]) -> Any:
    """The config of some words over the defaults, or the error of one that is out of place."""
    text = {name: str(value) if isinstance(value, bool) else value for name, value in words.items()}
    return coerce(section.options, {**section.defaults, **text}, where=section.prefix, parse=True)


def _is_switch(section: Section, name: str) -> bool:
    return typing.get_type_hints(section.options)[name] is bool


def _switched(section: Section, name: str, flag: str, remaining: list[str]) -> str:
    """A switch's flag, after its ``true`` or ``false``, if there is one, has been taken."""
    if not remaining or is_flag(remaining[0]):
        return flag
    text = remaining.pop(0)
    wanted = getattr(_read(section, {name: text}), name) != (flag == f"--{section.prefix}.no-{name}")
    return f"--{section.prefix}.{name}" if wanted else f"--{section.prefix}.no-{name}"


def _count(words: Sequence[str], fields: Mapping[str, tuple[str, str]]) -> ArenaError:
    """The error of an option with no value or too many."""
    remedy = "see --help behind the agent and environment"
    for i, word in enumerate(words):
        if word in fields:
            following = [*words[i + 1 :]]
            count = next((n for n, later in enumerate(following) if is_flag(later)), len(following))
            if count == 0:
                return ArenaError(f"{word} needs a value", remedy)
            if count > 1:
                return ArenaError(f"{word} takes one value, not {' '.join(following[:count])}", remedy)
    return ArenaError(f"the options cannot be read: {' '.join(words)}", remedy)


def _shape(sections: Sequence[Section]) -> tuple[type[Any], Any]:
    """The sections as tyro sees them: switches, words and lists of words; and a default of each."""
    shapes, defaults = [], {}
    for section in sections:
        hints = typing.get_type_hints(section.options)
        names = [field.name for field in dataclasses.fields(section.options)]
        kinds = {name: _kind(hints[name]) for name in names}
        shape = dataclasses.make_dataclass(section.prefix.title(), kinds.items(), frozen=True)
        shapes.append((section.prefix, shape))
        defaults[section.prefix] = shape(**{name: _EMPTY[kind] for name, kind in kinds.items()})
    whole = dataclasses.make_dataclass("Options", shapes, frozen=True)
    return whole, whole(**defaults)


def _kind(hint: Any) -> Any:
    if hint is bool:
        return bool
    return tuple[str, ...] if _takes_many(hint) else str


def _takes_many(hint: Any) -> bool:
    if typing.get_origin(hint) in _UNIONS:
        return any(map(_takes_many, typing.get_args(hint)))
    return hint is tuple or typing.get_origin(hint) is tuple


def _bounds(hint: Any) -> list[Between]:
    """The ranges in a hint that bound anything."""
    if isinstance(hint, Between):
        return [] if hint.low is None and hint.high is None else [hint]
    return [bound for inner in typing.get_args(hint) for bound in _bounds(inner)]


def _metavar(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _metavar(args[0])
    if origin is typing.Literal:
        return "{" + ",".join(map(str, args)) + "}"
    if origin in _UNIONS:
        return "|".join(map(_metavar, args))
    if origin is tuple and args:
        return f"{_metavar(args[0])} …"
    return _METAVARS.get(hint, "VALUE")


def _default(section: Section, field: dataclasses.Field[Any]) -> str:
    if field.name in section.defaults:
        value = section.defaults[field.name]
    elif field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        return "must be given"
    return f"default: {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)


_UNIONS = (typing.Union, types.UnionType)
_EMPTY: dict[Any, object] = {bool: False, str: "", tuple[str, ...]: ()}
_METAVARS: dict[Any, str] = {
    bool: "true|false",
    int: "INT",
    float: "NUMBER",
    str: "TEXT",
    Plain: "VALUE",
    types.NoneType: "None",
}
