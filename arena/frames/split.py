"""Split of a data set into training and validation frames."""

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
    """Numbers of the frames in a part, ascending.

    Frames of one episode are similar, so a whole episode is used either for training or for validation. The split
    depends only on the seed and the number of episodes.

    Args:
        frames: the data set.
        part: ``train``, ``validation`` or ``all``.
        holdout: fraction of episodes, or of frames without episodes, for validation, in (0, 1); at least one is used.
        seed: seed of the split.

    Raises:
        ArenaError: the part would be empty.
    """
    if part not in ("train", "validation", "all"):
        raise ArenaError(f"part is {part!r}", "give 'train', 'validation' or 'all'")
    if not (isinstance(holdout, (int, float)) and 0 < holdout < 1):
        raise ArenaError(f"holdout is {holdout!r}, which is not in (0, 1)", "give a number between 0 and 1")
    everything = _counted(len(frames))
    if part == "all":
        return everything
    whole = frames.episodes is None
    units = len(frames) if frames.episodes is None else frames.episodes
    if units < 2:
        what = "frame" if whole else "episode"
        raise ArenaError(
            f"{frames.folder} has one {what}, which cannot be split", "collect more, or use part='all'"
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
    """Shuffle the numbers below `count`, in an order that depends only on the arguments; four bytes each."""
    numbers = _counted(count)
    np.random.Generator(np.random.Philox(key=derive(seed, "frames", *names))).shuffle(numbers)
    return numbers


def _counted(count: int) -> Rows:
    return np.arange(count, dtype=np.uint32 if count < 2**32 else np.int64)
