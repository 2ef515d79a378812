"""Maps drawn in characters: parsing of a text or a file, with errors that name line and column."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.storage.files import open_regular
from arena_gridworld.tiles import CODES, LEGEND, TILES

__all__ = ["LARGEST", "GridMap", "load_map", "parse_map", "tiles_with"]

#: Longest map that is read, in bytes of a file or characters of a text: one of 4000 × 4000 cells.
LARGEST = 16 * 1024 * 1024

NEWLINE = ord("\n")
SYMBOLS = frozenset("".join(tile.symbols for tile in TILES))
#: The tile of every character below 128, or `NO_TILE`.
NO_TILE = 255
TILE_OF = np.full(128, NO_TILE, dtype=np.uint8)
for _code, _tile in enumerate(TILES):
    for _symbol in _tile.symbols:
        TILE_OF[ord(_symbol)] = _code


def tiles_with(*properties: str) -> npt.NDArray[np.bool_]:
    """Kinds of tile that have any of the properties: bool, shape (tiles,)."""
    return np.array([any(bool(getattr(tile, name)) for name in properties) for tile in TILES])


@dataclass(frozen=True, eq=False)
class GridMap:
    """Rectangular map; cell (row, column) has the index ``row * columns + column``.

    Attributes:
        cells: indices into `TILES`, uint8, shape (rows, columns), read-only.
        name: name of the map in errors.
        first_line: line of its first row in the text that it was read from.
    """

    cells: npt.NDArray[np.uint8]
    name: str = "the map"
    first_line: int = 1

    def __post_init__(self) -> None:
        cells = np.array(self.cells, dtype=np.uint8, order="C")
        cells.setflags(write=False)
        object.__setattr__(self, "cells", cells)

    @property
    def rows(self) -> int:
        """Height of the map, in cells."""
        return int(self.cells.shape[0])

    @property
    def columns(self) -> int:
        """Width of the map, in cells."""
        return int(self.cells.shape[1])

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Indices of the start cells, ascending."""
        return self._indices("start")

    @cached_property
    def goals(self) -> npt.NDArray[np.int64]:
        """Indices of the goal cells, ascending."""
        return self._indices("goal")

    @cached_property
    def text(self) -> str:
        """The map in characters, rows separated by newlines; equal maps have equal texts."""
        symbols = np.frombuffer("".join(tile.symbols[0] for tile in TILES).encode(), dtype=np.uint8)
        page = np.full((self.rows, self.columns + 1), NEWLINE, dtype=np.uint8)
        page[:, :-1] = symbols[self.cells]
        return page.tobytes()[:-1].decode()

    def cells_with(self, *properties: str) -> npt.NDArray[np.bool_]:
        """Cells whose tile has any of the properties (``"ends"``, …): bool, shape (rows · columns,)."""
        return np.asarray(tiles_with(*properties)[self.cells.ravel()])

    def place(self, cell: int) -> str:
        """Line and column of a cell for errors, counted from 1."""
        row, column = divmod(int(cell), self.columns)
        return f"line {self.first_line + row}, column {column + 1}"

    def _indices(self, tile: str) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.cells == CODES[tile]).astype(np.int64, copy=False)


def load_map(source: str | os.PathLike[str]) -> GridMap:
    """Load a map from a text or a file.

    Args:
        source: the map itself if it has a line break, or consists of map characters alone and has a start or a
            goal or no letter at all; otherwise, or if it is a `pathlib.Path`, the path of a UTF-8 text file.

    Raises:
        ArenaError: the file cannot be read, or the map is invalid (see `parse_map`).
    """
    if isinstance(source, str) and (any(ord(c) < 32 for c in source) or _is_row(source)):
        return parse_map(source)
    path = os.fspath(source)
    return parse_map(_read(path), f"the map {_shortened(path)}")


def parse_map(text: str, name: str = "the map") -> GridMap:
    r"""Parse a map from text; blank lines before the first and after the last row are ignored.

    Args:
        text: rows of equal length, separated by ``\n`` or ``\r\n``; the characters are those of `TILES`.
        name: name of the map in errors.

    Raises:
        ArenaError: the map is empty, too large or ragged, has an unknown character, no start or no goal, a
            digit that does not occur exactly twice, or a door without its key. Lines and columns count from 1.

    Example:
        >>> parse_map("S.\n#G").cells.tolist()
        [[2, 0], [1, 3]]
    """
    if len(text) > LARGEST:
        raise ArenaError(f"{name} has more than {LARGEST:,} characters", "give a smaller map")
    text = text.replace("\r\n", "\n")
    first_line = 1 + len(text) - len(text.lstrip("\n"))
    text = text.strip("\n")
    if not text.strip():
        raise ArenaError(f"{name} is empty", f"draw it with: {LEGEND}")
    cells = _rectangle(text, name, first_line)
    grid = GridMap(cells, name, first_line)
    if not len(grid.starts):
        raise ArenaError(f"{name} has no start", "put an S in the cell where episodes begin")
    if not len(grid.goals):
        raise ArenaError(f"{name} has no goal", "put a G in the cell where episodes end")
    _check_partners(grid)
    return grid


