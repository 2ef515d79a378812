"""The snapshots of a run: which there are, and those that ``RUN``, ``RUN@best`` and ``RUN@2000`` name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import ArenaError
from arena.experiments.snapshot_reference import SnapshotReference

if TYPE_CHECKING:
    from arena.runs.run import Run

__all__ = ["BEST", "LAST", "fits_this_version", "snapshot_folder", "snapshot_reference", "split_reference"]

#: The words behind ``RUN@``.
LAST, BEST = "last", "best"


def snapshot_reference(run: Run, which: str) -> SnapshotReference:
    """A reference to one of a run's snapshots, for another run that begins there."""
    return SnapshotReference.from_folder(run.folder, snapshot_folder(run, which))


def split_reference(source: str | Path) -> tuple[Path, str]:
    """The folder and the snapshot that ``RUN``, ``RUN@best`` or ``RUN@2000`` names."""
    path, at, which = str(source).rpartition("@")
    return (Path(path), which) if at and not Path(source).exists() else (Path(source), LAST)


def snapshot_folder(run: Run, which: str = LAST) -> Path:
    """The folder of one of a run's snapshots.

    Args:
        run: the run.
        which: ``last``, ``best``, or a number of steps.

    Raises:
        ArenaError: there is no such snapshot.
    """
    found = {int(path.parent.name): path.parent for path in sorted(run.snapshots.glob("[0-9]*/state.json"))}
    if not found:
        raise ArenaError(f"{run.folder} has no snapshot yet", f"`arena resume {run.folder}` trains it")
    if which == LAST:
        return found[max(found)]
    if which == BEST:
        best = run.best()
        return found[max(found) if best is None or best["step"] not in found else best["step"]]
    step = int(which) if which.isdecimal() else -1
    if step not in found:
        nearest = sorted(found, key=lambda number: abs(number - step) if step >= 0 else -number)[:5]
        steps = ", ".join(map(str, sorted(nearest)))
        problem = f"{run.folder} has no snapshot {which!r}"
        raise ArenaError(problem, f"give best, last, or a step such as {steps}")
    return found[step]


@contextlib.contextmanager
def fits_this_version(run: Run) -> Iterator[None]:
    """Turns what a state of another layout makes `load_state_dict` raise into an error of one line."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ArenaError(
            f"the state of {run.folder} is not one that this version of {run.spec.name} takes: {error!r}",
            "use the versions in its run.json, or train it from the start",
        ) from error
