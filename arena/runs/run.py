"""A run: a folder that one can copy, read and delete."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import filelock

from arena.errors import ArenaError, BusyError
from arena.experiments.experiment import Experiment
from arena.experiments.read import spec_from_dict
from arena.experiments.training_spec import TrainingSpec
from arena.plugins.discovery import Plugins, get_plugins
from arena.runs.layout import SCHEMA, find_runs
from arena.runs.records import MALFORMED, Result, best_evaluation, last_timing, read_object
from arena.storage.checkpoint import Checkpoints
from arena.storage.files import write_atomically, write_error

if TYPE_CHECKING:
    from arena.experiments.fit import Fit

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Run", "common_steps", "experiment_of", "find_runs", "fit_of", "trained_longer"]

#: The distributions whose versions decide a run's bytes.
DISTRIBUTIONS = ("arena-rl", "gymnasium", "numba", "numpy", "torch")


@dataclass(frozen=True)
class Run:
    """One seed of one experiment, on disk.

    Attributes:
        folder: holds ``run.json``, ``metrics.jsonl``, ``timing.jsonl``, ``checkpoint/``, ``snapshots/``, what
            trackers write, ``start/`` where it begins from another run and, at the end, ``result.json``.
        spec: the experiment or the fit, with this run's seed as its only one.
    """

    folder: Path
    spec: TrainingSpec

    @property
    def seed(self) -> int:
        """The seed of every random number in it."""
        return self.spec.seeds[0]

    @property
    def metrics(self) -> Path:
        """A line of JSON every `log_every` steps; the same bytes however often the run was interrupted."""
        return self.folder / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        """Steps, seconds and wall-clock time: what may differ between two runs of the same bytes."""
        return self.folder / "timing.jsonl"

    @property
    def snapshots(self) -> Path:
        """What acting needs, one file an evaluation."""
        return self.folder / "snapshots"

    @property
    def start(self) -> Path:
        """The snapshot of another run that it begins from, where it does."""
        return self.folder / "start"

    @property
    def encoder(self) -> Path:
        """The snapshot of the fit whose encoder it uses, where it does."""
        return self.folder / "encoder"

    @property
    def novelty(self) -> Path:
        """The snapshot of the fit whose surprise is its bonus, where it has one."""
        return self.folder / "novelty"

    @property
    def checkpoints(self) -> Checkpoints:
        """The last two checkpoints."""
        return Checkpoints(self.folder / "checkpoint")

    @classmethod
    def prepare(cls, spec: TrainingSpec, seed: int, out: Path) -> Run:
        """Opens the run of an experiment or a fit and a seed under a folder of runs, or makes it.

        A run that is already there keeps its cadences, and trains on if more steps are asked for. One that begins
        from another run gets its own copy of that run's snapshot.

        Raises:
            ArenaError: if the folder cannot be written or holds something else.
        """
        name = "_".join((spec.name, spec.folder_part, f"seed{seed}"))
        folder = out / f"{name}_{spec.id(seed)}"
        one = spec.replaced(seeds=(seed,))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(folder, error) from error
        with _alone(folder):
            if (folder / "run.json").exists():
                old = _document(folder)["experiment"]
                before = _whole(folder, old, "steps")
                one = one.replaced(
                    steps=max(spec.steps, before),
                    evaluate_every=_whole(folder, old, "evaluate_every"),
                    log_every=_whole(folder, old, "log_every"),
                )
                if one.steps == before and list(one.trackers) == old.get("trackers"):
                    return cls(folder, one)
            run = cls(folder, one)
            if isinstance(one, Experiment):
                run.copy_references(one)
            document = {
                "schema": SCHEMA,
                "id": spec.id(seed),
                "experiment": one.to_dict(),
                "versions": _versions(get_plugins()),
            }
            write_atomically(folder / "run.json", _dumps(document, indent=2))
        return run

    def copy_references(self, experiment: Experiment) -> None:
        """Copies the snapshots of other runs that the experiment begins from into the folder.

        Raises:
            ArenaError: a snapshot has gone or has changed.
        """
        if experiment.start is not None:
            experiment.start.copy(self.start, experiment.learner_class)
        for encoder, copy in ((experiment.encoder, self.encoder), (experiment.novelty, self.novelty)):
            if encoder is not None and encoder.start is not None:
                encoder.start.copy(copy)

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Opens a run folder.

        Raises:
            ArenaError: if it is no run, its ``run.json`` is truncated, or a newer arena wrote it.
        """
        document = _document(folder)
        path = folder / "run.json"
        try:
            spec = spec_from_dict(document["experiment"])
            seed, *others = spec.seeds
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArenaError(f"{path} is not a run's: {error!r}", "restore it from a copy") from error
        if others:
            raise ArenaError(f"{path} has {len(spec.seeds)} seeds", "restore it from a copy: a run has one")
        if spec.id(seed) != document.get("id"):
            raise ArenaError(
                f"{path} describes another run than the one that was trained: it was edited, or the source of its "
                "environment or a revision has changed",
                "restore it, or train anew",
            )
        return cls(folder, spec)

    def result(self) -> dict[str, Any] | None:
        """What ``result.json`` holds, or None while the run has further to go."""
        if not (self.folder / "result.json").exists():
            return None
        result = _read_json(self.folder, "result.json")
        try:
            checked = Result.from_dict(result)
            sound = checked.mean is not None and {"optimum", "policy_value"} <= result.keys()
        except MALFORMED:
            sound = False
        if not sound:
            raise ArenaError(
                f"{self.folder / 'result.json'} is damaged", "delete it: `arena resume` writes it again"
            )
        return result if checked.completes(self.spec.steps) else None

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Writes ``result.json``, atomically."""
        write_atomically(self.folder / "result.json", _dumps(result, indent=2))

    def best(self) -> dict[str, Any] | None:
        """The evaluation with the highest mean return so far, the first of equals: its ``step`` and ``mean``.

        It is read off the metrics, so that it is known of a run that was killed, too.
        """
        return best_evaluation(self.folder)

    def write_failure(self, error: Exception, step: int) -> None:
        """Notes why it ended before its end, for whoever lists it; the next session takes the note away."""
        with contextlib.suppress(ArenaError):  # the disk may be what failed
            write_atomically(self.failure, _dumps({"error": str(error), "step": step}))

    @property
    def failure(self) -> Path:
        """Why it ended before its end, while that is how things stand."""
        return self.folder / "failed.json"

    @property
    def seconds(self) -> float:
        """How long it has trained, over all its sessions."""
        with contextlib.suppress(OSError):
            return last_timing(self.folder).seconds or 0.0
        return 0.0

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out; the operating system drops the lock of a process that dies.

        Raises:
            BusyError: if another process trains this run now.
            ArenaError: if the folder cannot be written.
        """
        lock = filelock.FileLock(self.folder / "lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise BusyError(
                f"another process is training {self.folder}", "wait for it, or choose --out"
            ) from error
        except OSError as error:
            raise write_error(self.folder, error) from error
        try:
            yield
        finally:
            lock.release()


