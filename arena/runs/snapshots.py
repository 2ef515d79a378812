"""Snapshots of a run, and the references ``RUN``, ``RUN@best`` and ``RUN@2000`` to them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import ArenaError, memory_error
from arena.experiments.snapshot_reference import FILES as SNAPSHOT_FILES
from arena.experiments.snapshot_reference import SnapshotReference, read_snapshot
from arena.runs.layout import snapshot_folders

if TYPE_CHECKING:
    from arena.runs.run import Run
    from arena.storage.codec import State

__all__ = [
    "BEST",
    "LAST",
    "SNAPSHOT_FILES",
    "fits_this_version",
    "load_snapshot",
    "load_state",
    "snapshot_folder",
    "snapshot_reference",
    "split_reference",
]

#: Name of a snapshot's folder: a number of steps.
_STEP = re.compile(r"[0-9]{1,18}")

#: Words after ``RUN@``.
LAST, BEST = "last", "best"


def snapshot_reference(run: Run, which: str) -> SnapshotReference:
    """Make a reference to one of a run's snapshots, for another run that starts from it."""
    return SnapshotReference.from_folder(run.folder, snapshot_folder(run, which), run.spec.id(run.seed))


def split_reference(source: str | Path) -> tuple[Path, str]:
    """Split ``RUN``, ``RUN@best`` or ``RUN@2000`` into the run's folder and the name of the snapshot."""
    path, at, which = str(source).rpartition("@")
    return (Path(path), which) if at and not Path(source).exists() else (Path(source), LAST)


def snapshot_folder(run: Run, which: str = LAST) -> Path:
    """Find the folder of one of a run's snapshots.

    Args:
        run: the run.
        which: ``last``, ``best``, or a number of steps.

    Raises:
        ArenaError: there is no such snapshot.
    """
    found = snapshot_folders(run.folder)
    strange = (
        [] if found else sorted(path for path in run.snapshots.glob("*") if not _STEP.fullmatch(path.name))
    )
    if strange:
        problem = f"{strange[0]} is no snapshot: its name is not a number of steps"
        raise ArenaError(problem, "give the folder its name back")
    if not found:
        raise ArenaError(f"{run.folder} has no snapshot yet", f"train it with `arena resume {run.folder}`")
    if which == LAST:
        return found[max(found)]
    if which == BEST:
        best = run.best()
        if best is None or best["step"] not in found:
            reason = "no evaluation in its metrics" if best is None else f"no snapshot of step {best['step']}"
            raise ArenaError(f"{run.folder} has {reason}, so the best is unknown", "give last, or a step")
        return found[best["step"]]
    step = int(which) if _STEP.fullmatch(which) else -1
    if step not in found:
        nearest = sorted(found, key=lambda number: abs(number - step) if step >= 0 else -number)[:5]
        steps = ", ".join(map(str, sorted(nearest)))
        problem = f"{run.folder} has no snapshot {which!r}"
        raise ArenaError(problem, f"give best, last, or a step such as {steps}")
    return found[step]


def load_snapshot(run: Run, folder: Path) -> State:
    """Load the state in a snapshot's folder, which the run must have written at the step that names the folder.

    Raises:
        ArenaError: the snapshot is damaged, or belongs to another run or step.
    """
    return read_snapshot(folder, run.spec.id(run.seed))


def load_state(run: Run, which: str) -> tuple[State, int, bool]:
    """Load the state of a run's agent or encoder.

    Args:
        run: the run.
        which: ``last`` for the newest checkpoint, or else the newest snapshot; otherwise as in `snapshot_folder`.

    Returns:
        The state, the number of steps, and whether it comes from a checkpoint.

    Raises:
        ArenaError: there is no such snapshot, or it is damaged.
    """
    run_id = run.spec.id(run.seed)
    loaded = run.checkpoints.load(lambda info: bool(info.get("id") == run_id)) if which == LAST else None
    if loaded is not None:
        state: State = loaded.state["agent"]
        return state, int(loaded.info["step"]), True
    folder = snapshot_folder(run, which)
    return load_snapshot(run, folder), int(folder.name), False


@contextlib.contextmanager
def fits_this_version(run: Run) -> Iterator[None]:
    """Convert the exceptions of loading an incompatible state to an `ArenaError`."""
    try:
        yield
    except RecursionError as error:
        problem = f"the state of {run.folder} is nested too deeply"
        raise ArenaError(problem, "restore it from a copy, or train a new run") from error
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if (failure := memory_error(error)) is not None:
            raise failure from error
        raise ArenaError(
            f"the state of {run.folder} does not fit this version of {run.spec.name}: {error!r}",
            "install the versions in its run.json, or train a new run",
        ) from error
