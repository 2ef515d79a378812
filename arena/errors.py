"""Exceptions that users see: what is wrong, with what, and how to fix it, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ArenaError", "BusyError", "Interrupted", "UnknownNameError", "one_line", "unknown_name"]


class ArenaError(Exception):
    """Error that the user can fix; the command line prints it on one line and exits with status 2.

    Args:
        problem: what is wrong and with what, without a final full stop.
        remedy: how to fix it, as an imperative.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}; {remedy}" if remedy else problem)

    def __reduce__(self) -> tuple[type[ArenaError], tuple[str, str], dict[str, object]]:
        return type(self), (self.problem, self.remedy), self.__dict__  # args hold the joined text


class Interrupted(ArenaError):
    """Training stopped on request (Ctrl-C, SIGTERM); a checkpoint holds the last step."""


class BusyError(ArenaError):
    """Another process is training this run now."""


class UnknownNameError(ArenaError):
    """Name that does not exist; made by `unknown_name`.

    Attributes:
        kind: what the name was taken for, such as ``environment``.
        name: the name.
    """

    kind = name = ""


def one_line(error: BaseException) -> str:
    """Describe an exception in one line: its type, and its message if it has one."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def unknown_name(kind: str, name: str, known: Iterable[str], remedy: str = "") -> UnknownNameError:
    """Error for an unknown name, with the most similar known names.

    Example:
        >>> str(unknown_name("agent", "q-lerning", ["q-learning", "sarsa"]))
        "no agent is called 'q-lerning'; did you mean 'q-learning'?"
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        hint = "did you mean " + " or ".join(repr(c) for c in close) + "?"
    elif remedy:
        hint = remedy
    else:
        hint = "known: " + (", ".join(names) if names else "none")
    error = UnknownNameError(f"no {kind} is called {name!r}", hint)
    error.kind, error.name = kind, name
    return error
