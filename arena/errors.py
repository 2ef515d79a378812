"""The one error that people see: what was wrong, with what, and the remedy, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ArenaError", "BusyError", "Interrupted", "unknown"]


class ArenaError(Exception):
    """Something a person can put right; the command line prints it on one line and exits with status 2.

    Args:
        problem: what was wrong and with what, without a final full stop.
        remedy: what to do about it, as an imperative.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}; {remedy}" if remedy else problem)

    def __reduce__(self) -> tuple[type[ArenaError], tuple[str, str], dict[str, object]]:
        return type(self), (self.problem, self.remedy), self.__dict__  # args hold the joined text


class Interrupted(ArenaError):
    """A run was asked to stop (Ctrl-C, SIGTERM); its last step is in a checkpoint."""


class BusyError(ArenaError):
    """Another process trains this run now."""


def unknown(kind: str, name: str, known: Iterable[str], remedy: str = "") -> ArenaError:
    """The error for a name that nothing bears, with the nearest names that something does.

    Example:
        >>> str(unknown("agent", "q-lerning", ["q-learning", "sarsa"]))
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
    return ArenaError(f"no {kind} is called {name!r}", hint)
