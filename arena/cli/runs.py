"""``arena list runs``: folders read as plain files, so that a broken one is a row and a hundred are quick."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from arena.cli.output import clean, console, print_table
from arena.errors import ArenaError
from arena.tables_text import count, number

__all__ = ["list_runs"]

#: Whatever can be wrong with a file that is JSON, or was.
WRONG = (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError)


def list_runs(folders: Sequence[str]) -> tuple[dict[str, Any], Callable[[], None]]:
    """Every run under some folders, and how to show them.

    Raises:
        ArenaError: a folder that does not exist.
    """
    from arena.run import find_runs

    for folder in folders:
        if not Path(folder).is_dir():
            raise ArenaError(
                f"there is no folder {folder}", "name one that holds runs: `arena list runs DIR`"
            )
    found = [_read(path) for folder in folders for path in find_runs(Path(folder))]

    def show() -> None:
        if not found:
            console().print(clean(f"no runs in {', '.join(folders)}"), style="yellow")
            return
        columns = ["agent", "env", "seed", "steps", "return", "status", "run"]
        print_table(columns, [_row(run) for run in found], right=("seed", "steps", "return"), wide=True)

    return {"runs": found}, show


def _read(folder: Path) -> dict[str, Any]:
    """What a run folder says of itself, whatever state it is in."""
    row: dict[str, Any] = dict.fromkeys(("agent", "env", "seed", "steps", "total", "mean"))
    row = {"path": str(folder), **row, "status": "damaged", "error": None}
    try:
        from arena.run import SCHEMA

        document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if document["schema"] > SCHEMA:
            return {**row, "status": "newer", "error": f"schema {document['schema']} needs a newer arena-rl"}
        experiment = document["experiment"]
        row["agent"], row["env"] = _text(experiment["agent"]["name"]), _text(experiment["env"]["id"])
        row["seed"], row["total"] = _whole(experiment["seeds"][0]), _whole(experiment["steps"])
        row["steps"], row["status"] = _last_step(folder), "unfinished"
        if (folder / "result.json").exists():
            result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
            row["mean"] = _mean(result["evaluation"]["mean"])
            steps = _whole(result["steps"])
            if result["converged"] or steps >= row["total"]:
                row["steps"], row["status"] = steps, "finished"
    except OSError as error:
        return {**row, "status": "damaged", "error": f"cannot be read: {error.strerror}"}
    except WRONG:
        return {**row, "status": "damaged", "error": "a file is truncated or malformed"}
    return row


def _last_step(folder: Path) -> int:
    try:
        lines = (folder / "timing.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            return _whole(json.loads(line)["step"])
        except WRONG:  # the line that a kill cut short
            continue
    return 0


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


def _row(run: dict[str, Any]) -> list[str]:
    path = run["path"] if run["error"] is None else f"{run['path']} ({run['error']})"
    if run["steps"] is None:
        return ["–", "–", "", "", "", run["status"], path]
    done = run["status"] == "finished"
    steps = f"{run['steps']:,}" if done else f"{count(run['steps'])} of {count(run['total'])}"
    return [run["agent"], run["env"], str(run["seed"]), steps, number(run["mean"]), run["status"], path]
