"""Exceptions of laws: a broken law, and a law that does not apply."""

from __future__ import annotations

__all__ = ["DoesNotApply", "LawError", "require"]


class LawError(AssertionError):
    """A law was broken.

    Args:
        problem: what is wrong, and in which case, without a final full stop.
        remedy: probable cause and how to fix it.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}; {remedy}" if remedy else problem)


class DoesNotApply(Exception):
    """A law that does not apply to the thing it was tried on; the message gives the reason."""


def require(held: bool, problem: str, remedy: str) -> None:
    """Raises a `LawError` unless `held` is true."""
    if not held:
        raise LawError(problem, remedy)
