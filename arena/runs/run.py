"""Run: one seed of an experiment or a fit, as a folder that can be copied, read and deleted."""

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

from arena.config.validation import validated_seeds
from arena.errors import ArenaError, BusyError
from arena.experiments.experiment import Experiment
from arena.experiments.read import id_from_dict, names_of_code, spec_from_dict
from arena.experiments.training_spec import TrainingSpec
from arena.plugins import trust
from arena.plugins.discovery import Plugins, get_plugins
from arena.runs.layout import SCHEMA, find_runs
from arena.runs.records import MALFORMED, Result, best_evaluation, damage_text, last_timing, read_object
from arena.storage.checkpoint import Checkpoints
from arena.storage.files import refuse_link, write_atomically, write_error
from arena.storage.manifest import DamagedError, sealed

if TYPE_CHECKING:
    from arena.experiments.fit import Fit

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Run", "common_steps", "experiment_of", "find_runs", "fit_of", "trained_longer"]

#: Distributions whose versions decide a run's bytes.
DISTRIBUTIONS = ("arena-rl", "gymnasium", "numba", "numpy", "torch")


@dataclass(frozen=True)
class Run:
    """One seed of one experiment or fit, on disk.

    Attributes:
        folder: folder with ``run.json``, ``metrics.jsonl``, ``timing.jsonl``, ``checkpoint/``, ``snapshots/``, the
            files of trackers, ``start/`` if it starts from another run and, at the end, ``result.json``.
        spec: the experiment or fit, with this run's seed as its only one.
    """

    folder: Path
    spec: TrainingSpec

    @property
    def seed(self) -> int:
        """Seed of every random number in the run."""
        return self.spec.seeds[0]

    @property
    def metrics(self) -> Path:
        """File with a line of JSON every `log_every` steps; interruptions do not change its bytes."""
        return self.folder / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        """File with steps, seconds and time of day, which may differ between runs with equal bytes."""
        return self.folder / "timing.jsonl"

    @property
    def snapshots(self) -> Path:
        """Folder of snapshots, which acting needs: one sub-folder for each evaluation."""
        return self.folder / "snapshots"

    @property
    def start(self) -> Path:
        """Folder of the snapshot of another run that this run starts from, if any."""
        return self.folder / "start"

    @property
    def encoder(self) -> Path:
        """Folder of the snapshot of the encoder, if any."""
        return self.folder / "encoder"

    @property
    def novelty(self) -> Path:
        """Folder of the snapshot of the encoder for the novelty bonus, if any."""
        return self.folder / "novelty"

    @property
    def checkpoints(self) -> Checkpoints:
        """Last two checkpoints."""
        return Checkpoints(self.folder / "checkpoint")

    @classmethod
    def prepare(cls, spec: TrainingSpec, seed: int, out: Path) -> Run:
        """Create the run of a seed in a folder of runs, or open it if it exists.

        An existing run keeps its cadences, and continues if more steps are requested. A run that starts from another
        run gets its own copy of that run's snapshot. Afterwards ``run.json`` describes this experiment, whatever was in
        the folder.

        Raises:
            ArenaError: the folder cannot be written, or has other content.
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
                existing = _document(folder)
                old = existing["experiment"]
                before = _whole(folder, old, "steps")
                one = one.replaced(
                    steps=max(spec.steps, before),
                    evaluate_every=_whole(folder, old, "evaluate_every"),
                    log_every=_whole(folder, old, "log_every"),
                )
                # Otherwise the file is written again: a worker, which gets only the folder, must train this spec.
                if old == json.loads(_dumps(one.to_dict())) and existing.get("id") == spec.id(seed):
                    trust.note(existing, names_of_code(old))
                    return cls(folder, one)
            run = cls(folder, one)
            if isinstance(one, Experiment):
                run.copy_references(one)
            document = {
                "schema": SCHEMA,
                "id": spec.id(seed),
                "source": one.source_digest,
                "experiment": one.to_dict(),
                "versions": _versions(get_plugins()),
            }
            write_atomically(folder / "run.json", _dumps(sealed(document), indent=2))
            trust.note(document, names_of_code(one.to_dict()))
        return run

    def copy_references(self, experiment: Experiment) -> None:
        """Copy the snapshots of other runs that the experiment starts from into the folder.

        Raises:
            ArenaError: a snapshot was deleted or changed.
        """
        if experiment.start is not None:
            experiment.start.copy(self.start, experiment.learner_class)
        for encoder, copy in ((experiment.encoder, self.encoder), (experiment.novelty, self.novelty)):
            if encoder is not None and encoder.start is not None:
                encoder.start.copy(copy)

    @classmethod
    def open(cls, folder: Path, *, trusted: bool = False) -> Run:
        """Open a run folder.

        The id and the trust in the names of code are checked before anything is imported.

        Args:
            folder: the run folder.
            trusted: whether this process got the folder from one that trusts it, as workers do.

        Raises:
            ArenaError: the folder is not a run, its ``run.json`` is damaged or names code that is not trusted, or a
                newer arena wrote it.
        """
        document = _document(folder)
        path, values = folder / "run.json", document["experiment"]
        try:
            names = names_of_code(values)
            seed, *others = validated_seeds(values["seeds"])
            if others:
                raise ArenaError(
                    f"{path} has {len(others) + 1} seeds", "restore it from a copy: a run has one"
                )
            if id_from_dict(values, seed, document.get("source")) != document.get("id"):
                raise _edited(path)
            trust.check(path, document, names, trusted)
            spec = spec_from_dict(values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArenaError(
                f"{path} does not describe a run: {error!r}", "restore it from a copy"
            ) from error
        if spec.id(seed) != document["id"]:
            raise _edited(path)
        return cls(folder, spec)

    def result(self) -> dict[str, Any] | None:
        """Content of ``result.json``, or None if the run is not finished."""
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
        """Write ``result.json`` atomically."""
        write_atomically(self.folder / "result.json", _dumps(sealed(result), indent=2))

    def best(self) -> dict[str, Any] | None:
        """Find ``step`` and ``mean`` of the first evaluation with the highest mean return, also of a killed run.

        Raises:
            ArenaError: the metrics are damaged.
        """
        with self.readable():
            return best_evaluation(self.folder)

    @contextlib.contextmanager
    def readable(self) -> Iterator[None]:
        """Convert the exceptions of reading the run's logs to an `ArenaError`."""
        try:
            yield
        except (OSError, *MALFORMED) as error:
            raise ArenaError(
                f"{self.folder}: {damage_text(error)}",
                f"restore it from a copy, or train it again with `arena resume {self.folder} --repair`",
            ) from error

    def write_failure(self, error: Exception, step: int) -> None:
        """Record why the run failed, for listings; the next session removes the record."""
        with contextlib.suppress(ArenaError):  # the disk may be what failed
            write_atomically(self.failure, _dumps(sealed({"error": str(error), "step": step})))

    @property
    def failure(self) -> Path:
        """File with the error of a run that failed, until it is continued."""
        return self.folder / "failed.json"

    @property
    def seconds(self) -> float:
        """Duration of training over all sessions, in seconds."""
        with contextlib.suppress(OSError, *MALFORMED):
            return last_timing(self.folder).seconds or 0.0
        return 0.0

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run against other processes; the operating system releases the lock of a process that dies.

        Raises:
            BusyError: another process is training this run.
            ArenaError: the folder cannot be written.
        """
        refuse_link(self.folder / "lock")
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
    """Return the experiment of a run.

    Raises:
        ArenaError: the run fits an encoder.
    """
    if not isinstance(run.spec, Experiment):
        raise ArenaError(
            f"{run.folder} fitted the encoder {run.spec.name}, which does not act",
            "give a run of `arena train`; `arena gallery` draws an encoder",
        )
    return run.spec


def fit_of(run: Run) -> Fit:
    """Return the fit of a run.

    Raises:
        ArenaError: the run trains an agent.
    """
    if isinstance(run.spec, Experiment):
        raise ArenaError(
            f"{run.folder} trained the agent {run.spec.name}, not an encoder",
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


def _edited(path: Path) -> ArenaError:
    return ArenaError(
        f"{path} does not match the trained run: it was edited, or the source of its environment or a revision "
        "has changed",
        "restore it, or train a new run",
    )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes that prepare the same run, if the system can lock folders."""
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
    """Encode one line of a JSON-lines file; infinite numbers and NaN, which JSON lacks, become null."""
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
    except DamagedError as error:
        raise ArenaError(f"{folder}: {error}", _remedy(name)) from error


def _remedy(name: str) -> str:
    if name == "result.json":
        return "delete it: `arena resume` writes it again"
    return "restore it from a copy, or delete the run"


def _document(folder: Path) -> dict[str, Any]:
    """Read ``run.json``, and check its schema and layout."""
    document = _read_json(folder, "run.json")
    schema = document.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ArenaError(
            f"{folder} has schema {schema}, and this arena reads up to {SCHEMA}", "upgrade arena-rl"
        )
    if not isinstance(document.get("experiment"), dict):
        raise ArenaError(
            f"{folder / 'run.json'} has no experiment", "restore it from a copy, or delete the run"
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
    """Versions of Python, of `DISTRIBUTIONS`, and of every distribution with a plugin."""
    mine = {info.distribution for info in plugins.infos if info.distribution and info.status != "blocked"}
    found = {"python": platform.python_version()}
    for name in sorted({*DISTRIBUTIONS, *mine}):
        # A source checkout and a plugin in memory have no version.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
