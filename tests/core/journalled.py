"""A run in small, whose checkpoints hold journals; see test_segments.py and test_segments_damage.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from arena.storage.checkpoint import Checkpoints, Loaded
from arena.storage.codec import Encoded, encode
from arena.storage.journal import Journal

CAPACITY, ROWS = 40, 8
ROW_BYTES = 13  # of the replay below


class Writer:
    """A run in small: a state with two journals, whose rows tell their number and which future they are of."""

    def __init__(self, folder: Path, capacity: int = CAPACITY, keep: int = 2) -> None:
        self.checkpoints = Checkpoints(folder, keep)
        self.replay = Journal(capacity, {"x": ((3,), "float32"), "done": ((), "bool")})
        self.frames = Journal(5, {"frame": ((4, 4), "uint8")})
        self.future, self.step = 0, 0
        self.saved: dict[int, Encoded] = {}

    def append(self, count: int) -> None:
        number = np.arange(self.replay.total, self.replay.total + count)
        x = np.stack([number, number * 0 + self.future, number % 7], axis=1).astype(np.float32)
        self.replay.append(x=x, done=number % 5 == 0)
        self.frames.append(frame=np.full((1, 4, 4), (self.frames.total + 100 * self.future) % 256, np.uint8))

    def state(self) -> dict[str, Any]:
        return {"step": self.step, "replay": self.replay, "more": [self.frames, self.replay, np.arange(3)]}

    def save(self, *counts: int) -> None:
        for count in counts:
            self.append(count)
            self.step += 1
            self.saved[self.step] = encode(self.state())
            self.checkpoints.save(self.state(), {"step": self.step})

    def resume(self) -> Loaded:
        """Goes on as another process would."""
        self.checkpoints = Checkpoints(self.checkpoints.folder, self.checkpoints.keep)
        loaded = self.checkpoints.load()
        self.assert_saved(loaded)
        self.replay, self.frames = loaded.state["replay"], loaded.state["more"][0]
        self.step = loaded.info["step"]
        return loaded

    def assert_saved(self, loaded: Loaded | None, step: int | None = None) -> None:
        assert loaded is not None
        assert step is None or loaded.info == {"step": step}
        assert encode(loaded.state) == self.saved[loaded.info["step"]]
        assert loaded.state["more"][1] is loaded.state["replay"]

    def files(self) -> list[Path]:
        return sorted(path for path in self.checkpoints.folder.rglob("*") if path.is_file())

    def segments(self) -> list[Path]:
        return sorted((self.checkpoints.folder / "journal").iterdir())

    def listed(self) -> list[str]:
        """The names of the segments that the checkpoints there list."""
        numbers = [int(path.parent.name) for path in self.checkpoints.folder.glob("0*/journals.json")]
        return sorted({name for number in numbers for name in self.listed_by(number)})

    def listed_by(self, number: int) -> set[str]:
        """The names of the segments that one checkpoint lists."""
        return {
            f"{segment[3]}.safetensors" for entry in self.entries(number) for segment in entry["segments"]
        }

    def entries(self, number: int) -> list[dict[str, Any]]:
        """What a checkpoint notes of its journals."""
        entries: list[dict[str, Any]] = json.loads(
            (self.checkpoints.folder / f"{number:08d}" / "journals.json").read_text()
        )
        return entries