def _check_partners(grid: GridMap) -> None:
    """Check that teleports come in pairs and that every door has a key."""
    counts = np.bincount(grid.cells.ravel(), minlength=len(TILES))
    for code, tile in enumerate(TILES):
        if not counts[code]:
            continue
        symbol, place = tile.symbols[0], grid.place(int(np.argmax(grid.cells == code)))
        if tile.teleports and counts[code] != 2:
            times = "once" if counts[code] == 1 else f"{counts[code]} times"
            raise ArenaError(
                f"{grid.name} has the teleport {symbol} {times}, first at {place}", "put it in two cells"
            )
        if tile.door and not counts[CODES[f"key {tile.door}"]]:
            raise ArenaError(
                f"{grid.name} has the door {symbol} at {place} and no key for it",
                f"put a key {tile.door} somewhere, or a wall # in the door's place",
            )


def _is_row(text: str) -> bool:
    """Whether a text without line breaks is a map of one row rather than the name of a file."""
    drawn = "S" in text or "G" in text or not any(map(str.isalnum, text))
    return drawn and SYMBOLS.issuperset(text)


def _rectangle(text: str, name: str, first_line: int) -> npt.NDArray[np.uint8]:
    """Tiles of the lines of a text, shape (rows, columns)."""
    # A lone surrogate, as an undecodable byte of the command line becomes, is a character like others here.
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    tiles = TILE_OF[np.minimum(points, 127)]
    breaks = np.flatnonzero(points == NEWLINE)
    bad = (tiles == NO_TILE) & (points != NEWLINE)
    if bad.any():
        at = int(np.argmax(bad))
        row = int(np.searchsorted(breaks, at))
        column = at - (int(breaks[row - 1]) if row else -1)
        raise _unknown_character(text[at], f"at line {first_line + row}, column {column}", name)
    bounds = np.concatenate(([-1], breaks, [len(points)]))
    lengths = np.diff(bounds) - 1
    ragged = np.flatnonzero(lengths != lengths[0])
    if len(ragged):
        row, expected = int(ragged[0]), int(lengths[0])
        found = _cells(int(lengths[row]))
        raise ArenaError(
            f"line {first_line + row} of {name} has {found}, but line {first_line} has {expected}",
            "make all lines equally long, filled up with # or .",
        )
    cells: npt.NDArray[np.uint8] = tiles[points != NEWLINE].reshape(len(lengths), int(lengths[0]))
    return cells


def _unknown_character(character: str, place: str, name: str) -> ArenaError:
    if character == "\t":
        return ArenaError(f"{name} has a tab {place}", "use one character a cell, such as . for floor")
    if not character.isprintable():
        return ArenaError(
            f"{name} has the control character U+{ord(character):04X} {place}",
            "give plain text, one printable character a cell",
        )
    return ArenaError(f"{name} has {character!r} {place}, which is no tile", f"use: {LEGEND}")


def _read(path: str) -> str:
    name = f"the map {_shortened(path)}"
    try:
        with open_regular(os.path.expanduser(path)) as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ArenaError(
            f"there is no map file {_shortened(path)}",
            r"give the path of a text file, or a map as text with line breaks (in a shell: $'S..\n..G')",
        ) from None
    except (OSError, ValueError) as error:
        if os.path.isdir(os.path.expanduser(path)):
            raise ArenaError(f"{name} is a directory", "give the path of a text file") from None
        reason = getattr(error, "strerror", None) or error
        raise ArenaError(f"{name} cannot be read: {reason}", "give a readable text file") from error
    if len(data) > LARGEST:
        raise ArenaError(f"{name} has more than {LARGEST:,} bytes", "give a smaller map")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ArenaError(
            f"{name} is not text: byte 0x{data[error.start]:02X} at line {line}, column {column}",
            "give a UTF-8 text file",
        ) from None


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _shortened(value: Any, longest: int = 80) -> str:
    shown = repr(str(value))
    return shown if len(shown) <= longest else f"{shown[: longest - 4]}…'"
