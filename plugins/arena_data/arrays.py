"""Data sets from numpy's ``.npz`` files, and from scikit-learn's digits."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.environments.space_json import inferred_space, storage_space
from arena.errors import ArenaError, unknown_name
from arena.frames.columns import ACTION, BEGIN, LABEL, OBSERVATION, Column
from arena.frames.store import Frames
from arena.frames.writer import CHUNK_BYTES, Writer, open_existing, output_folder
from arena.storage.archives import DAMAGED, open_archive

__all__ = ["digits", "npz"]

Array = npt.NDArray[Any]

#: Largest number of dimensions of an array; numpy 1 has no more.
MOST_AXES = 32

#: Functions that read numpy's array headers, by version of the format.
READERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def npz(
    path: str | Path,
    out: str | Path | None = None,
    *,
    observation: str | None = None,
    bounds: tuple[float, float] | None = None,
) -> Frames:
    """Convert an ``.npz`` file to a data set, chunk by chunk; nothing in it is unpickled.

    The observations are the array ``observation``, or ``x``, or else the first array; arrays ``action`` and ``begin``
    have the meaning of their names, and all other arrays are labels. Bytes of shape (count, height, width) become
    images of one channel. Labels that are whole numbers from 0 become `Discrete`, up to the largest value.

    Args:
        path: the file.
        out: a new folder; by default a folder under ``frames/`` that is named by the content.
        observation: name of the array of observations.
        bounds: smallest and largest value of an observation, where its type does not imply them.

    Raises:
        ArenaError: the file cannot be read, or has Python objects or arrays of unequal lengths.
    """
    path = Path(path)
    try:
        with open_archive(path) as (archive, file):
            members = _members(archive, path)
            file.seek(0)
            source = {
                "kind": "npz",
                "content": hashlib.file_digest(file, "sha256").hexdigest(),
                "observation": _observed(list(members), observation, path),
                "bounds": None if bounds is None else list(map(float, bounds)),
            }
            folder = output_folder(out, path.stem, source)
            found = open_existing(folder, source)
            return found or _written(members, source, folder, path)
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror or error}", "check the path") from error
    except DAMAGED as error:
        raise _damaged(path, str(error)) from error


def digits(out: str | Path | None = None) -> Frames:
    """Write the 1,797 handwritten digits of scikit-learn: 8 × 8 pixels from 0 to 16, and the label ``digit``.

    Args:
        out: a new folder; by default a folder under ``frames/``.

    Raises:
        ArenaError: scikit-learn is missing.

    Source: Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository.
    """
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        problem = "the digits need scikit-learn, which is not installed"
        raise ArenaError(problem, "pip install 'arena-rl[data]'") from error
    source = {"kind": "digits"}
    folder = output_folder(out, "digits", source)
    found = open_existing(folder, source)
    if found is not None:
        return found
    data = load_digits()
    columns = [
        Column(OBSERVATION, gym.spaces.Box(0, 16, (8, 8, 1), np.uint8)),
        Column(f"{LABEL}digit", gym.spaces.Discrete(10)),
    ]
    rows = {OBSERVATION: data.images[..., None].astype(np.uint8), f"{LABEL}digit": data.target}
    with Writer(folder, columns, source, [len(data.target)]) as writer:
        writer.write(rows)
        return writer.finish()


@dataclass(frozen=True)
class _Member:
    """Array in an archive, read from its beginning each time."""

    archive: zipfile.ZipFile
    name: str
    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def pieces(self, rows: int) -> Iterator[Array]:
        """Iterate over the array in pieces of `rows` rows."""
        with self.archive.open(f"{self.name}.npy") as file:
            _head(file, self.name, self.path)
            for start in range(0, self.shape[0], rows):
                shape = (min(rows, self.shape[0] - start), *self.shape[1:])
                size = int(np.prod(shape)) * self.dtype.itemsize
                data = file.read(size)
                if len(data) != size:
                    raise _damaged(self.path, f"{self.name} ends early")
                yield np.frombuffer(data, self.dtype).reshape(shape)

    @property
    def rows(self) -> int:
        """Number of rows in a chunk."""
        return max(1, CHUNK_BYTES // max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize))


def _head(file: Any, name: str, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = READERS[version](file)
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise _damaged(path, f"{name} is not an array") from error
    if dtype.hasobject:
        raise ArenaError(f"{name} in {path} holds Python objects, which could run code", "save plain numbers")
    if fortran and len(shape) > 1:
        raise ArenaError(f"{name} in {path} is stored by columns", "save it with numpy.ascontiguousarray")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise _damaged(path, f"{name} has the shape {shape}")
    if dtype.kind not in "biuf":
        raise ArenaError(f"{name} in {path} has type {dtype}, which is not numeric", "leave it out")
    return shape, dtype


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, _Member]:
    members = {}
    for info in archive.infolist():
        entry, name = info.filename, info.filename.removesuffix(".npy")
        if name in members:
            raise ArenaError(f"{path} has two arrays called {name!r}", "save each under its own name")
        with archive.open(entry) as file:
            if name == entry:
                raise ArenaError(
                    f"{path} holds {entry!r}, which is not an array", "write it with numpy.savez"
                )
            shape, dtype = _head(file, name, path)
            if len(shape) > MOST_AXES:
                problem = f"{name} in {path} has {len(shape)} dimensions, more than {MOST_AXES}"
                raise ArenaError(problem, "reshape it")
            size = file.tell() + math.prod(shape) * dtype.itemsize
            if size != info.file_size:
                wrong = "ends early" if size > info.file_size else "has more bytes than its shape"
                raise _damaged(path, f"{name} {wrong}: {size:,} bytes declared, {info.file_size:,} stored")
        if not shape or not shape[0]:
            raise ArenaError(f"{name} in {path} has no rows", "leave it out")
        members[name] = _Member(archive, name, path, shape, dtype)
    if not members:
        raise ArenaError(f"{path} has no arrays", "write it with numpy.savez")
    lengths = {member.shape[0] for member in members.values()}
    if len(lengths) > 1:
        found = ", ".join(f"{name} {member.shape[0]:,}" for name, member in members.items())
        raise ArenaError(f"the arrays of {path} have unequal lengths: {found}", "give each one row per frame")
    return members


def _observed(names: list[str], asked: str | None, path: Path) -> str:
    if asked is not None and asked not in names:
        raise unknown_name(f"array of {path}", asked, names)
    return asked or next((name for name in (OBSERVATION, "x") if name in names), names[0])


def _written(members: dict[str, _Member], source: dict[str, Any], folder: Path, path: Path) -> Frames:
    chosen = members[source["observation"]]
    named = {OBSERVATION: chosen}
    columns = [Column(OBSERVATION, _observation_space(chosen, source["bounds"]))]
    for name, member in members.items():
        if member is chosen:
            continue
        if name == BEGIN and len(member.shape) == 1:
            columns.append(Column(BEGIN, None))
        else:
            columns.append(Column(ACTION if name == ACTION else LABEL + name, _label_space(member)))
        named[columns[-1].name] = member
    rows = min(member.rows for member in named.values())
    with Writer(folder, columns, source, [chosen.shape[0]]) as writer:
        pieces = {name: member.pieces(rows) for name, member in named.items()}
        for start in range(0, chosen.shape[0], rows):
            chunk = {name: next(piece) for name, piece in pieces.items()}
            if BEGIN in chunk:
                chunk[BEGIN] = chunk[BEGIN] != 0
                if start == 0 and not chunk[BEGIN][0]:
                    raise ArenaError(
                        f"{path} begins within an episode", "set the first value of begin to True"
                    )
            shaped = {c.name: chunk[c.name].reshape(-1, *c.shape) for c in columns}
            writer.write({c.name: shaped[c.name].astype(c.dtype, copy=False) for c in columns})
        return writer.finish()


def _observation_space(member: _Member, bounds: list[float] | None) -> gym.Space[Any]:
    shape, what = member.shape[1:], f"{member.name} in {member.path}"
    if member.dtype.kind == "b":
        return gym.spaces.Box(0, 1, shape, np.uint8)
    if member.dtype == np.uint8:
        shape = (*shape, 1) if len(shape) == 2 else shape
        low, high = (0, 255) if bounds is None else (int(bounds[0]), int(bounds[1]))
        return gym.spaces.Box(low, high, shape, np.uint8)
    low_number, high_number = (-np.inf, np.inf) if bounds is None else bounds
    return storage_space(gym.spaces.Box(low_number, high_number, shape, np.float32), what, observed=True)


def _label_space(member: _Member) -> gym.Space[Any]:
    """Space of a label; whole numbers are bounded by their smallest and largest value, found in a separate pass."""
    what, shape = f"{member.name} in {member.path}", member.shape[1:]
    if member.dtype.kind not in "iu":
        return inferred_space(np.zeros(shape, member.dtype), what)
    extents = [(int(piece.min()), int(piece.max())) for piece in member.pieces(member.rows) if piece.size]
    low, high = min(low for low, _ in extents), max(high for _, high in extents)
    if not shape and low >= 0:
        return gym.spaces.Discrete(high + 1)
    return storage_space(gym.spaces.Box(min(low, 0), high, shape, member.dtype.type), what)


def _damaged(path: Path, reason: str) -> ArenaError:
    return ArenaError(f"{path} is damaged, or not an .npz file: {reason}", "write it again with numpy.savez")
