"""Digests of files: a manifest beside them, and a JSON object or a line that holds its own."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena.storage.files import Folder, open_regular
from arena.storage.memory import available_memory
from arena.storage.text_files import parse_json

__all__ = [
    "CHECK",
    "MANIFEST",
    "DamagedError",
    "Manifest",
    "digest",
    "read_manifest",
    "read_verified",
    "refuse_changed",
    "sealed",
    "write_files",
]

#: Name of the manifest, which is written last: a folder without one is unfinished.
MANIFEST = "manifest.json"

#: Name of the digest in a JSON object that holds its own.
CHECK = "check"

#: Maximum size of a manifest in bytes.
_MOST = 1 << 24


class DamagedError(Exception):
    """Damaged file; the message says in one line what is wrong."""


@dataclass(frozen=True)
class Manifest:
    """Info of a folder, and the size and digest of each file in it.

    Attributes:
        schema: version of the folder's layout.
        info: what the writer noted, as plain JSON values.
        files: size in bytes and SHA-256 digest by name.
    """

    schema: int
    info: dict[str, Any]
    files: dict[str, tuple[int, str]]


def write_files(folder: Folder, files: Mapping[str, bytes], info: Mapping[str, Any], schema: int = 1) -> None:
    """Write files and their manifest into a folder, and wait until they are on the disk.

    Raises:
        OSError: the system's error.
    """
    manifest = {
        "schema": schema,
        "info": info,
        "files": {name: {"size": len(data), "sha256": digest(data)} for name, data in files.items()},
    }
    text = json.dumps(sealed(manifest), sort_keys=True, indent=1).encode()
    for name, data in {**files, MANIFEST: text}.items():
        folder.write(name, data, sync=False)
    folder.sync()


def read_manifest(folder: Path, schema: int = 1) -> Manifest:
    """Read the manifest in a folder.

    Args:
        folder: the folder.
        schema: newest version of the layout that is known.

    Raises:
        DamagedError: the manifest is missing, or differs from what was written.
        ArenaError: a newer arena wrote it.
        OSError: the system's error.
    """
    try:
        manifest = parse_json(_read(folder / MANIFEST, _MOST))
        refuse_changed(manifest, MANIFEST)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{MANIFEST} differs from what was written") from error
    try:
        if manifest["schema"] > schema:
            problem = f"{folder} has schema {manifest['schema']}, newer than the {schema} known here"
            raise ArenaError(problem, "update arena-rl")
        files = {name: (entry["size"], entry["sha256"]) for name, entry in manifest["files"].items()}
        return Manifest(manifest["schema"], dict(manifest["info"]), files)
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise DamagedError(f"{MANIFEST} is incomplete") from error


def read_verified(path: Path, size: int, sha256: str) -> bytes:
    """Read a file, and verify its size (before reading) and its digest.

    Raises:
        DamagedError: size or digest differ, or the file is missing or not a regular file.
        OSError: the system's error.
    """
    data = _read(path, size, size)
    if digest(data) != sha256:
        raise DamagedError(f"{path.name} does not match its digest")
    return data


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add the digest of a JSON object to it; the digest does not depend on white space or the order of keys."""
    return {**values, CHECK: _check(values)}


def refuse_changed(values: Any, name: str) -> None:
    """Take the digest out of a JSON object that `sealed` made.

    Raises:
        DamagedError: the object does not match its digest, or has none.
    """
    found = values.pop(CHECK, None) if isinstance(values, dict) else None
    if found != _check(values):
        raise DamagedError(f"{name} does not match its own digest: it was edited or damaged")


def digest(data: bytes) -> str:
    """SHA-256 digest of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _check(values: Any) -> str:
    return digest(json.dumps(values, sort_keys=True, separators=(",", ":")).encode())


def _read(path: Path, most: int, size: int | None = None) -> bytes:
    """Read a regular file of at most `most` bytes, or of exactly `size` bytes."""
    if path.is_symlink():
        raise DamagedError(f"{path.name} is a link")
    try:
        with open_regular(path) as file:
            found = file.seek(0, 2)
            file.seek(0)
            if size is not None and found != size:
                raise DamagedError(f"{path.name} has {found:,} bytes instead of {size:,}")
            if found > min(most, available_memory() or most):
                raise DamagedError(f"{path.name} has {found:,} bytes, which is too large")
            return file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise DamagedError(f"{path.name} is missing") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a pipe, a device or a folder
            raise DamagedError(f"{path.name} is not a regular file") from error
        raise
