"""A folder that keeps the last checkpoints of a run, and never loses the good one to a bad moment.

Each checkpoint is a sub-folder named by a sequence number (so one step may be saved twice), with
``arrays.safetensors``, ``state.json`` (see `arena.codec`) and ``manifest.json``, with the size and digest of
both, and a digest of itself. A sub-folder gets its name only once the disk has all of it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.codec import Encoded, State, decode, encode
from arena.errors import ArenaError
from arena.files import cannot_write, sync_folder, write_synced

__all__ = ["Checkpoints", "Loaded"]

SCHEMA = 1
"""The layout's number, raised when an older arena could no longer read it.

The rule for ``check`` (`_check`) is outside it: a newer manifest must still verify here, or its schema number
could not be told from damage.
"""

_ARRAYS, _TREE, _MANIFEST = "arrays.safetensors", "state.json", "manifest.json"
_NUMBERED = re.compile(r"[0-9]{8,}")
_UNFINISHED, _DISCARDED = ".saving-", ".removing-"


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that verified.

    Attributes:
        state: what `Checkpoints.save` was given.
        info: likewise.
        path: its sub-folder.
        skipped: one line for each newer checkpoint that was passed over, newest first.
    """

    state: State
    info: dict[str, Any]
    path: Path
    skipped: list[str]


