"""Checkpoints of a run, written so that a crash at any moment leaves the previous one usable.

Each checkpoint is a sub-folder named by a sequence number (so one step may be saved twice). It contains
``arrays.safetensors``, ``state.json`` (see `arena.storage.codec`), and ``manifest.json`` with the size and digest of
both and a digest of itself. A sub-folder gets its name only once all of it is on the disk. Where a state contains
journals, ``journals.json`` lists the files of their rows, which the checkpoints share (see `arena.storage.segments`).
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena.storage.codec import Encoded, State, decode, encode
from arena.storage.files import refuse_link, sync_folder, write_error, write_synced
from arena.storage.journal import Journal
from arena.storage.segments import DamagedError, Segments, digest, read_file, read_verified, remove

__all__ = ["Checkpoints", "Loaded"]

SCHEMA = 2
"""Version of the layout, increased when an older arena can no longer read it; 1 is written where no journal is.

The rule for ``check`` (`_check`) does not change with it: a newer manifest must still verify here, or a newer
schema number would look like damage.
"""

_ARRAYS, _TREE, _MANIFEST = "arrays.safetensors", "state.json", "manifest.json"
_JOURNALS, _ROWS = "journals.json", "journal"
_NUMBERED = re.compile(r"[0-9]{8,}")
_UNFINISHED, _DISCARDED = ".saving-", ".removing-"


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
                manifest = _read_manifest(path)
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

    def _read(self, path: Path, manifest: _Manifest) -> State:
        arrays, tree = (read_verified(path / name, *manifest.files[name]) for name in (_ARRAYS, _TREE))
        journals = [self._segments.read(entry) for entry in _noted(path, manifest)]
        try:
            return decode(Encoded(arrays=arrays, tree=tree), journals)
        except ArenaError as error:
            raise DamagedError(str(error)) from error

    def _write(self, files: dict[str, bytes], info: dict[str, Any], journals: list[Journal]) -> Path:
        refuse_link(self.folder)
        if not self.folder.is_dir():
            self.folder.mkdir()  # not its parents: a run deleted during its training must not come back in part
            sync_folder(self.folder.parent)
        for leftover in self.folder.iterdir():
            if leftover.name.startswith((_UNFINISHED, _DISCARDED)):
                remove(leftover)
        older = self._numbered()
        number = int(older[-1].name) + 1 if older else 1
        path = self.folder / f"{number:08d}"
        temporary = self.folder / f"{_UNFINISHED}{path.name}"
        if journals:
            files[_JOURNALS] = json.dumps(self._segments.write(journals), separators=(",", ":")).encode()
        try:
            temporary.mkdir()
            for name, data in {**files, _MANIFEST: _manifest(files, info)}.items():
                write_synced(temporary / name, data)
            sync_folder(temporary)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        sync_folder(self.folder)
        # Damaged checkpoints do not count, or the last good one would be removed in their favor.
        intact = [old for old in older if old not in self._damaged]
        for old in sorted({*older} - {*intact[max(0, len(intact) - self.keep + 1) :]}):
            # Renamed first, so that a killed removal leaves no partial checkpoint under a number.
            discarded = old.rename(self.folder / f"{_DISCARDED}{old.name}")
            remove(discarded)
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
                noted += _noted(path, _read_manifest(path))
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


@dataclass(frozen=True)
class _Manifest:
    """A checkpoint's info, and the size and digest of each file."""

    info: dict[str, Any]
    files: dict[str, tuple[int, str]]


def _require_plain(info: dict[str, Any]) -> None:
    try:
        plain = json.loads(json.dumps(info, allow_nan=False)) == info
    except (TypeError, ValueError, RecursionError):
        plain = False
    if not plain or type(info) is not dict:
        remedy = "put only text, finite numbers, booleans, None, lists and dictionaries in it"
        raise ArenaError(f"a checkpoint's info {info!r} is not plain JSON", remedy)


def _manifest(files: dict[str, bytes], info: dict[str, Any]) -> bytes:
    manifest = {
        "schema": SCHEMA if _JOURNALS in files else 1,
        "info": info,
        "files": {name: {"size": len(data), "sha256": digest(data)} for name, data in files.items()},
    }
    return json.dumps({**manifest, "check": _check(manifest)}, sort_keys=True, indent=1).encode()


def _read_manifest(path: Path) -> _Manifest:
    try:
        manifest = json.loads(read_file(path / _MANIFEST).decode("utf-8"))
        intact = manifest.pop("check") == _check(manifest)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{_MANIFEST} differs from what was written") from error
    if not intact:
        raise DamagedError(f"{_MANIFEST} does not match its own digest")
    try:
        if manifest["schema"] > SCHEMA:
            problem = f"{path} has checkpoint schema {manifest['schema']}, newer than the {SCHEMA} known here"
            raise ArenaError(problem, "update arena-rl")
        names = (_ARRAYS, _TREE, *({_JOURNALS} & manifest["files"].keys()))
        entries = {name: manifest["files"][name] for name in names}
        files = {name: (entry["size"], entry["sha256"]) for name, entry in entries.items()}
        return _Manifest(manifest["info"], files)
    except (TypeError, LookupError, AttributeError) as error:
        raise DamagedError(f"{_MANIFEST} is incomplete") from error


def _noted(path: Path, manifest: _Manifest) -> list[Any]:
    """Entry of `Segments.write` for each journal of a checkpoint."""
    if _JOURNALS not in manifest.files:
        return []
    try:
        return list(json.loads(read_verified(path / _JOURNALS, *manifest.files[_JOURNALS])))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedError(f"{_JOURNALS} differs from what was written") from error


def _check(manifest: dict[str, Any]) -> str:
    """Digest of a manifest without its ``check``, independent of the white space in the file."""
    return digest(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())
