"""List of ``arena list runs``: a damaged run is a row with an error, and ten thousand runs are listed quickly.

The module imports neither numpy nor `arena.runs.run`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arena.cli.output import clean, console
from arena.cli.run_filters import Choice, Found, flattened
from arena.cli.run_index import Entry, RunIndex
from arena.cli.run_table import run_table, summary
from arena.errors import ArenaError
from arena.runs.layout import find_runs
from arena.runs.locks import Locks
from arena.runs.records import (
    MALFORMED,
    NewerError,
    Result,
    best_evaluation,
    checked_count,
    checked_text,
    damage_text,
    is_fit,
    last_timing,
    read_object,
    read_result,
    read_run,
)

__all__ = ["list_runs"]

#: Statuses of runs whose metrics can be read.
READABLE = ("finished", "unfinished", "training", "failed")

#: Files that training writes; the newest has the time of the last change.
WRITTEN = ("run.json", "metrics.jsonl", "timing.jsonl", "result.json", "failed.json")


def list_runs(folders: Sequence[str], choice: Choice) -> tuple[dict[str, Any], Callable[[], None]]:
    """List chosen runs in some folders; return the object to print as JSON, and a function that prints a table.

    Raises:
        ArenaError: a folder does not exist, or no run can match the choice.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise ArenaError(
                f"there is no folder {folder}", "name one that holds runs: `arena list runs DIR`"
            )
    locks = Locks()
    if "training" in choice.statuses and not locks.known:
        raise ArenaError(
            "this system does not report which runs are being trained", "use --status unfinished"
        )
    read: dict[Path, Found] = {}
    for place in map(Path, folders):
        paths = find_runs(place)
        index = RunIndex(place, len(paths))
        read |= {path: _read(path, locks, index) for path in paths if path not in read}
        index.save(len(paths))
    runs = list(read.values())
    matching = choice.matching(runs)
    shown = matching[: choice.limit]
    for run in shown:
        # For shown runs only, since the whole file of metrics is read if there is no result.
        if run.row["best"] is None and run.row["status"] in READABLE:
            try:
                run.row["best"] = best_evaluation(run.row["path"])
            except (OSError, *MALFORMED) as error:
                run.row |= {"status": "damaged", "error": damage_text(error)}

    def show() -> None:
        screen = console()
        if shown:
            screen.print(run_table(shown, screen.width if screen.is_terminal else None), soft_wrap=True)
            screen.print()
        hint = "" if matching else choice.wider(runs)
        screen.print(clean(summary(runs, matching, len(shown), folders) + hint), soft_wrap=True)

    return {"runs": [run.row for run in shown]}, show


def _read(path: Path, locks: Locks, index: RunIndex | None = None) -> Found:
    """Read the row of a run folder, which may be damaged; what the index knows is not read again."""
    folder = str(path)
    unread = ("agent", "env", "seed", "steps", "total", "mean", "best")
    row: dict[str, Any] = {"path": folder, **dict.fromkeys(unread), "status": "damaged", "error": None}
    files = _files(folder)
    row |= {**dict.fromkeys(("seconds", "options", "num_envs")), "modified": _modified(files)}
    run = Found(row)
    try:
        for name, status in files.items():
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, f"{name} is not a regular file")
        known = index.find(folder, files) if index and "result.json" in files else None
        experiment = read_run(folder)["experiment"] if known is None else known.experiment
        fitted = is_fit(experiment)
        learner, place = ("encoder", "frames") if fitted else ("agent", "env")
        row["agent"] = checked_text(experiment[learner]["name"])
        row["env"] = checked_text(experiment[place]["source" if fitted else "id"])
        row["seed"], row["total"] = checked_count(experiment["seeds"][0]), checked_count(experiment["steps"])
        run.fields = flattened(experiment)
        row["options"] = {name: dict(experiment[name].get("options", {})) for name in (learner, place)}
        row["num_envs"] = checked_count(experiment["num_envs"]) if "num_envs" in experiment else None
        timing = last_timing(folder) if known is None else known.timing
        row["steps"], row["seconds"] = timing.steps, timing.seconds
        row["status"] = "unfinished"
        result: Result | None = None
        if "result.json" in files:
            result = read_result(folder) if known is None else known.result
        if result is not None:
            row["mean"] = result.mean
            if result.completes(row["total"]):
                row |= {"status": "finished", "steps": result.steps, "best": result.best}
                if index and known is None:
                    index.add(folder, files, Entry(experiment, timing, result))
        if row["status"] == "unfinished" and locks.holds(os.path.join(folder, "lock")):
            row["status"] = "training"
        elif row["status"] == "unfinished" and "failed.json" in files:
            row["error"] = checked_text(read_object(folder, "failed.json")["error"])
            row["status"] = "failed"
    except NewerError as error:
        row |= {"status": "newer", "error": str(error)}
    except (OSError, *MALFORMED) as error:
        row |= {"status": "damaged", "error": damage_text(error)}
    return run


def _files(folder: str) -> dict[str, os.stat_result]:
    """Status of each existing file of a run."""
    found = {}
    for name in WRITTEN:
        try:
            found[name] = os.stat(f"{folder}{os.sep}{name}")
        except OSError:
            continue
    return found


def _modified(files: Mapping[str, os.stat_result]) -> str | None:
    try:
        return datetime.fromtimestamp(max(status.st_mtime for status in files.values()), UTC).isoformat(
            timespec="milliseconds"
        )
    except (ValueError, OverflowError, OSError):  # no file, or a year beyond 9999
        return None
