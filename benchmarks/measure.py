"""Measurement: alternating repetitions, medians, one thread."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Row:
    """One figure, and what it should be.

    Attributes:
        what: what was measured.
        value: the median.
        unit: of the value.
        target: the bound, in the same unit, or None.
        at_least: whether the value should be above the target; below it otherwise.
        spread: the smallest and the largest repetition.
        more: whether the value is only known to be greater than this.
    """

    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = True
    spread: tuple[float, float] | None = None
    more: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


class Seconds(NamedTuple):
    """How long something took.

    Attributes:
        cpu: of this process, by all its threads.
        wall: on the clock.
    """

    cpu: float
    wall: float

    @classmethod
    def now(cls) -> Self:
        """What both say."""
        return cls(time.process_time(), time.perf_counter())

    def passed(self) -> Seconds:
        """What has passed since this."""
        now = Seconds.now()
        return Seconds(now.cpu - self.cpu, now.wall - self.wall)


def interleaved(sides: Mapping[str, Callable[[], _T]], repeats: int) -> dict[str, list[_T]]:
    """Runs every side in turn, ``repeats`` times, after one round that does not count; each returns its figure."""
    found: dict[str, list[_T]] = {name: [] for name in sides}
    for repeat in range(repeats + 1):
        for name, side in sides.items():
            figure = side()
            if repeat:
                found[name].append(figure)
    return found


def row(
    what: str, figures: Sequence[float], unit: str, target: float | None = None, at_least: bool = True
) -> Row:
    """The row of several repetitions."""
    return Row(what, statistics.median(figures), unit, target, at_least, (min(figures), max(figures)))


def seconds_of(*command: str, **environment: str) -> float:
    """Wall-clock seconds of a whole process, which must succeed."""
    before = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    return time.perf_counter() - before


ARENA = (sys.executable, "-m", "arena")
