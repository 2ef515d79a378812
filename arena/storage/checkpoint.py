"""Checkpoints of a run, written so that a crash at any moment leaves the previous one usable.

Each checkpoint is a sub-folder named by a sequence number (so one step may be saved twice). It contains
``arrays.safetensors``, ``state.json`` (see `arena.storage.codec`), and ``manifest.json`` with the size and digest of
both and a digest of itself. A sub-folder gets its name only once all of it is on the disk. Where a state contains
journals, ``journals.json`` lists the files of their rows, which the checkpoints share (see `arena.storage.segments`).
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena.storage.codec import Encoded, State, decode, encode
from arena.storage.files import Folder, write_error
from arena.storage.journal import Journal
from arena.storage.manifest import DamagedError, Manifest, read_manifest, read_verified, write_files
from arena.storage.segments import Segments

__all__ = ["Checkpoints", "Loaded"]

#: Version of the layout, increased when an older arena can no longer read it; 1 is written where no journal is.
SCHEMA = 2

_ARRAYS, _TREE = "arrays.safetensors", "state.json"
_JOURNALS, _ROWS = "journals.json", "journal"
_NUMBERED = re.compile(r"[0-9]{8,18}")


@dataclass(frozen=True)
class Loaded:
    """Verified checkpoint.

    Attributes:
        state: the state given to `Checkpoints.save`.
        info: the info given to `Checkpoints.save`.
        path: the checkpoint's sub-folder.
        skipped: one line for each newer checkpoint that was skipped, newest first.
    """

    state: State
    info: dict[str, Any]
    path: Path
    skipped: list[str]


class Checkpoints:
    """Checkpoints in one folder, which has one writer at a time.

    Example:
        >>> checkpoints = Checkpoints(run / "checkpoint")
        >>> checkpoints.save({"agent": agent.state_dict()}, {"step": 10_000})
        >>> loaded = checkpoints.load()

    Args:
        folder: the folder of checkpoints; created by the first save.
        keep: number of checkpoints to keep, at least 1.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        if keep < 1:
            raise ArenaError(f"cannot keep {keep} checkpoints", "keep at least 1")
        self.folder = folder
        self.keep = keep
        self._damaged: set[Path] = set()
        self._segments = Segments(folder / _ROWS)

    def save(self, state: State, info: dict[str, Any]) -> Path:
        """Save a checkpoint, wait until it is on the disk, and then remove the oldest.

        For a journal that this object has saved or loaded before, only newer rows are written, and at most one
        segment of older rows.

        Args:
            state: see `arena.storage.codec.encode`.
            info: a few plain JSON values, readable without the state.

        Returns:
            The new sub-folder.

        Raises:
            ArenaError: the state or info cannot be encoded, or the folder cannot be written; all older
                checkpoints remain usable.
        """
        journals: list[Journal] = []
        encoded = encode(state, journals)
        files = {_ARRAYS: encoded.arrays, _TREE: encoded.tree}
        _require_plain(info)
        try:
            return self._write(files, info, journals)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._sweep()  # frees space on a full disk
            raise write_error(self.folder, error) from error

    def load(self, accept: Callable[[dict[str, Any]], bool] | None = None) -> Loaded | None:
        """Load the newest checkpoint that verifies and that the caller accepts.

        Args:
            accept: function of the info of an intact manifest; returns whether to use that checkpoint.

        Returns:
            The checkpoint; None if there is none, or if `accept` refused all of them.

        Raises:
            ArenaError: a newer arena wrote a checkpoint; or all checkpoints are damaged.
        """
        skipped: list[str] = []
        unreadable = False
        try:
            found = self._numbered()
        except OSError as error:
            raise ArenaError(f"cannot read {self.folder}: {error.strerror}", "make it readable") from error
        for path in reversed(found):
            try:
                manifest = read_manifest(path, SCHEMA)
                if accept is not None and not accept(manifest.info):
                    skipped.append(f"{path.name}: refused by the caller")
                    continue
                state = self._read(path, manifest)
            except DamagedError as damage:
                self._damaged.add(path)
                skipped.append(f"{path.name}: {damage}")
                continue
            except OSError as error:  # the failure may be temporary, so this checkpoint is not removed
                unreadable = True
                skipped.append(f"{path.name}: cannot be read ({error.strerror})")
                continue
            return Loaded(state=state, info=manifest.info, path=path, skipped=skipped)
        if unreadable or not self._damaged.isdisjoint(found):
            problem = f"no checkpoint in {self.folder} can be used ({', '.join(skipped)})"
            raise ArenaError(problem, "restore the folder from a copy, or delete it to start again")
        return None

    def each(self) -> Iterator[tuple[Path, Callable[[], dict[str, Any]]]]:
        """Iterate over the checkpoints, oldest first, each with a function that verifies it and returns its info."""

        def verify(path: Path) -> dict[str, Any]:
            try:
                manifest = read_manifest(path, SCHEMA)
                self._read(path, manifest)
            except DamagedError as damage:
                raise ArenaError(str(damage), "use the checkpoint before it") from damage
            return manifest.info

        for path in self._numbered():
            yield path, functools.partial(verify, path)

    def _read(self, path: Path, manifest: Manifest) -> State:
        arrays, tree = (_file(path, manifest, name) for name in (_ARRAYS, _TREE))
        journals = [self._segments.read(entry) for entry in _noted(path, manifest)]
        try:
            return decode(Encoded(arrays=arrays, tree=tree), journals)
        except ArenaError as error:
            raise DamagedError(str(error)) from error

    def _write(self, files: dict[str, bytes], info: dict[str, Any], journals: list[Journal]) -> Path:
        # Not its parents: a run deleted during its training must not come back in part.
        with Folder(self.folder.parent, self.folder.name, create=True) as folder:
            folder.sweep()
            older = self._numbered()
            path = self.folder / f"{int(older[-1].name) + 1 if older else 1:08d}"
            temporary = folder.temporary()
            if journals:
                files[_JOURNALS] = json.dumps(self._segments.write(journals), separators=(",", ":")).encode()
            try:
                folder.make(temporary)
                with Folder(self.folder, temporary) as inside:
                    write_files(inside, files, info, SCHEMA if journals else 1)
                folder.rename(temporary, path.name)
            except BaseException:
                with contextlib.suppress(OSError):
                    folder.remove(temporary)
                raise
            folder.sync()
            # Damaged checkpoints do not count, or the last good one would be removed in their favor.
            intact = [old for old in older if old not in self._damaged]
            for old in sorted({*older} - {*intact[max(0, len(intact) - self.keep + 1) :]}):
                # Renamed first, so that a killed removal leaves no partial checkpoint under a number.
                discarded = folder.temporary()
                folder.rename(old.name, discarded)
                folder.remove(discarded)
                self._damaged.discard(old)
        self._sweep()
        return path

    def _sweep(self) -> None:
        """Remove the segments that no checkpoint refers to."""
        if not self._segments.folder.is_dir():
            return
        noted: list[Any] = []
        for path in self._numbered():
            try:
                noted += _noted(path, read_manifest(path, SCHEMA))
            except DamagedError:
                continue  # it will never be loaded again
            except (ArenaError, OSError):
                return  # a newer arena may load it, or the failure may pass: its segments are not known here
        self._segments.sweep(noted)

    def _numbered(self) -> list[Path]:
        """Every path named like a checkpoint, oldest first."""
        if not self.folder.exists():
            return []
        found = [path for path in self.folder.iterdir() if _NUMBERED.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name))


def _require_plain(info: dict[str, Any]) -> None:
    try:
        plain = json.loads(json.dumps(info, allow_nan=False)) == info
    except (TypeError, ValueError, RecursionError):
        plain = False
    if not plain or type(info) is not dict:
        remedy = "put only text, finite numbers, booleans, None, lists and dictionaries in it"
        raise ArenaError(f"a checkpoint's info {info!r} is not plain JSON", remedy)


def _file(path: Path, manifest: Manifest, name: str) -> bytes:
    if name not in manifest.files:
        raise DamagedError(f"its manifest does not list {name}")
    return read_verified(path / name, *manifest.files[name])


def _noted(path: Path, manifest: Manifest) -> list[Any]:
    """Entry of `Segments.write` for each journal of a checkpoint."""
    if _JOURNALS not in manifest.files:
        return []
    try:
        return list(json.loads(_file(path, manifest, _JOURNALS)))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedError(f"{_JOURNALS} differs from what was written") from error
