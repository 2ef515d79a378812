"""What a data set's folder holds: a file a column, which numpy reads as well, and the page that describes them."""

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

__all__ = ["ACTION", "BEGIN", "HEADER", "LABEL", "OBSERVATION", "SCHEMA", "Column", "Header"]

#: Raised when the layout changes so that an older arena cannot read it.
SCHEMA = 1

HEADER = "frames.json"
OBSERVATION, ACTION, BEGIN, LABEL = "observation", "action", "begin", "label."

#: Names of columns: they are names of files, too.
_NAME = re.compile(r"observation|action|begin|label\.[A-Za-z][A-Za-z0-9_-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Column:
    """A number of arrays of one shape, a row each.

    Attributes:
        name: ``observation``, ``action``, ``begin``, or ``label.`` and the label's name.
        space: of one row, as `arena.environments.space_json.stored` has it; None for ``begin``, which is a bool.

    Raises:
        ArenaError: the name is none, or rows are empty.
    """

    name: str
    space: gym.Space[Any] | None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            label = self.name.removeprefix(LABEL)
            raise ArenaError(
                f"no label can be called {label!r}", "name it with letters, digits, - and _, a letter first"
            )
        if 0 in self.shape:
            raise ArenaError(
                f"the {self.name} of a frame has the shape {self.shape}, and so is empty", "leave it out"
            )

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.npy"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers, little-endian."""
        dtype: np.dtype[Any] = np.dtype(np.bool_) if self.space is None else dtype_of(self.space)
        return dtype.newbyteorder("<")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one row."""
        return () if self.space is None else tuple(self.space.shape or ())

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape) * self.dtype.itemsize

    def head(self, count: int) -> bytes:
        """The first bytes of its file, before `count` rows: version 1.0 of numpy's format, always the same bytes."""
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
    """What ``frames.json`` says.

    Attributes:
        count: how many frames there are.
        parts: how many of them each part has, in order; an episode lies within one.
        episodes: how many episodes there are, or None where frames have no order.
        columns: by name.
        digests: of each column, by name; see `combined`.
        source: where they come from.
    """

    count: int
    parts: tuple[int, ...]
    episodes: int | None
    columns: Mapping[str, Column]
    digests: Mapping[str, str]
    source: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The SHA-256 of all that it says, and so of the frames: equal sets have equal ones."""
        text = json.dumps(self._plain(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> bytes:
        """The content of ``frames.json``."""
        document = {**self._plain(), "digest": self.digest}
        return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Header:
        """The inverse of `to_json`.

        Raises:
            ValueError: it is no data set's, or was changed.
            ArenaError: a newer arena wrote it.
        """
        try:
            document = json.loads(data)
            schema = document["schema"]
            if type(schema) is int and schema > SCHEMA:
                raise ArenaError(
                    f"its schema is {schema}, and this arena reads up to {SCHEMA}", "upgrade arena-rl"
                )
            columns = {
                name: Column(name, None if name == BEGIN else from_json(said["space"]))
                for name, said in document["columns"].items()
            }
            digests = {name: said["sha256"] for name, said in document["columns"].items()}
            header = cls(
                document["count"],
                tuple(document["parts"]),
                document["episodes"],
                columns,
                digests,
                document["source"],
            )
            sound = header._is_sound() and header.digest == document["digest"]
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"it lacks {error}") from error
        if not sound:
            raise ValueError("it does not add up")
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
    """A column's digest: that of its parts' digests, which are taken side by side while it is written."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


def check(column: Column, rows: npt.NDArray[Any], bounds: Any, first: int) -> None:
    """Refuses rows that are infinite, no number, or outside the column's space.

    Args:
        column: theirs.
        rows: shape (k, *column.shape).
        bounds: what `arena.environments.space_json.bounds_of` gives of its space.
        first: the number of the first row.

    Raises:
        ArenaError: naming the row and the value.
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
        kind = "is no finite number" if rows.dtype.kind == "f" else "is outside its space"
        raise ArenaError(
            f"the {column.name.replace('.', ' ')} of frame {first + int(where[0])} has {value}, which {kind}",
            "mend its source, with a wrapper for instance",
        )