def experiment_of(run: Run) -> Experiment:
    """The experiment of a run that trained an agent.

    Raises:
        ArenaError: the run fitted an encoder.
    """
    if not isinstance(run.spec, Experiment):
        raise ArenaError(
            f"{run.folder} fitted the encoder {run.spec.name}, which does not act",
            "give a run of `arena train`; `arena gallery` draws what an encoder does",
        )
    return run.spec


def fit_of(run: Run) -> Fit:
    """The fit of a run that fitted an encoder.

    Raises:
        ArenaError: the run trained an agent.
    """
    if isinstance(run.spec, Experiment):
        raise ArenaError(
            f"{run.folder} trained the agent {run.spec.name}, and no encoder",
            "give a run of `arena fit`; see `arena list runs`",
        )
    return cast("Fit", run.spec)


def common_steps(runs: Sequence[Run], label: str = "") -> int:
    """Number of steps that all runs of an experiment have; a summary is over runs of one length.

    Args:
        runs: the runs of one experiment.
        label: name of the experiment in the error; by default none.

    Raises:
        ArenaError: some were trained for more steps before than the others have now.
    """
    lengths = sorted({run.spec.steps for run in runs})
    if len(lengths) > 1:
        raise ArenaError(
            f"{label}{label and ': '}some runs were trained to {lengths[-1]:,} steps before, "
            f"and the others have {lengths[0]:,}",
            f"use {lengths[-1]} steps for this experiment, or choose another folder with --out",
        )
    return lengths[0]


def trained_longer(steps: int) -> str:
    """Notice about an experiment whose runs have more steps than requested."""
    return f"trained to {steps:,} steps before: the results are for {steps:,} steps"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes from describing the same run meanwhile, where the system locks folders."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems do not
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def line(values: Mapping[str, Any]) -> bytes:
    """One line of a JSON-lines file; numbers that are not finite, which JSON lacks, become null."""
    return _dumps({k: _finite(v) for k, v in values.items()}) + b"\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _dumps(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False).encode()


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    if not path.exists():
        raise ArenaError(f"{folder} is not a run: it has no {name}", "see `arena list runs`")
    try:
        return read_object(folder, name)
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", "check its permissions") from error
    except MALFORMED as error:
        raise ArenaError(
            f"{path} is truncated or damaged", "restore it from a copy, or delete the run"
        ) from error


def _document(folder: Path) -> dict[str, Any]:
    """What ``run.json`` holds, its schema and layout checked."""
    document = _read_json(folder, "run.json")
    schema = document.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ArenaError(
            f"{folder} has schema {schema}, and this arena reads up to {SCHEMA}", "upgrade arena-rl"
        )
    if not isinstance(document.get("experiment"), dict):
        raise ArenaError(
            f"{folder / 'run.json'} holds no experiment", "restore it from a copy, or delete the run"
        )
    return document


def _whole(folder: Path, experiment: Mapping[str, Any], name: str) -> int:
    value = experiment.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArenaError(
            f"{folder / 'run.json'} has {value!r} for {name}", "restore it from a copy, or delete the run"
        )
    return value


@functools.lru_cache(maxsize=4)
def _versions(plugins: Plugins) -> dict[str, str]:
    """Of Python, of what decides a run's bytes, and of whatever brings a plugin."""
    mine = {info.distribution for info in plugins.infos if info.distribution and info.status != "blocked"}
    found = {"python": platform.python_version()}
    for name in sorted({*DISTRIBUTIONS, *mine}):
        # A checkout, or a plugin in memory, has none.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
