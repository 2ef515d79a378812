"""``arena list runs``: folders read as plain files, so that a broken one is a row and a thousand are quick.

Neither `arena.run` nor anything that needs numpy is imported.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.output import clean, console
from arena.cli.run_filters import STATUSES, Choice, Found, flattened
from arena.errors import ArenaError
from arena.folders import SCHEMA, find_runs
from arena.tables_text import UNKNOWN, count, number

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["list_runs"]

#: Whatever can be wrong with a file that is JSON, or was.
WRONG = (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError)

#: The files that training writes to: the newest says when the run was last worked on.
WRITTEN = ("run.json", "metrics.jsonl", "timing.jsonl", "result.json")

#: Fields in which runs of one experiment may differ, or that the table shows anyway.
NOT_SHOWN = ("agent", "env", "seed", "steps", "evaluate_every", "log_every", "trackers", "start.digest")

#: Columns of text that differing options may take, and that the names of agents and environments keep.
OPTIONS, NAMES = 40, 8

COLUMNS = ("agent", "env", "seed", "steps", "return", "best", "status")
RIGHT = ("seed", "steps", "return", "best")

#: Bytes that hold the last line of a ``timing.jsonl`` many times over.
TAIL = 4096


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
    locks = _Locks()
    if "training" in choice.statuses and not locks.known:
        raise ArenaError("this system does not tell which runs are being trained", "use --status unfinished")
    paths = dict.fromkeys(path for folder in folders for path in find_runs(Path(folder)))
    runs = [_read(path, locks) for path in paths]
    matching = choice.matching(runs)
    shown = matching[: choice.limit]
    for run in shown:
        # Of those shown alone: it takes a whole file where the result does not say.
        if run.row["best"] is None and run.row["status"] in ("finished", "unfinished", "training"):
            run.row["best"] = _best(run.row["path"])

    def show() -> None:
        screen = console()
        if shown:
            screen.print(_table(shown, screen.width if screen.is_terminal else None), soft_wrap=True)
            screen.print()
        screen.print(clean(_summary(runs, matching, len(shown), folders)), soft_wrap=True)

    return {"runs": [run.row for run in shown]}, show


class _Locks:
    """The locks that processes hold now, as Linux tells them.

    To try each run's lock would, for that instant, keep a trainer from it that is just starting. `known` is false
    where the system does not tell.
    """

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[str, str]]] = {}
        self.known = False
        with contextlib.suppress(OSError):
            with open("/proc/locks", encoding="ascii", errors="replace") as file:
                self.known = True
                for line in file:
                    words = line.split()  # such as 1: FLOCK ADVISORY WRITE 32338 fe:00:2187449 0 EOF
                    if len(words) > 5 and (words[1], words[3]) == ("FLOCK", "WRITE"):
                        device, _, inode = words[5].rpartition(":")
                        self._held.setdefault(inode, []).append((device, words[4]))

    def holds(self, path: str) -> bool:
        """Whether a process holds the lock of this file."""
        with contextlib.suppress(OSError):
            status = os.stat(path) if self._held else None
            if status is not None and str(status.st_ino) in self._held:
                device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
                holders = self._held[str(status.st_ino)]
                return any(where == device or _has_open(process, status) for where, process in holders)
        return False


def _has_open(process: str, status: os.stat_result) -> bool:
    """Whether a process has a file open: Btrfs and overlays tell another device than the lock's."""
    with contextlib.suppress(OSError):  # it has ended, or is another person's
        for descriptor in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(f"/proc/{process}/fd/{descriptor}"), status):
                    return True
    return False


def _read(path: Path, locks: _Locks) -> Found:
    """What a run folder says of itself, whatever state it is in."""
    folder = str(path)
    unread = ("agent", "env", "seed", "steps", "total", "mean", "best")
    row: dict[str, Any] = {"path": folder, **dict.fromkeys(unread), "status": "damaged", "error": None}
    row |= {**dict.fromkeys(("seconds", "options", "num_envs")), "modified": _modified(folder)}
    run = Found(row)
    try:
        document = _json(folder, "run.json")
        if document["schema"] > SCHEMA:
            row["error"] = f"schema {document['schema']} needs a newer arena-rl"
            row["status"] = "newer"
            return run
        experiment = document["experiment"]
        row["agent"], row["env"] = _text(experiment["agent"]["name"]), _text(experiment["env"]["id"])
        row["seed"], row["total"] = _whole(experiment["seeds"][0]), _whole(experiment["steps"])
        run.fields = flattened(experiment)
        row["options"] = {name: dict(experiment[name].get("options", {})) for name in ("agent", "env")}
        row["num_envs"] = _whole(experiment["num_envs"]) if "num_envs" in experiment else None
        row["steps"], row["seconds"] = _progress(folder)
        row["status"] = _result(folder, row)
        if row["status"] == "unfinished" and locks.holds(os.path.join(folder, "lock")):
            row["status"] = "training"
    except OSError as error:
        row |= {"status": "damaged", "error": f"cannot be read: {error.strerror}"}
    except WRONG:
        row |= {"status": "damaged", "error": "a file is truncated or malformed"}
    return run


def _result(folder: str, row: dict[str, Any]) -> str:
    """Fills in what ``result.json`` says; whether the run is finished."""
    if not os.path.exists(os.path.join(folder, "result.json")):
        return "unfinished"
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
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.loads(file.read())


