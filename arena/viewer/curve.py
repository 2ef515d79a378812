"""How a run's training went, for whoever looks at its agent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arena.run import Run

__all__ = ["Curve"]


@dataclass
class Curve:
    """How a run's evaluations went.

    Attributes:
        steps: after how many steps each was made.
        returns: their means.
        at: the step whose agent is looked at.
    """

    steps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    at: int = 0

    def read(self, run: Run) -> None:
        """Takes what the run has written so far."""
        self.steps, self.returns = [], []
        try:
            lines = run.metrics.read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                values: Mapping[str, Any] = json.loads(line)
                step, mean = int(values["step"]), values.get("evaluation")
            except (ValueError, KeyError, TypeError):
                continue  # a line that a crash tore
            if mean is not None:
                self.steps.append(step)
                self.returns.append(float(mean))
