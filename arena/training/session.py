"""Session: training of a run by one process, from the newest checkpoint to the end or to a stop."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import math
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from arena.errors import ArenaError, Interrupted
from arena.experiments.experiment import Experiment
from arena.random.generators import Generators
from arena.runs.listener import HookEvents, Listener
from arena.runs.live import LivePublisher
from arena.runs.records import MALFORMED, LogDigest, log_digest
from arena.runs.run import Run, fit_of, line
from arena.runs.snapshots import SNAPSHOT_FILES, fits_this_version
from arena.runs.trackers import Tracking
from arena.storage.checkpoint import Loaded
from arena.storage.codec import State, encode
from arena.storage.files import Folder, refuse_link, write_error
from arena.storage.manifest import sealed, write_files
from arena.storage.memory import Budget
from arena.streams.base import Progress
from arena.training import agent
from arena.training.setup import Setup

__all__ = ["Session"]

#: Seconds between checkpoints: the training time that a kill can lose.
CHECKPOINT_SECONDS = 5.0

#: Maximum duration of a compiled chunk in seconds, so that Ctrl-C and the progress bar respond quickly.
PACE_SECONDS = 0.1


def set_up(run: Run, generators: Generators, *, fresh: bool) -> Setup:
    """Make the learner of a run, its source of data, and its evaluation.

    Args:
        run: the run.
        generators: random generators of the run.
        fresh: whether the run is new, so that its environment is tested for exact resumption.
    """
    if isinstance(run.spec, Experiment):
        return agent.set_up(run.spec, run, generators, fresh=fresh)
    from arena.training import encoder  # which needs torch

    return encoder.set_up(fit_of(run), run.seed, generators)


class Session:
    """Training of a run by one process."""

    def __init__(self, run: Run, listener: Listener, stack: ExitStack) -> None:
        self.run, self.listener, self.spec = run, listener, run.spec
        self.checkpoints = run.checkpoints
        self.id = self.spec.id(run.seed)
        self.folder = stack.enter_context(Folder(run.folder))
        self._sweep()
        self.metrics, self.timing = self._opened(run.metrics, stack), self._opened(run.timing, stack)
        self.metrics_digest = hashlib.sha256()
        self.generators = Generators(run.seed)
        loaded = self._load()
        with Budget(self.spec.steps).use():
            self.setup = set_up(run, self.generators, fresh=loaded is None)
        stack.callback(self.setup.close)
        self.learner, self.source = self.setup.learner, self.setup.source
        self.progress = Progress(0)
        self.converged = False
        self.evaluation: list[float] | None = None
        metrics_bytes = self._begin() if loaded is None else self._restore(loaded)
        if self.source.notice:
            listener.noticed(run, self.source.notice)
        self.metrics_digest = log_digest(run.folder, metrics_bytes)
        self.seconds_before, self.started = run.seconds, time.monotonic()
        self._note_time(metrics_bytes, resumed=True)  # first, so that no line is in neither file
        self.metrics.truncate(metrics_bytes)
        # `truncate` leaves the position behind: a checkpoint would note the old length.
        self.metrics.seek(metrics_bytes)
        self.saved_at = self.started
        self.saved_step = None if loaded is None else self.progress.steps
        tracking = Tracking(run, self.progress.steps, lambda text: listener.noticed(run, text))
        self.listeners = (listener, tracking, HookEvents(), LivePublisher(run, self.learner))
        stack.callback(tracking.close)

    def train(self) -> dict[str, Any]:
        """Train the run to its end, and return the content of ``result.json``.

        Raises:
            Interrupted: a listener requested a stop; the state is saved.
        """
        for listener in self.listeners:
            listener.started(self.run)
        updates = self.learner.train(self.source)
        pace = 1
        while not self.done:
            before = time.monotonic()
            steps = self.progress.steps
            self._run_chunk(updates, pace)
            elapsed = time.monotonic() - before
            pace = max(1, int((self.progress.steps - steps) * PACE_SECONDS / max(elapsed, 1e-6)))
            mean = None if self.evaluation is None else float(np.mean(self.evaluation))
            for listener in self.listeners:
                listener.progressed(self.run, self.progress, mean)
            if self.listener.stopping() and not self.done:
                self._save()
                remedy = f"continue with `arena resume {self.run.folder}`"
                raise Interrupted(f"stopped at step {self.progress.steps:,}; the state is saved", remedy)
            if time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS:
                self._save()
        return self._finish()

    @property
    def done(self) -> bool:
        """Whether the run has converged or trained all its steps."""
        return self.converged or self.progress.steps >= self.spec.steps

    def _run_chunk(self, updates: Iterator[Progress], pace: int) -> None:
        """Train for at most `pace` steps or `PACE_SECONDS`, then log and evaluate if these are due."""
        steps, spec = self.progress.steps, self.spec
        log_at, evaluate_at = (_next(steps, every) for every in (spec.log_every, spec.evaluate_every))
        self.source.boundary = min(log_at, evaluate_at, spec.steps, steps + pace)
        until = time.monotonic() + PACE_SECONDS
        # Lent once for all updates: lending for each would slow down agents that yield after every step.
        with self.generators.lent("agent"):
            self._advance(updates)
            while self.progress.steps < self.source.boundary and not self.done and time.monotonic() < until:
                self._advance(updates)
        due = self.done or self.progress.steps >= evaluate_at
        if due or self.progress.steps >= log_at:
            self._log(evaluate=due)

    def _advance(self, updates: Iterator[Progress]) -> None:
        progress = next(updates, None)
        if progress is None:
            self.converged = True
        else:
            self._refuse_divergence(progress)
            self.progress = progress

    def _refuse_divergence(self, progress: Progress) -> None:
        """Stop the run before infinite numbers or NaN reach a checkpoint."""
        for name, value in progress.metrics.items():
            if not math.isfinite(value):
                step = self.saved_step
                saved = (
                    "there is no checkpoint" if step is None else f"the last checkpoint is of step {step:,}"
                )
                raise ArenaError(
                    f"{name} of {self.spec.name} is {float(value)} at step {progress.steps:,}: training has "
                    f"diverged, and {saved} in {self.run.folder}",
                    "use a smaller learning rate, or check the rewards",
                )

    def _log(self, evaluate: bool) -> None:
        values: dict[str, Any] = {
            "step": self.progress.steps,
            "episodes": self.progress.episodes,
            **self.source.take_log(),
            **{name: float(value) for name, value in self.progress.metrics.items()},
        }
        if evaluate:
            self.evaluation = self.setup.evaluate()
            values["evaluation"] = float(np.mean(self.evaluation))
            self._snapshot()
        self._append(self.metrics, data := line(values))
        self.metrics_digest.update(data)
        seconds = self._note_time(self.metrics.tell())
        for listener in self.listeners:
            listener.logged(self.run, self.progress, {**values, "seconds": seconds})

    def _finish(self) -> dict[str, Any]:
        returns = self.evaluation if self.evaluation is not None else self.setup.evaluate()
        result = {
            "schema": 1,
            "seed": self.run.seed,
            "steps": self.progress.steps,
            "episodes": self.progress.episodes,
            "converged": self.converged,
            "evaluation": {"returns": returns, "mean": float(np.mean(returns))},
            **self.setup.conclude(),
            "best": self.run.best(),
            "metrics": self._noted(self.metrics.tell()),
        }
        if not (self.run.folder / "run.json").exists():
            raise ArenaError(f"{self.run.folder} was deleted during training", "train it again")
        self._save()
        self.run.write_result(result)
        for listener in self.listeners:
            listener.finished(self.run, result)
        return result

    def _snapshot(self) -> None:
        encoded = encode({"agent": self.learner.snapshot()})
        name, step = f"{self.progress.steps:012d}", self.progress.steps
        files = dict(zip(SNAPSHOT_FILES, (encoded.arrays, encoded.tree), strict=True))
        try:
            # Inside the open folder: a run that was deleted meanwhile is not restored in part.
            with Folder(self.run.folder, self.run.snapshots.name, name, create=True) as folder:
                write_files(folder, files, {"id": self.id, "step": step})
        except OSError as error:
            raise write_error(self.run.snapshots / name, error) from error

    def _note_time(self, size: int, *, resumed: bool = False) -> float:
        """Append the duration of training, and what the metrics are now, to the file of times."""
        seconds = self.seconds_before + time.monotonic() - self.started
        values: dict[str, Any] = {"step": self.progress.steps, "seconds": seconds, "time": time.time()}
        values |= {"metrics": self._noted(size), **({"resumed": True} if resumed else {})}
        self._append(self.timing, line(sealed(values)))
        return seconds

    def _noted(self, size: int) -> list[Any]:
        return list(LogDigest(size, self.metrics_digest.hexdigest()))

    def _append(self, file: BinaryIO, data: bytes) -> None:
        name = self.run.metrics if file is self.metrics else self.run.timing
        try:
            whole = os.write(file.fileno(), data) == len(data)
        except OSError as error:
            raise write_error(name, error) from error
        if not whole:  # the file is unbuffered, and the disk is full
            raise write_error(name, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _opened(self, path: Path, stack: ExitStack) -> BinaryIO:
        try:
            return stack.enter_context(self.folder.append(path.name))
        except OSError as error:
            raise write_error(path, error) from error

    def _sweep(self) -> None:
        """Remove what a killed process left half written, in the run's folder and in each snapshot."""
        for path in (self.run.checkpoints.folder, self.run.snapshots):
            refuse_link(path)
        self.folder.sweep()
        for path in self.run.snapshots.glob("*"):
            with contextlib.suppress(NotADirectoryError), Folder(self.run.folder, *path.parts[-2:]) as folder:
                folder.sweep()

    def _save(self) -> None:
        state: State = {
            "agent": self.learner.state_dict(),
            "stream": self.source.state_dict(),
            "generators": self.generators.state_dict(),
            "progress": dataclasses.asdict(self.progress),
            "converged": self.converged,
            "evaluation": self.evaluation,
        }
        metrics = self._noted(self.metrics.tell())
        info = {"step": self.progress.steps, "metrics": metrics, "id": self.id}
        self.checkpoints.save(state, info)
        self.saved_at, self.saved_step = time.monotonic(), self.progress.steps

    def _load(self) -> Loaded | None:
        """Load the newest good checkpoint of this run whose lines of metrics all exist."""
        run = self.run
        refused: list[str] = []

        def accept(info: dict[str, Any]) -> bool:
            if info.get("id") != self.id:
                refused.append("belongs to another run")
            elif not _begins_with(run.folder, info.get("metrics")):
                refused.append("has other metrics than metrics.jsonl")
            else:
                return True
            return False

        loaded = self.checkpoints.load(accept)
        for reason in loaded.skipped if loaded else ():
            self.listener.noticed(run, f"checkpoint {reason}; using the one before")
        if loaded is None and refused:
            self.listener.noticed(
                run, f"its newest checkpoint {refused[0]}, so training starts from the beginning"
            )
        return loaded

    def _begin(self) -> int:
        """Load another run's snapshot if the experiment starts from one; return the size of the metrics, 0."""
        spec = self.spec
        if isinstance(spec, Experiment) and spec.start is not None:
            with fits_this_version(self.run), self.generators.lent("agent"):
                self.learner.transfer(spec.start.load(self.run.start))
        return 0

    def _restore(self, loaded: Loaded) -> int:
        """Restore a checkpoint; return the size of its metrics in bytes."""
        state = loaded.state
        with fits_this_version(self.run):
            self.generators.load_state_dict(state["generators"])
            with self.generators.lent("agent"):
                self.learner.load_state_dict(state["agent"])
                self.source.load_state_dict(state["stream"])
            self.generators.load_state_dict(state["generators"])  # again, since loading may draw numbers
            self.progress = Progress(**state["progress"])
            self.converged, self.evaluation = state["converged"], state["evaluation"]
        return int(loaded.info["metrics"][0])


def _begins_with(folder: Path, noted: Any) -> bool:
    """Whether the metrics begin with what a checkpoint notes of them."""
    with contextlib.suppress(*MALFORMED):
        size, sha256 = LogDigest.from_values(noted)
        return bool(log_digest(folder, size).hexdigest() == sha256)
    return False


def _next(steps: int, every: int) -> int:
    return (steps // every + 1) * every
