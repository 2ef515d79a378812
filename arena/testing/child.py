"""``python -m arena.testing.child RUN [module:Class]``: trains a run and prints every step."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.testing.processes import registered_again
from arena.training import session
from arena.training.runner import execute

__all__: list[str] = []


class _Printer(Listener):
    """Prints every step, by which the parent decides when to kill the process."""

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        print(progress.steps, flush=True)
        time.sleep(0.001)  # otherwise a planner converges before the parent has read a line


def main(folder: str, learner: str) -> None:
    """Trains the run in `folder`, with an agent or encoder that is not installed registered first."""
    session.CHECKPOINT_SECONDS = session.PACE_SECONDS = 0.0
    with registered_again(learner):
        run = Run.open(Path(folder), trusted=True)
        print(-1, flush=True)
        execute(run, _Printer())


if __name__ == "__main__":
    main(*sys.argv[1:])
