"""How a law says that it was broken, or that it has nothing to say."""

from __future__ import annotations

__all__ = ["DoesNotApply", "LawError", "require"]


class LawError(AssertionError):
    """A law was broken.

    Args:
        problem: what was broken, and with what, without a final full stop.
        remedy: what probably went wrong and what to do about it.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}; {remedy}" if remedy else problem)


class DoesNotApply(Exception):
    """The law says nothing about this one; the message tells why."""


def require(held: bool, problem: str, remedy: str) -> None:
    """Raises a `LawError` unless the law held."""
    if not held:
        raise LawError(problem, remedy)