def _progress(folder: str) -> tuple[int, float | None]:
    """The steps and seconds of the last whole line of ``timing.jsonl``."""
    with contextlib.suppress(OSError):
        with open(os.path.join(folder, "timing.jsonl"), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            for length in (TAIL, size):
                file.seek(max(0, size - length))
                for line in reversed(file.read().splitlines()):
                    with contextlib.suppress(*WRONG):  # a line that a kill cut short
                        values = json.loads(line)
                        return _whole(values["step"]), _mean(values.get("seconds"))
    return 0, None


def _best(folder: str) -> dict[str, Any] | None:
    """As `arena.run.Run.best`, reading of each line no more than it takes."""
    best: dict[str, Any] | None = None
    with contextlib.suppress(OSError):
        with open(os.path.join(folder, "metrics.jsonl"), "rb") as file:
            for line in file:
                if b'"evaluation"' in line:
                    with contextlib.suppress(*WRONG):
                        values = json.loads(line)
                        mean = _mean(values["evaluation"])
                        if mean is not None and (best is None or mean > best["mean"]):
                            best = {"step": _whole(values["step"]), "mean": mean}
    return best


def _modified(folder: str) -> str | None:
    times = []
    for name in WRITTEN:
        with contextlib.suppress(OSError):
            times.append(os.stat(os.path.join(folder, name)).st_mtime)
    try:
        return datetime.fromtimestamp(max(times), UTC).isoformat(timespec="milliseconds")
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


def _summary(runs: Sequence[Found], matching: Sequence[Found], shown: int, folders: Sequence[str]) -> str:
    """Such as ``37 runs: 30 finished, 5 unfinished, 2 training``."""
    if not runs:
        return f"no runs in {', '.join(folders)}"
    several = f"{len(runs):,} run{'s' * (len(runs) != 1)}"
    if not matching:
        return f"none of {several} matches"
    chosen = several if len(matching) == len(runs) else f"{len(matching):,} of {several}"
    first = "" if shown == len(matching) else f", the first {shown:,} shown"
    statuses = [run.row["status"] for run in matching]
    counts = [f"{statuses.count(status):,} {status}" for status in STATUSES if status in statuses]
    return f"{chosen}{first}: {', '.join(counts)}"


def _table(runs: Sequence[Found], width: int | None) -> Text:
    """A line for each run that ends in its path; two, where a terminal of that width cannot hold one."""
    from rich.cells import cell_len
    from rich.text import Text

    cells = [[_one_line(cell) for cell in _cells(run.row)] for run in runs]
    notes = [_cut(_one_line(note), OPTIONS) for note in _notes(runs)]
    paths = [_one_line(run.row["path"]) for run in runs]
    noted = ["options"] * any(notes)
    lines = _aligned(
        [*COLUMNS, *noted, "run"],
        [[*row, *[note] * len(noted), path] for row, note, path in zip(cells, notes, paths, strict=True)],
    )
    if width is None or max(map(cell_len, lines)) <= width:
        return Text("\n").join([Text(lines[0], style="dim"), *map(Text, lines[1:])])
    for i in (COLUMNS.index("env"), COLUMNS.index("agent")):  # which the path names, too
        excess = max(map(cell_len, _aligned(COLUMNS, cells))) - width
        room = max(NAMES, max(cell_len(row[i]) for row in cells) - max(0, excess))
        cells = [[*row[:i], _cut(row[i], room), *row[i + 1 :]] for row in cells]
    head, *lines = _aligned(COLUMNS, cells)
    text = Text(head, style="dim")
    for line, note, path in zip(lines, notes, paths, strict=True):
        text.append(f"\n{line}\n", style="not dim")
        room = cell_len(note) + cell_len(path) + 4 <= width
        text.append(f"  {note}{'' if room else chr(10)}" if note else "")
        text.append(f"  {path}")
    return text


def _aligned(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of columns and their rows, each as one line."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    lines = []
    for row in (names, *rows):
        padded = []
        for name, cell, width in zip(names, row, widths, strict=True):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if name in RIGHT else cell + space)
        lines.append("  ".join(padded).rstrip())
    return lines


def _cells(row: Mapping[str, Any]) -> list[str]:
    """What a row has under `COLUMNS`."""
    steps = UNKNOWN
    if row["steps"] is not None:
        done = row["status"] == "finished"
        steps = f"{row['steps']:,}" if done else f"{count(row['steps'])} of {count(row['total'])}"
    agent, env, seed = (UNKNOWN if row[name] is None else str(row[name]) for name in ("agent", "env", "seed"))
    best = None if row["best"] is None else row["best"]["mean"]
    return [agent, env, seed, steps, number(row["mean"]), number(best), row["status"]]


def _notes(runs: Sequence[Found]) -> list[str]:
    """Of each run what is wrong with it, or what tells it from the others: options that differ among them.

    An agent's options are compared with those of the same agent; all else with the same agent in the same
    environment.
    """
    values: dict[tuple[Any, ...], set[str]] = {}
    for run in runs:
        for key, value in run.fields.items():
            values.setdefault(_group(run, key), set()).add(str(value))
    notes = []
    for run in runs:
        differing = [
            f"{key.removeprefix('agent.')}={value}"
            for key, value in run.fields.items()
            if key not in NOT_SHOWN and value is not None and len(values[_group(run, key)]) > 1
        ]
        notes.append(run.row["error"] or " ".join(differing))
    return notes


def _group(run: Found, key: str) -> tuple[Any, ...]:
    """What a field is compared within."""
    return (key, run.row["agent"], None if key.startswith("agent.") else run.row["env"])


def _one_line(text: str) -> str:
    return clean(text).replace("\n", " ").replace("\t", " ")


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
