"""The evaluations of a run, as the panel beside the picture shows them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arena.runs.records import read_evaluations

if TYPE_CHECKING:
    from arena.runs.run import Run

__all__ = ["EvaluationCurve"]


@dataclass
class EvaluationCurve:
    """Mean returns of a run's evaluations.

    Attributes:
        steps: after how many steps each was made.
        returns: their means.
        at: the step whose agent is looked at.
    """

    steps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    at: int = 0

    @property
    def place(self) -> int:
        """Which evaluation is that of the agent that is looked at, or the nearest; there has to be one."""
        return min(range(len(self.steps)), key=lambda place: abs(self.steps[place] - self.at))

    @property
    def at_hand(self) -> float:
        """What that evaluation gave."""
        return self.returns[self.place]

    @property
    def share(self) -> float:
        """Where it stands among all, from 0 to 1."""
        return self.place / max(len(self.steps) - 1, 1)

    def read(self, run: Run) -> None:
        """Takes what the run has written so far."""
        self.steps, self.returns = [], []
        with contextlib.suppress(OSError):
            for step, mean in read_evaluations(run.folder):
                self.steps.append(step)
                self.returns.append(mean)
