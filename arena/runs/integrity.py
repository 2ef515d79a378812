"""Verification of a whole run folder, without importing anything that it names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from arena.errors import ArenaError
from arena.experiments.snapshot_reference import verify_snapshot
from arena.runs.layout import snapshot_folders
from arena.runs.records import (
    MALFORMED,
    LogDigest,
    damage_text,
    last_timing,
    log_digest,
    read_evaluations,
    read_object,
    read_result,
    read_run,
    read_times,
)
from arena.runs.run import Run
from arena.storage.checkpoint import Checkpoints
from arena.storage.files import Folder
from arena.storage.manifest import DamagedError

__all__ = ["Part", "begin_again", "verify_run"]

#: What training writes, in the order in which it is removed; the rest of a run describes what is trained.
WRITTEN = ("result.json", "failed.json", "metrics.jsonl", "timing.jsonl", "snapshots", "checkpoint")

#: Copies of snapshots of other runs.
COPIES = ("start", "encoder", "novelty")


class Part(NamedTuple):
    """Outcome for one part of a run.

    Attributes:
        name: path in the folder.
        problem: what is wrong with it, or None.
    """

    name: str
    problem: str | None


def verify_run(folder: Path) -> Iterator[Part]:
    """Read every file of a run that a later command reads, and compare it with its digest."""

    def part(name: str, read: Callable[..., object], *arguments: Any) -> Part:
        try:
            read(*arguments)
        except ArenaError as error:
            return Part(name, error.problem)
        except (OSError, *MALFORMED) as error:
            return Part(name, damage_text(error))
        return Part(name, None)

    yield part("run.json", read_run, folder)
    sound = True
    for name, read in (
        ("result.json", read_result),
        ("failed.json", functools.partial(read_object, name="failed.json")),
        ("timing.jsonl", read_times),
    ):
        if (folder / name).exists():
            yield (found := part(name, read, folder))
            sound = sound and found.problem is None
    if sound:  # otherwise it is not known what the metrics were
        yield part("metrics.jsonl", _verify_metrics, folder)
    for path, verify in Checkpoints(folder / "checkpoint").each():
        yield part(f"checkpoint/{path.name}", _verify_checkpoint, folder, verify)
    run_id = _id(folder)
    for path in snapshot_folders(folder).values():
        yield part(f"snapshots/{path.name}", verify_snapshot, path, run_id)
    for name in COPIES:
        if (folder / name).exists():
            yield part(name, verify_snapshot, folder / name)


def begin_again(run: Run, damaged: Collection[str]) -> None:
    """Remove what training has written, so that it starts from the beginning and writes the same bytes again.

    Args:
        run: the run.
        damaged: names of the damaged parts. The result alone is written again from the newest checkpoint.

    Raises:
        BusyError: another process is training the run.
        ArenaError: the folder cannot be written.
    """
    with run.locked(), Folder(run.folder) as folder:
        for name in WRITTEN if {*damaged} != {"result.json"} else ("result.json",):
            folder.remove(name)


def _verify_metrics(folder: Path) -> None:
    """Verify the metrics, and that each of their evaluations has a snapshot."""
    steps = {step for step, _ in read_evaluations(folder)}
    missing = steps - snapshot_folders(folder).keys()
    if missing:
        raise DamagedError(f"its evaluation at step {min(missing):,} has no snapshot")
    result = read_result(folder)
    if result is not None and result.metrics.size > last_timing(folder).metrics.size:
        raise DamagedError("result.json is of more metrics")


def _verify_checkpoint(folder: Path, verify: Callable[[], dict[str, Any]]) -> None:
    size, sha256 = LogDigest.from_values(verify()["metrics"])
    if log_digest(folder, size).hexdigest() != sha256:
        raise DamagedError("it has other metrics than metrics.jsonl")


def _id(folder: Path) -> str | None:
    try:
        found = read_run(folder)["id"]
    except (OSError, *MALFORMED):
        return None
    return found if isinstance(found, str) else None
