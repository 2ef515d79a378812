"""Exceptions that users see: what is wrong, with what, and how to fix it, in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = [
    "ArenaError",
    "BusyError",
    "Interrupted",
    "UnknownNameError",
    "memory_error",
    "one_line",
    "shorten",
    "unknown_name",
]

#: Longest text of a problem or a remedy, in characters.
LONGEST = 2000

#: Longest part of a word, in characters; a file's name has at most 255 bytes, so paths keep their parts.
_LONG_PART = re.compile(r"[^\s/\\]{256,}")


def shorten(text: str) -> str:
    """Cut words of more than 255 characters, such as a number of 5,000 digits, and texts of more than `LONGEST`."""
    if len(text) > 1 << 20:
        text = f"{text[: 1 << 19]} … {text[-LONGEST:]}"
    text = _LONG_PART.sub(lambda found: f"{found[0][:60]}…{found[0][-20:]}", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 500]} … {text[-490:]}"


class ArenaError(Exception):
    """Error that the user can fix; the command line prints it on one line and exits with status 2.

    Args:
        problem: what is wrong and with what, without a final full stop.
        remedy: how to fix it, as an imperative.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem, self.remedy = shorten(problem), shorten(remedy)
        super().__init__(f"{self.problem}; {self.remedy}" if remedy else self.problem)

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
    return shorten(" ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":"))


def memory_error(error: BaseException) -> ArenaError | None:
    """Error for an allocation that failed in Python, numpy or torch; None for any other exception."""
    text = " ".join(str(error).split())
    failed = isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and any(part in text for part in ("not enough memory", "can't allocate memory", "out of memory"))
    )
    if not failed:
        return None
    reason = re.sub(r"^\[.*?\] (\. )?", "", text).partition(". GPU")[0]
    problem = f"memory ran out: {reason}" if reason else "memory ran out"
    return ArenaError(problem, "use smaller networks, buffers or batches, or fewer --envs or --workers")


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
