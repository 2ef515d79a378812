"""The parts of a gallery: sections of rows of cells; `arena_gallery.page` draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.palette import Colour

__all__ = ["Bars", "Caption", "Cell", "Legend", "Picture", "Row", "Scatter", "Section"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Caption:
    """Words under a cell.

    Attributes:
        text: one line.
        wrong: whether they say something that is not so.
    """

    text: str
    wrong: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, each a square.

    Attributes:
        pixels: uint8, shape (height, width, 3).
        caption: what stands below.
    """

    pixels: Array
    caption: Caption | None = None


@dataclass(frozen=True, eq=False)
class Bars:
    """Numbers from 0 to 1: bars, or a line where there are many.

    Attributes:
        values: shape (count,).
        caption: what stands below.
    """

    values: Array
    caption: Caption | None = None


@dataclass(frozen=True)
class Legend:
    """What colours mean: names, or the ends of a scale.

    Attributes:
        title: of what.
        names: text and colour of each, or of both ends.
        scale: whether the colours go over into one another.
    """

    title: str
    names: tuple[tuple[str, Colour], ...]
    scale: bool = False


@dataclass(frozen=True, eq=False)
class Scatter:
    """Points in a square.

    Attributes:
        x: shape (count,).
        y: shape (count,).
        colours: uint8, shape (count, 3).
        caption: what stands below.
        across: the words along x.
        diagonal: whether x and y have one scale, with a line where they are equal.
        ticks: whether the least and the greatest number stand at the axes' ends.
        side: in pixels.
        legend: what the colours mean; it stands to the right.
    """

    x: Array
    y: Array
    colours: Array
    caption: Caption | None = None
    across: str = ""
    diagonal: bool = False
    ticks: bool = False
    side: int = 300
    legend: Legend | None = None

    @property
    def has_axes(self) -> bool:
        """Whether anything stands below, besides the caption."""
        return bool(self.across) or self.ticks


Cell = Picture | Bars | Scatter


@dataclass(frozen=True, eq=False)
class Row:
    """Cells side by side.

    Attributes:
        name: what stands in front of them.
        cells: from left to right; all of one kind and shape.
        close: whether the row belongs to the one above.
    """

    name: str
    cells: tuple[Cell, ...]
    close: bool = False


@dataclass(frozen=True, eq=False)
class Section:
    """Rows under a title.

    Attributes:
        title: in a few words.
        rows: from the top down.
        note: what stands behind the title: how it was made.
        figures: what was measured for it, by name.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many cells its longest row has."""
        return max(len(row.cells) for row in self.rows)


def one_colour(count: int, colour: Colour) -> Array:
    """One colour for each of `count` points: uint8, shape (count, 3)."""
    return np.broadcast_to(np.array(colour, np.uint8), (count, 3))