class Checkpoints:
    """The checkpoints in one folder, which has one writer at a time.

    Example:
        >>> checkpoints = Checkpoints(run / "checkpoint")
        >>> checkpoints.save({"agent": agent.state_dict()}, {"step": 10_000})
        >>> loaded = checkpoints.load()

    Args:
        folder: where they are; made by the first save.
        keep: how many to keep.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        if keep < 1:
            raise ArenaError(f"cannot keep {keep} checkpoints", "keep at least one")
        self.folder = folder
        self.keep = keep
        self._damaged: set[Path] = set()

    def save(self, state: State, info: dict[str, Any]) -> Path:
        """Add a checkpoint and wait until the disk has it; only then remove the oldest.

        Args:
            state: see `arena.codec.encode`.
            info: a few plain JSON values, readable without the state.

        Returns:
            The new sub-folder.

        Raises:
            ArenaError: the state or info cannot be encoded, or the folder cannot be written; all older
                checkpoints are whole.
        """
        encoded = encode(state)
        files = {_ARRAYS: encoded.arrays, _TREE: encoded.tree}
        manifest = _manifest(files, info)
        try:
            return self._write({**files, _MANIFEST: manifest})
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def load(self, accept: Callable[[dict[str, Any]], bool] | None = None) -> Loaded | None:
        """The newest checkpoint that verifies and that the caller accepts.

        Args:
            accept: given the info of an intact manifest, whether to use that checkpoint.

        Returns:
            The checkpoint; None where there is none, or where `accept` refused each one.

        Raises:
            ArenaError: a newer arena wrote one; or there are some, and damage leaves none to use.
        """
        skipped: list[str] = []
        unreadable = False
        try:
            found = self._numbered()
        except OSError as error:
            raise ArenaError(f"cannot read {self.folder}: {error.strerror}", "make it readable") from error
        for path in reversed(found):
            try:
                info, sizes = _read_manifest(path)
                if accept is not None and not accept(info):
                    skipped.append(f"{path.name}: refused by the caller")
                    continue
                files = {name: _read_verified(path / name, *sizes[name]) for name in (_ARRAYS, _TREE)}
                state = _decode(files)
            except _DamagedError as damage:
                self._damaged.add(path)
                skipped.append(f"{path.name}: {damage}")
                continue
            except OSError as error:  # it may pass, so this one is not for removal
                unreadable = True
                skipped.append(f"{path.name}: cannot be read ({error.strerror})")
                continue
            return Loaded(state=state, info=info, path=path, skipped=skipped)
        if unreadable or not self._damaged.isdisjoint(found):
            problem = f"no checkpoint in {self.folder} can be used ({', '.join(skipped)})"
            raise ArenaError(problem, "restore the folder from a copy, or delete it to start anew")
        return None

    def _write(self, files: dict[str, bytes]) -> Path:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
        for leftover in self.folder.iterdir():
            if leftover.name.startswith((_UNFINISHED, _DISCARDED)):
                _remove(leftover)
        older = self._numbered()
        number = int(older[-1].name) + 1 if older else 1
        path = self.folder / f"{number:08d}"
        temporary = self.folder / f"{_UNFINISHED}{path.name}"
        try:
            temporary.mkdir()
            for name, data in files.items():
                write_synced(temporary / name, data)
            sync_folder(temporary)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        sync_folder(self.folder)
        # What `load` found damaged does not count, or the last good one would make room for it.
        whole = [old for old in older if old not in self._damaged]
        for old in sorted({*older} - {*whole[max(0, len(whole) - self.keep + 1) :]}):
            # Renamed first, so that a kill half way leaves no half checkpoint under a number.
            discarded = old.rename(self.folder / f"{_DISCARDED}{old.name}")
            _remove(discarded)
            self._damaged.discard(old)
        return path

    def _numbered(self) -> list[Path]:
        """Everything named as a checkpoint, oldest first."""
        if not self.folder.exists():
            return []
        found = [path for path in self.folder.iterdir() if _NUMBERED.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name))


class _DamagedError(Exception):
    """One line on what is wrong with a checkpoint."""


def _manifest(files: dict[str, bytes], info: dict[str, Any]) -> bytes:
    try:
        plain = json.loads(json.dumps(info, allow_nan=False)) == info
    except (TypeError, ValueError, RecursionError):
        plain = False
    if not plain or type(info) is not dict:
        remedy = "put only text, finite numbers, booleans, None, lists and dictionaries in it"
        raise ArenaError(f"a checkpoint's info {info!r} is not plain JSON", remedy)
    manifest = {
        "schema": SCHEMA,
        "info": info,
        "files": {name: {"size": len(data), "sha256": _digest(data)} for name, data in files.items()},
    }
    return json.dumps({**manifest, "check": _check(manifest)}, sort_keys=True, indent=1).encode()


def _read_manifest(path: Path) -> tuple[dict[str, Any], dict[str, tuple[int, str]]]:
    """The info, and of each file its size and digest."""
    try:
        manifest = json.loads(_read(path / _MANIFEST).decode("utf-8"))
        intact = manifest.pop("check") == _check(manifest)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise _DamagedError(f"{_MANIFEST} is not what was written") from error
    if not intact:
        raise _DamagedError(f"{_MANIFEST} does not match its own digest")
    try:
        if manifest["schema"] > SCHEMA:
            problem = f"{path} has checkpoint schema {manifest['schema']}, newer than the {SCHEMA} known here"
            raise ArenaError(problem, "update arena-rl")
        files = {name: manifest["files"][name] for name in (_ARRAYS, _TREE)}
        return manifest["info"], {name: (entry["size"], entry["sha256"]) for name, entry in files.items()}
    except (TypeError, LookupError) as error:
        raise _DamagedError(f"{_MANIFEST} lacks what a manifest has") from error


def _read_verified(path: Path, size: int, digest: str) -> bytes:
    data = _read(path)
    if len(data) != size:
        raise _DamagedError(f"{path.name} has {len(data)} bytes instead of {size}")
    if _digest(data) != digest:
        raise _DamagedError(f"{path.name} does not match its digest")
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise _DamagedError(f"{path.name} is missing") from error


def _decode(files: dict[str, bytes]) -> State:
    try:
        return decode(Encoded(arrays=files[_ARRAYS], tree=files[_TREE]))
    except ArenaError as error:
        raise _DamagedError(str(error)) from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check(manifest: dict[str, Any]) -> str:
    """The digest of a manifest without its ``check``, whatever the white space in the file."""
    return _digest(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
