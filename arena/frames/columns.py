"""File format of a data set: one ``.npy`` file per column, and a header that describes them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.environments.space_json import dtype_of, from_json, to_json
from arena.errors import ArenaError
from arena.storage.text_files import parse_json

__all__ = ["ACTION", "BEGIN", "HEADER", "LABEL", "OBSERVATION", "SCHEMA", "Column", "Header"]

#: Version of the layout, increased when an older arena can no longer read it.
SCHEMA = 1

HEADER = "frames.json"
OBSERVATION, ACTION, BEGIN, LABEL = "observation", "action", "begin", "label."

#: Names of columns: they are names of files, too.
_NAME = re.compile(r"observation|action|begin|label\.[A-Za-z][A-Za-z0-9_-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Column:
    """Column of a data set: one array of a fixed shape for each frame.

    Attributes:
        name: ``observation``, ``action``, ``begin``, or ``label.`` and the label's name.
        space: space of one row, as `storage_space` returns it; None for ``begin``,
        which is a bool.

    Raises:
        ArenaError: the name is not allowed, or rows are empty.
    """

    name: str
    space: gym.Space[Any] | None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            label = self.name.removeprefix(LABEL)
            raise ArenaError(
                f"a label cannot be called {label!r}", "use letters, digits, - and _, with a letter first"
            )
        if 0 in self.shape:
            raise ArenaError(
                f"the {self.name} of a frame has the shape {self.shape}, which is empty", "leave it out"
            )

    @property
    def file(self) -> str:
        """Name of the column's file."""
        return f"{self.name}.npy"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the values, little-endian."""
        dtype: np.dtype[Any] = np.dtype(np.bool_) if self.space is None else dtype_of(self.space)
        return dtype.newbyteorder("<")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return () if self.space is None else tuple(self.space.shape or ())

    @property
    def row_bytes(self) -> int:
        """Size of one row, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def head(self, count: int) -> bytes:
        """Header of the column's ``.npy`` file of `count` rows, in version 1.0 of numpy's format."""
        text = f"{{'descr': '{self.dtype.str}', 'fortran_order': False, 'shape': {(count, *self.shape)}, }}"
        length = -(-(10 + len(text) + 1) // 64) * 64
        return (
            b"\x93NUMPY\x01\x00"
            + (length - 10).to_bytes(2, "little")
            + text.ljust(length - 11).encode()
            + b"\n"
        )


@dataclass(frozen=True)
class Header:
    """Header of a data set, the content of ``frames.json``.

    Attributes:
        count: number of frames.
        parts: number of frames in each part, in order; an episode lies within one part.
        episodes: number of episodes, or None where frames have no order.
        columns: the columns by name.
        digests: digest of each column by name; see `combined`.
        source: description of the frames' origin.
    """

    count: int
    parts: tuple[int, ...]
    episodes: int | None
    columns: Mapping[str, Column]
    digests: Mapping[str, str]
    source: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 digest of the header, and so of the frames: equal data sets have equal digests."""
        text = json.dumps(self._plain(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> bytes:
        """Encode the header as the content of ``frames.json``."""
        document = {**self._plain(), "digest": self.digest}
        return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Header:
        """Decode a header; the inverse of `to_json`.

        Raises:
            ValueError: the data is not a header, or was changed.
            ArenaError: a newer arena wrote it.
        """
        try:
            document = parse_json(data)
            schema = document["schema"]
            if type(schema) is int and schema > SCHEMA:
                raise ArenaError(
                    f"its schema is {schema}, and this version reads up to {SCHEMA}", "update arena-rl"
                )
            columns = {
                name: Column(name, None if name == BEGIN else from_json(entry["space"]))
                for name, entry in document["columns"].items()
            }
            digests = {name: entry["sha256"] for name, entry in document["columns"].items()}
            header = cls(
                document["count"],
                tuple(document["parts"]),
                document["episodes"],
                columns,
                digests,
                document["source"],
            )
            sound = header._is_sound() and header.digest == document["digest"]
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"it lacks {error}") from error
        if not sound:
            raise ValueError("its entries are inconsistent")
        return header

    def _is_sound(self) -> bool:
        numbers = [self.count, *self.parts]
        whole = all(type(number) is int and 0 < number < 2**48 for number in numbers)
        episodic = BEGIN in self.columns
        counted = type(self.episodes) is int and self.episodes > 0 if episodic else self.episodes is None
        return (
            whole
            and sum(self.parts) == self.count
            and counted
            and OBSERVATION in self.columns
            and isinstance(self.source, dict)
            and all(_DIGEST.fullmatch(digest) for digest in self.digests.values())
        )

    def _plain(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "count": self.count,
            "parts": list(self.parts),
            "episodes": self.episodes,
            "columns": {
                name: {
                    "dtype": column.dtype.name,
                    "shape": list(column.shape),
                    "space": None if column.space is None else to_json(column.space),
                    "sha256": self.digests[name],
                }
                for name, column in sorted(self.columns.items())
            },
            "source": dict(self.source),
        }


def combined(digests: list[bytes]) -> str:
    """Digest of a column: the digest of its parts' digests, which are computed in parallel while it is written."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


def check(column: Column, rows: npt.NDArray[Any], bounds: Any, first: int) -> None:
    """Refuse rows that are infinite, NaN, or outside the column's space.

    Args:
        column: the column of the rows.
        rows: shape (k, *column.shape).
        bounds: result of `arena.environments.space_json.bounds_of` for the column's space.
        first: number of the first row.

    Raises:
        ArenaError: a row is invalid; the message has its number and the value.
    """
    if rows.dtype.kind == "f":
        bad = ~np.isfinite(rows)
    elif bounds is not None:
        bad = (rows < bounds[0]) | (rows > bounds[1])
    else:
        return
    if bad.any():
        where = np.argwhere(bad)[0]
        value = rows[tuple(where)]
        kind = "is not a finite number" if rows.dtype.kind == "f" else "is outside its space"
        raise ArenaError(
            f"the {column.name.replace('.', ' ')} of frame {first + int(where[0])} has {value}, which {kind}",
            "fix its source, for example with a wrapper",
        )
