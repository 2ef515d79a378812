"""What `arena check` is made of: named checks, run one by one; a defect in one does not stop the others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.errors import ArenaError
from arena.plugins.specs import describe_error

if TYPE_CHECKING:
    from arena.testing import Verdict

__all__ = ["Check", "Doubt", "Finding", "findings", "of_verdict"]


class Doubt(Exception):
    """Something that works, but that a person should know: shown, and no failure."""


@dataclass(frozen=True)
class Check:
    """One thing to try.

    Attributes:
        title: what holds if it passes, such as "same seed, same bytes".
        attempt: returns a remark (or nothing), and raises whatever is wrong: an `ArenaError` or an
            `AssertionError` that says what and what to do, a `Doubt`, or any other error.
    """

    title: str
    attempt: Callable[[], str | None]


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        title: the check's.
        mark: "✓", "!" for a doubt, "·" for what does not apply, or "✗".
        text: a remark, or what is wrong and what to do.
    """

    title: str
    mark: str
    text: str = ""


def findings(checks: Iterable[Check]) -> Iterator[Finding]:
    """Runs checks, and tells what each found as soon as it has."""
    yield from map(_found, checks)


def of_verdict(verdict: Verdict, *, doubtful: bool = False) -> Finding:
    """What a law of `arena.testing` said; a broken one may be a mere doubt."""
    marks = {"held": "✓", "does not apply": "·", "broken": "!" if doubtful else "✗"}
    return Finding(verdict.law.replace("_", " "), marks[verdict.status], verdict.reason)


def _found(check: Check) -> Finding:
    try:
        with warnings.catch_warnings(record=True):  # a check that cares about warnings records them itself
            warnings.simplefilter("always")
            return Finding(check.title, "✓", check.attempt() or "")
    except Doubt as doubt:
        return Finding(check.title, "!", str(doubt))
    except (ArenaError, AssertionError) as error:
        return Finding(check.title, "✗", " ".join(str(error).split()) or "an assertion failed")
    except (Exception, SystemExit) as error:
        return Finding(check.title, "✗", describe_error(error))
