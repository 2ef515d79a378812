"""Opening of any source of frames: an environment, a data set, or a source of a plugin, by its name or a path."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from arena.config.options import coerce, options_of
from arena.errors import ArenaError, unknown_name
from arena.frames.collecting import collect
from arena.frames.columns import HEADER
from arena.frames.store import LOCK, Frames
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import FOLDER, SourceSpec

__all__ = ["Source", "find_source", "open_source"]


@dataclass(frozen=True)
class Source:
    """Source of frames that `find_source` has found; nothing is imported or read before `open`.

    Attributes:
        given: argument of `find_source`.
        spec: spec of a plugin's source; None for an environment and a data set.
        place: file or folder with the content; None for an environment, and for a source that reads nothing.
    """

    given: Any
    spec: SourceSpec | None = None
    place: Path | None = None

    @property
    def is_environment(self) -> bool:
        """Whether frames are collected from an environment."""
        return self.spec is None and self.place is None

    @property
    def name(self) -> str:
        """Name of the data, for folders; empty for an environment."""
        return self.place.stem if self.place else self.spec.name if self.spec else ""

    def options_class(self) -> type[Any]:
        """Make the dataclass of the options of a plugin's source: its keyword-only parameters."""
        assert self.spec is not None
        return options_of(self.spec.load(), keyword_only=True)

    def open(self, out: str | Path | None = None, **options: Any) -> Frames:
        """Open the frames; see `open_source`."""
        if self.spec is not None:
            name = self.spec.name
            config = coerce(self.options_class(), options, where=name)
            places = () if self.place is None else (self.place,)
            frames = self.spec.load()(*places, out=out, **{key: getattr(config, key) for key in options})
            if not isinstance(frames, Frames):
                problem = f"the source {name} returned {type(frames).__name__}, not arena.frames.Frames"
                raise ArenaError(problem, f"fix or update the plugin {self.spec.plugin}")
            return frames
        kind, reader = ("an environment", collect) if self.place is None else ("a data set", Frames)
        known = list(inspect.signature(reader).parameters)[1:]
        for name in options:
            if name not in known:
                raise unknown_name(f"option of {kind}", name, known)
        return (
            collect(self.given, out=out, **options) if self.place is None else Frames(self.place, **options)
        )


def open_source(
    source: str | Path | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any],
    out: str | Path | None = None,
    **options: Any,
) -> Frames:
    """Open or make a data set from any source; a data set that exists already is opened.

    Args:
        source: a source of ``arena list sources``, such as ``digits``, ``npz:FILE`` or ``images:FOLDER``; the folder of
            a data set; another folder or a file, whose suffix determines the source; otherwise an environment, as
            `arena.frames.collect` takes it. An existing path is never taken for an environment.
        out: the folder to write to; by default a folder under ``frames/``. Nothing is written for a data set.
        options: options of the source, or of `collect`; ``verify`` for a data set.

    Raises:
        ArenaError: an unknown source, an option that the source does not have, or an error of the source.

    Example:
        >>> open_source("digits").label_spaces  # doctest: +SKIP
        {'digit': Discrete(10)}
        >>> open_source("images:photos", size=64)  # doctest: +SKIP
        Frames(200: uint8(64, 64, 3))
        >>> open_source("arena/Pendulum-v0", n=500, env_options={"observation": "pixels"})  # doctest: +SKIP
        Frames(500 of 8 episodes: uint8(64, 64, 3))
    """
    return find_source(source).open(out, **options)


def find_source(source: Any) -> Source:
    """Find the source that an argument of `open_source` names.

    Raises:
        ArenaError: a path that does not exist or that no source reads, or the misspelt name of a source.
    """
    if not isinstance(source, (str, Path)):
        return Source(source)
    sources, path = get_plugins().sources, Path(source)
    name, colon, rest = str(source).partition(":")
    spec = sources.get(name) if isinstance(source, str) else None
    if spec is not None and (colon or spec.reads == "nothing" or not path.exists()):
        return Source(source, spec, _place(spec, rest))
    if path.is_dir() and ((path / HEADER).exists() or (path / LOCK).exists()):
        return Source(source, None, path)
    if isinstance(source, str) and not path.exists() and _is_misspelt(name, bool(colon)):
        raise unknown_name("source", name, sources)
    suffix = FOLDER if path.is_dir() else path.suffix.lower()
    for spec in sources.values():
        if suffix in spec.suffixes:
            return Source(source, spec, _place(spec, str(path)))
    if path.exists():
        raise ArenaError(f"{path} holds no frames", "give a data set, or what `arena list sources` names")
    if isinstance(source, Path):
        raise ArenaError(f"{path} does not exist", "check the path")
    return Source(source)


def _place(spec: SourceSpec, text: str) -> Path | None:
    """The file or folder that a source reads, which must exist; None if it reads nothing."""
    if spec.reads == "nothing":
        if text:
            raise ArenaError(f"the source {spec.name} reads no path, such as {text}", f"write {spec.usage}")
        return None
    if not text:
        raise ArenaError(f"the source {spec.name} reads a {spec.reads}", f"write {spec.usage}")
    place = Path(text)
    if not place.exists():
        raise ArenaError(f"{place} does not exist", "check the path")
    if place.is_dir() != (spec.reads == "folder"):
        raise ArenaError(f"{place} is not a {spec.reads}, which {spec.name} reads", "check the path")
    return place


def _is_misspelt(name: str, prefix: bool) -> bool:
    """Whether a name is similar to that of a source, and neither a path nor that of an environment or a module."""
    if {"/", "."} & {*name} or not difflib.get_close_matches(name, get_plugins().sources):
        return False
    if prefix:  # a module that registers environments
        return name not in sys.modules and importlib.util.find_spec(name) is None
    return name not in get_plugins().environments and name not in gym.registry
