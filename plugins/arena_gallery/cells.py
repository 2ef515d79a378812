"""Parts of a gallery: sections of rows of cells; `arena_gallery.page` draws them."""

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
    """Text below a cell.

    Attributes:
        text: one line.
        wrong: whether the text is a wrong prediction.
    """

    text: str
    wrong: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """Picture with square pixels.

    Attributes:
        pixels: uint8, shape (height, width, 3).
        caption: text below.
    """

    pixels: Array
    caption: Caption | None = None


@dataclass(frozen=True, eq=False)
class Bars:
    """Numbers from 0 to 1 as bars, or as a line if there are many.

    Attributes:
        values: shape (count,).
        caption: text below.
    """

    values: Array
    caption: Caption | None = None


@dataclass(frozen=True)
class Legend:
    """Legend of colours: names, or the ends of a scale.

    Attributes:
        title: name of the quantity.
        names: text and colour of each class, or of both ends of the scale.
        scale: whether the colours form a continuous scale.
    """

    title: str
    names: tuple[tuple[str, Colour], ...]
    scale: bool = False


@dataclass(frozen=True, eq=False)
class Scatter:
    """Scatter plot in a square.

    Attributes:
        x: shape (count,).
        y: shape (count,).
        colours: uint8, shape (count, 3).
        caption: text below.
        across: label of the x axis.
        diagonal: whether x and y have one scale, with a line where they are equal.
        ticks: whether the axes' ends show the least and the greatest number.
        side: width and height, in pixels.
        legend: legend of the colours, to the right.
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
        """Whether there is text below, besides the caption."""
        return bool(self.across) or self.ticks


Cell = Picture | Bars | Scatter


@dataclass(frozen=True, eq=False)
class Row:
    """Cells side by side.

    Attributes:
        name: label on the left.
        cells: cells from left to right, all of one kind and shape.
        close: whether the row is drawn close below the row above.
    """

    name: str
    cells: tuple[Cell, ...]
    close: bool = False


@dataclass(frozen=True, eq=False)
class Section:
    """Rows under a title.

    Attributes:
        title: short title.
        rows: rows from top to bottom.
        note: text after the title: how the section was made.
        figures: measured numbers by name.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of cells of the longest row."""
        return max(len(row.cells) for row in self.rows)


def one_colour(count: int, colour: Colour) -> Array:
    """One colour for each of `count` points: uint8, shape (count, 3)."""
    return np.broadcast_to(np.array(colour, np.uint8), (count, 3))
