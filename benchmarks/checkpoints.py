"""Checkpoints of replay buffers: cost of a save with a journal, and of saving the whole buffer."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from arena.storage.checkpoint import Checkpoints
from arena.storage.journal import Journal
from arena.storage.segments import SEGMENT_BYTES
from benchmarks.measure import Row, interleaved, row

VECTORS: dict[str, Any] = {
    "observation": ((4,), "float32"),
    "action": ((), "int64"),
    "reward": ((), "float32"),
    "next_observation": ((4,), "float32"),
    "done": ((), "bool"),
}
FRAMES: dict[str, Any] = {
    "frame": ((84, 84), "uint8"),
    "action": ((), "int64"),
    "reward": ((), "float32"),
    "done": ((), "bool"),
}
NEW, NEW_FRAMES = 5_000, 500
REPEATS = 7


def measure() -> list[Row]:
    """Every row of the suite."""
    rows = []
    for held in (10_000, 100_000, 1_000_000):
        rows += compared(f"{held:,} transitions, {NEW:,} new", VECTORS, held, NEW)
    rows += compared(f"10,000 frames, {NEW_FRAMES:,} new", FRAMES, 10_000, NEW_FRAMES)
    return rows


def compared(what: str, fields: dict[str, Any], held: int, new: int) -> list[Row]:
    """A full buffer that gets so many new rows before each save, in a journal and as plain arrays."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {
            "in a journal": Side(Path(folder) / "journal", fields, held, new, lambda journal: journal),
            "saved whole": Side(
                Path(folder) / "whole",
                fields,
                held,
                new,
                lambda journal: {name: journal[name] for name in fields},
            ),
        }
        seconds = interleaved({how: side.save for how, side in sides.items()}, REPEATS)
    bound = (
        new * sides["in a journal"].journal.row_bytes + SEGMENT_BYTES
    ) / 1e6 + 0.1  # the rest is small here
    rows = []
    for how, target in (("in a journal", bound), ("saved whole", None)):
        rows.append(row(f"{what}: {how}", [1e3 * s for s in seconds[how]], "ms"))
        rows.append(row(f"{what}: {how}", sides[how].megabytes[1:], "MB written", target, at_least=False))
    ratio = statistics.median(seconds["saved whole"]) / statistics.median(seconds["in a journal"])
    return [*rows, Row(f"{what}: how much sooner", ratio, "times")]


class Side:
    """A full buffer, its checkpoints, and how many megabytes each save wrote; the first save writes everything."""

    def __init__(
        self, folder: Path, fields: dict[str, Any], held: int, new: int, state: Callable[[Journal], Any]
    ) -> None:
        self.journal, self.new, self.state = Journal(held, fields), new, state
        grow(self.journal, held + held // 3)  # the oldest row is in the middle of the ring
        self.checkpoints = Checkpoints(folder)
        self.megabytes: list[float] = []

    def save(self) -> float:
        """Seconds of a save after so many new rows."""
        grow(self.journal, self.new)
        state, folder = {"replay": self.state(self.journal)}, self.checkpoints.folder
        before, started = files(folder), time.perf_counter()
        self.checkpoints.save(state, {})
        seconds = time.perf_counter() - started
        written = sum(size for file, size in files(folder).items() if file not in before)
        self.megabytes.append(written / 1e6)
        return seconds


def files(folder: Path) -> dict[tuple[str, int], int]:
    """The size of every file, by its path and inode: a file written anew is another one."""
    found = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {(str(path), stat.st_ino): stat.st_size for path, stat in found}


def grow(journal: Journal, count: int) -> None:
    """Appends random rows, which no disk compresses, some at a time."""
    rng = np.random.default_rng(journal.total)
    for start in range(0, count, 10_000):
        rows = min(10_000, count - start)
        journal.append(
            **{
                name: rng.integers(0, 2 if dtype.kind == "b" else 256, (rows, *shape)).astype(dtype)
                for name, (shape, dtype) in journal.fields.items()
            }
        )
