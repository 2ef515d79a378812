"""The loop around whatever trains: log, evaluate, checkpoint, resume. Algorithms know nothing of it."""

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
    """Trains a run to its end, from wherever it stands; a finished one is free.

    Returns:
        What ``result.json`` holds.

    Raises:
        Interrupted: if the listener asked to stop; a checkpoint holds the last step.
        ArenaError: if another process trains the run, or the environment or the disk fails; the last
            checkpoint stays whole.
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
    """Lets libraries use as many cores as the spec says: how sums are split decides how they round."""
    _ = spec.learner_class  # imported first, so that whether torch is there is known
    torch: Any = sys.modules.get("torch")
    before = torch and torch.get_num_threads()
    with threadpool_limits(spec.threads):  # BLAS and OpenMP; torch has a number of its own
        if torch:
            torch.set_num_threads(spec.threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
