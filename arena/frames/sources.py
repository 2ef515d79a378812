"""Opening of any source of frames: a data set, images, an ``.npz`` file, digits, or an environment."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym

from arena.errors import ArenaError, unknown_name
from arena.frames.arrays import digits, npz
from arena.frames.collecting import collect
from arena.frames.columns import HEADER
from arena.frames.images import pictures
from arena.frames.store import LOCK, Frames

__all__ = ["is_environment", "open_source"]

DIGITS = "digits"


def open_source(
    source: str | Path | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any],
    out: str | Path | None = None,
    **options: Any,
) -> Frames:
    """Open or make a data set from any source; a data set that exists already is opened.

    Args:
        source: the folder of a data set; a folder of images; an ``.npz`` file; ``digits``; otherwise an environment, as
            `arena.frames.collect` takes it. An existing path is never taken for an environment.
        out: the folder to write to; by default a folder under ``frames/``. Nothing is written for a data set.
        options: options of `collect`, `pictures` or `npz`, or ``verify`` for a data set.

    Raises:
        ArenaError: an unknown source, an option that the source does not have, or an error of the source.

    Example:
        >>> open_source("digits").label_spaces  # doctest: +SKIP
        {'digit': Discrete(10)}
        >>> open_source("arena/Pendulum-v0", n=500, env_options={"observation": "pixels"})  # doctest: +SKIP
        Frames(500 of 8 episodes: uint8(64, 64, 3))
    """
    kind, reader = _reader(source)
    known = list(inspect.signature(reader).parameters)
    known = [name for name in known[reader is not digits :] if name != "out"]
    for name in options:
        if name not in known:
            raise unknown_name(f"option of {kind}", name, known)
    arguments: dict[str, Any] = {} if reader is Frames else {"out": out}
    return reader(*(() if reader is digits else (source,)), **arguments, **options)


def is_environment(source: Any) -> bool:
    """Return whether a source is an environment, from which frames are collected."""
    return _reader(source)[1] is collect


def _reader(source: Any) -> tuple[str, Callable[..., Frames]]:
    """Kind of a source in words, and the function that reads it."""
    if not isinstance(source, (str, Path)):
        return "an environment", collect
    path = Path(source)
    if source == DIGITS:
        return DIGITS, digits
    if path.is_dir():
        holds_frames = (path / HEADER).exists() or (path / LOCK).exists()
        return ("a data set", Frames) if holds_frames else ("pictures", pictures)
    if path.suffix.lower() == ".npz":
        return "an .npz file", npz
    if path.exists():
        raise ArenaError(f"{path} holds no frames", "give a data set, a folder of pictures or an .npz file")
    if isinstance(source, Path):
        raise ArenaError(f"{path} does not exist", "check the path")
    return "an environment", collect
