"""Which frames to learn from, and which to keep for validation."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.frames.store import Frames
from arena.random.generators import derive

__all__ = ["Part", "rows_of", "shuffled"]

Rows = npt.NDArray[np.integer[Any]]
Part = Literal["train", "validation", "all"]


def rows_of(frames: Frames, part: Part, holdout: float, seed: int) -> Rows:
    """The numbers of a part's frames, ascending.

    Frames of one episode resemble each other, so an episode is either learned from or validated with. Which ones are,
    depends on the seed and their number alone.

    Args:
        frames: the data set.
        part: ``train``, ``validation`` or ``all``.
        holdout: the share of episodes, or of frames where there are none, that are for validation; one at least.
        seed: of the choice.

    Raises:
        ArenaError: a part that would be empty.
    """
    if part not in ("train", "validation", "all"):
        raise ArenaError(f"part is {part!r}", "give 'train', 'validation' or 'all'")
    if not (isinstance(holdout, (int, float)) and 0 < holdout < 1):
        raise ArenaError(f"holdout is {holdout!r}, which is no share", "give a number between 0 and 1")
    everything = _counted(len(frames))
    if part == "all":
        return everything
    whole = frames.episodes is None
    units = len(frames) if frames.episodes is None else frames.episodes
    if units < 2:
        what = "frame" if whole else "episode"
        raise ArenaError(
            f"{frames.folder} has one {what}, which cannot be split", "collect more, or take 'all'"
        )
    held = min(units - 1, max(1, math.floor(holdout * units)))
    chosen = np.zeros(units, dtype=np.bool_)
    chosen[shuffled(units, seed, "split")[:held]] = True
    if part == "train":
        chosen = ~chosen
    if not whole:
        chosen = np.repeat(chosen, np.diff(frames.starts, append=len(frames)))
    return everything[chosen]


def shuffled(count: int, seed: int, *names: str | int) -> Rows:
    """The numbers below `count` in an order that depends on the arguments alone; four bytes each."""
    numbers = _counted(count)
    np.random.Generator(np.random.Philox(key=derive(seed, "frames", *names))).shuffle(numbers)
    return numbers


def _counted(count: int) -> Rows:
    return np.arange(count, dtype=np.uint32 if count < 2**32 else np.int64)
