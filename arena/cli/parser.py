"""Argument parser whose errors are one line with a remedy, and parsers of numbers."""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from arena.config.validation import most, parse_count
from arena.errors import ArenaError

__all__ = ["Parser", "is_flag", "nearest", "seed", "whole", "without"]

_NEGATIVE = re.compile(r"-(\.?\d|(inf|infinity|nan)$)", re.IGNORECASE)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help in two columns, as wide as the terminal up to 110."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=min(shutil.get_terminal_size().columns, 110) - 2)

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """``NAME …`` rather than ``NAME [NAME ...]``."""
        return f"{action.metavar} …" if action.nargs == "+" else super()._format_args(action, default_metavar)


class Parser(argparse.ArgumentParser):
    """A parser without abbreviations, whose errors are `ArenaError`s with a remedy."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", _Formatter)
        settings.setdefault("allow_abbrev", False)
        super().__init__(**settings)
        self._negative_number_matcher = _NEGATIVE  # argparse's own takes -1e5 and -inf for flags

    @property
    def flags(self) -> dict[str, argparse.Action]:
        """Every long flag and its action."""
        return {flag: action for flag, action in self._option_string_actions.items() if flag.startswith("--")}

    def parse_incomplete(self, words: Sequence[str]) -> argparse.Namespace:
        """Parses words of which required ones may be missing; for the help, after which the parser is not used."""
        for action in self._actions:
            action.required = False
        return self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        """Raises an error of argparse as an `ArenaError` with a remedy."""
        usage = f"see `{self.prog} --help`"
        kind, _, rest = message.partition(": ")
        if kind == "unrecognized arguments":
            words = rest.split()
            word = next((word for word in words if word.startswith("-")), words[0]).partition("=")[0]
            if not word.startswith("-"):
                raise ArenaError(f"{self.prog} has no argument for {word!r}", usage)
            raise ArenaError(f"{word} is not an option of {self.prog}", nearest(word, [*self.flags]) or usage)
        if kind == "the following arguments are required":
            raise ArenaError(f"{self.prog} needs {rest.replace(', ', ' and ')}", usage)
        if kind.startswith("argument "):
            name = kind.removeprefix("argument ").rpartition("/")[2]
            if rest.startswith("expected"):
                raise ArenaError(f"{name} needs a value", usage)
            if rest.startswith("invalid choice"):
                given, _, choices = rest.removeprefix("invalid choice: ").partition(" (choose from ")
                known = [choice.strip(" '") for choice in choices.rstrip(")").split(",")]
                remedy = nearest(given.strip("'"), known) or f"choose {' or '.join(known)}"
                raise ArenaError(f"{name} cannot be {given}", remedy)
            if rest.startswith("not allowed with argument "):
                other = rest.removeprefix("not allowed with argument ")
                raise ArenaError(f"{name} and {other} exclude each other", "give only one of them")
        raise ArenaError(message, usage)


def is_flag(word: str) -> bool:
    """Whether a word is a flag, and not a value such as ``-0.5`` or ``-1,2``."""
    return word.startswith("-") and word != "-" and _NEGATIVE.match(word) is None


def nearest(word: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    """Remedy that names the most similar known word; empty if none is similar enough."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"did you mean {close[0]}?" if close else ""


def without(words: Sequence[str], flag: str) -> tuple[list[str], list[str]]:
    """Words without a flag ``--flag VALUE`` or ``--flag=VALUE``, and the values of the flag.

    Raises:
        ArenaError: a value is missing.
    """
    rest: list[str] = []
    values: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word == flag:
            value = next(remaining, "-")
            if value.startswith("-"):
                raise ArenaError(f"{flag} needs a value", "name a plugin; see `arena list plugins`")
            values.append(value)
        elif word.startswith(f"{flag}="):
            values.append(word.partition("=")[2])
        else:
            rest.append(word)
    return rest, values


def whole(name: str, least: int = 1, greatest: int | None = None) -> Callable[[str], int]:
    """Parser of a whole number: ``200000``, ``200_000``, ``2e5``, ``200k`` or ``0.2M``.

    Args:
        name: the flag, for the error.
        least: the smallest number allowed.
        greatest: the largest number allowed; by default that of `arena.config.validation.most`.
    """

    def read(text: str) -> int:
        try:
            number = parse_count(text)
        except (ValueError, OverflowError):
            problem = f"{name} is {text!r}, which is not a whole number"
            raise ArenaError(problem, "give one such as 200000, 2e5 or 200k") from None
        if number < least:
            problem = f"{name} is {text}, which is less than {least}"
            raise ArenaError(problem, f"give a whole number from {least}")
        if number > (limit := most(name) if greatest is None else greatest):
            raise ArenaError(f"{name} is {text}, which is more than {limit:,}", "give a smaller number")
        return number

    return read


def seed(text: str) -> int:
    """Parses a seed: a whole number from 0."""
    return whole("--seed", 0, 2**63 - 1)(text)
