"""Runner: trains a run with logs, evaluations, checkpoints and resumption, which algorithms need not handle."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from threadpoolctl import threadpool_limits

from arena.errors import Interrupted
from arena.experiments.training_spec import TrainingSpec
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.storage import numba_cache
from arena.training.session import Session

__all__ = ["execute"]

numba_cache.configure()  # before anything of a run is compiled, by whichever plugin


def execute(run: Run, listener: Listener | None = None) -> dict[str, Any]:
    """Train a run to its end, and return the content of ``result.json``; a finished run is not trained again.

    Raises:
        Interrupted: the listener requested a stop; a checkpoint has the last step.
        ArenaError: another process is training the run, or the environment or the disk failed; the last
            checkpoint is intact.
    """
    finished = run.result()
    if finished is not None:
        return finished
    with run.locked(), ExitStack() as stack:
        stack.enter_context(_threads(run.spec))
        run.failure.unlink(missing_ok=True)
        session = None
        try:
            session = Session(run, listener or Listener(), stack)
            return session.train()
        except Interrupted:
            raise
        except Exception as error:
            run.write_failure(error, session.progress.steps if session else 0)
            raise


@contextlib.contextmanager
def _threads(spec: TrainingSpec) -> Iterator[None]:
    """Set the number of cores of libraries to the spec's: the order of sums affects rounding."""
    _ = spec.learner_class  # importing it imports torch if the learner uses torch
    torch: Any = sys.modules.get("torch")
    before = torch and torch.get_num_threads()
    with threadpool_limits(spec.threads):  # BLAS and OpenMP; torch has its own number
        if torch:
            torch.set_num_threads(spec.threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
