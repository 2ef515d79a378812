"""``arena list runs``: folders read as plain files, so that a broken one is a row and a thousand are quick.

Neither `arena.runs.run` nor anything that needs numpy is imported.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from arena.cli.output import clean, console
from arena.cli.run_filters import Choice, Found, flattened
from arena.cli.run_table import run_table, summary
from arena.errors import ArenaError
from arena.runs.layout import SCHEMA, find_runs
from arena.runs.locks import Locks

__all__ = ["list_runs"]

#: Whatever can be wrong with a file that is JSON, or was.
WRONG = (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError)

#: What a run may be whose metrics tell its best evaluation.
READABLE = ("finished", "unfinished", "training", "failed")

#: The files that training writes to: the newest says when the run was last worked on.
WRITTEN = ("run.json", "metrics.jsonl", "timing.jsonl", "result.json", "failed.json")

#: Bytes that hold the last line of a ``timing.jsonl`` many times over.
TAIL = 4096

#: Bytes of a file, or of one line, that are read at most: none of arena's is so large.
MOST = 2**26


def list_runs(folders: Sequence[str], choice: Choice) -> tuple[dict[str, Any], Callable[[], None]]:
    """The runs under some folders that were chosen, and how to show them.

    Raises:
        ArenaError: a folder that does not exist, or a choice that no run could meet.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise ArenaError(
                f"there is no folder {folder}", "name one that holds runs: `arena list runs DIR`"
            )
    locks = Locks()
    if "training" in choice.statuses and not locks.known:
        raise ArenaError("this system does not tell which runs are being trained", "use --status unfinished")
    paths = dict.fromkeys(path for folder in folders for path in find_runs(Path(folder)))
    runs = [_read(path, locks) for path in paths]
    matching = choice.matching(runs)
    shown = matching[: choice.limit]
    for run in shown:
        # Of those shown alone: it takes a whole file where the result does not say.
        if run.row["best"] is None and run.row["status"] in READABLE:
            run.row["best"] = _best(run.row["path"])

    def show() -> None:
        screen = console()
        if shown:
            screen.print(run_table(shown, screen.width if screen.is_terminal else None), soft_wrap=True)
            screen.print()
        hint = "" if matching else choice.wider(runs)
        screen.print(clean(summary(runs, matching, len(shown), folders) + hint), soft_wrap=True)

    return {"runs": [run.row for run in shown]}, show


def _read(path: Path, locks: Locks) -> Found:
    """What a run folder says of itself, whatever state it is in."""
    folder = str(path)
    unread = ("agent", "env", "seed", "steps", "total", "mean", "best")
    row: dict[str, Any] = {"path": folder, **dict.fromkeys(unread), "status": "damaged", "error": None}
    files = _files(folder)
    row |= {**dict.fromkeys(("seconds", "options", "num_envs")), "modified": _modified(files)}
    run = Found(row)
    try:
        for name, status in files.items():
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, f"{name} is no regular file")
        document = _json(folder, "run.json")
        if document["schema"] > SCHEMA:
            row["error"] = f"schema {document['schema']} needs a newer arena-rl"
            row["status"] = "newer"
            return run
        experiment = document["experiment"]
        fitted = "encoder" in experiment and "agent" not in experiment
        learner, place = ("encoder", "frames") if fitted else ("agent", "env")
        row["agent"] = _text(experiment[learner]["name"])
        row["env"] = _text(experiment[place]["source" if fitted else "id"])
        row["seed"], row["total"] = _whole(experiment["seeds"][0]), _whole(experiment["steps"])
        run.fields = flattened(experiment)
        row["options"] = {name: dict(experiment[name].get("options", {})) for name in (learner, place)}
        row["num_envs"] = _whole(experiment["num_envs"]) if "num_envs" in experiment else None
        row["steps"], row["seconds"] = _progress(folder)
        row["status"] = _result(folder, row) if "result.json" in files else "unfinished"
        if row["status"] == "unfinished" and locks.holds(os.path.join(folder, "lock")):
            row["status"] = "training"
        elif row["status"] == "unfinished" and "failed.json" in files:
            row["error"] = _text(_json(folder, "failed.json")["error"])
            row["status"] = "failed"
    except OSError as error:
        row |= {"status": "damaged", "error": f"cannot be read: {error.strerror}"}
    except WRONG:
        row |= {"status": "damaged", "error": "a file is truncated or malformed"}
    return run


def _result(folder: str, row: dict[str, Any]) -> str:
    """Fills in what ``result.json`` says; whether the run is finished."""
    result = _json(folder, "result.json")
    row["mean"] = _mean(result["evaluation"]["mean"])
    steps = _whole(result["steps"])
    if not (result["converged"] or steps >= row["total"]):
        return "unfinished"
    row["steps"] = steps
    if result.get("best") is not None:
        row["best"] = {"step": _whole(result["best"]["step"]), "mean": _mean(result["best"]["mean"])}
    return "finished"


def _json(folder: str, name: str) -> Any:
    with _opened(folder, name) as file:
        return json.loads(file.read(MOST).decode("utf-8"))


def _opened(folder: str, name: str) -> BinaryIO:
    """A file that is one: to open a pipe may wait for ever, and to read a device does."""

    def regular(path: str, flags: int) -> int:
        found = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
        if stat.S_ISREG(os.fstat(found).st_mode):
            return found
        os.close(found)
        raise OSError(errno.EINVAL, f"{name} is no regular file")

    return open(os.path.join(folder, name), "rb", opener=regular)


def _progress(folder: str) -> tuple[int, float | None]:
    """The steps and seconds of the last whole line of ``timing.jsonl``."""
    with contextlib.suppress(FileNotFoundError):
        with _opened(folder, "timing.jsonl") as file:
            size = file.seek(0, os.SEEK_END)
            for length in (TAIL, MOST):
                file.seek(max(0, size - length))
                for line in reversed(file.read(length).splitlines()):
                    with contextlib.suppress(*WRONG):  # a line that a kill cut short
                        values = json.loads(line)
                        return _whole(values["step"]), _mean(values.get("seconds"))
    return 0, None


def _best(folder: str) -> dict[str, Any] | None:
    """As `arena.runs.run.Run.best`, reading of each line no more than it takes."""
    best: dict[str, Any] | None = None
    with contextlib.suppress(OSError):
        with _opened(folder, "metrics.jsonl") as file:
            while line := file.readline(MOST):
                if b'"evaluation"' in line:
                    with contextlib.suppress(*WRONG):
                        values = json.loads(line)
                        mean = _mean(values["evaluation"])
                        if mean is not None and (best is None or mean > best["mean"]):
                            best = {"step": _whole(values["step"]), "mean": mean}
    return best


def _files(folder: str) -> dict[str, os.stat_result]:
    """What the system says of the files that are there."""
    found = {}
    for name in WRITTEN:
        with contextlib.suppress(OSError):
            found[name] = os.stat(os.path.join(folder, name))
    return found


def _modified(files: Mapping[str, os.stat_result]) -> str | None:
    try:
        return datetime.fromtimestamp(max(status.st_mtime for status in files.values()), UTC).isoformat(
            timespec="milliseconds"
        )
    except (ValueError, OverflowError, OSError):  # no file, or a year beyond 9999
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**128:
        raise TypeError(value)
    return value


def _mean(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value) if math.isfinite(value) else None
