"""Layout and drawing of sections on a page: an aligned grid with one scale of type."""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.palette import ACCENT, FAINT, INK, LINE, PAPER, SLATE, WRONG, Colour, on_scale
from arena_gallery.cells import Bars, Cell, Legend, Picture, Row, Scatter, Section

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

__all__ = ["Page", "Place", "draw"]

#: Lengths in pixels. A cell is about `CELL` wide, rounded so that every pixel of a picture is a whole square.
MARGIN, GUTTER, GAP, CLOSE, CELL = 60, 128, 10, 3, 112

#: Distances above a section, below its title, above a row, and below the page's title.
SECTION, TITLE, ROW, HEAD = 52, 18, 16, 10

#: Type sizes: the page's title, a section's title, and all other text.
LARGE, MIDDLE, SMALL = 36, 24, 17

#: Height of a line of captions.
CAPTION = 26

#: Distances beside a plot, and below a plot with numbers at its axes.
PLOT_GAP, AXIS = 56, 28

#: Distance between a plot and its legend, and width of the legend.
LEGEND_GAP, LEGEND = 24, 150

#: Factor by which plots are drawn larger before they are shrunk.
FINE = 4

#: The smallest width of a page's content.
LEAST = 760


@dataclass(frozen=True)
class Place:
    """Rectangle of a cell, in pixels from the page's upper left corner; right and bottom are exclusive.

    Attributes:
        section: number of the section, from 0.
        row: number of the row within the section.
        column: number of the cell within the row.
    """

    section: int
    row: int
    column: int
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Page:
    """A drawn page.

    Attributes:
        png: bytes of the file.
        width: width in pixels.
        height: height in pixels.
        places: rectangles of all cells.
    """

    png: bytes
    width: int
    height: int
    places: tuple[Place, ...]


def draw(title: str, subtitle: str, sections: Sequence[Section]) -> Page:
    """Draws sections below one another.

    Args:
        title: title of the page.
        subtitle: text after the title.
        sections: sections from top to bottom.

    Raises:
        ArenaError: Pillow is missing.
    """
    return _PageDrawing(title, subtitle, sections).page()


class _PageDrawing:
    """Lays out and draws in one pass; a first pass on a page without height measures the height."""

    def __init__(self, title: str, subtitle: str, sections: Sequence[Section]) -> None:
        self.title, self.subtitle, self.sections = title, subtitle, sections
        content = max(LEAST, *(self._width(section) for section in sections))
        self.width = 2 * MARGIN + GUTTER + content

    def page(self) -> Page:
        height = self._print(1)
        height = self._print(height)
        out = io.BytesIO()
        self.image.save(out, "PNG", optimize=True)
        return Page(out.getvalue(), self.width, height, tuple(self.places))

    def _print(self, height: int) -> int:
        """Draws everything; returns the height."""
        image, drawing = _pillow()
        self.image = image.new("RGB", (self.width, height), PAPER)
        self.pen: ImageDraw.ImageDraw = drawing.Draw(self.image)
        self.places: list[Place] = []
        base = MARGIN + LARGE
        end = self._write(MARGIN, base, self.title, LARGE, INK)
        room = self.width - MARGIN
        if end + 24 + _length(self.subtitle, SMALL) <= room:
            self._write(end + 24, base, self.subtitle, SMALL, SLATE)
        else:
            base += 34
            self._write(MARGIN, base, self.subtitle, SMALL, SLATE, room=room - MARGIN)
        y = base + HEAD
        for number, section in enumerate(self.sections):
            y = self._section(number, section, y + SECTION)
        return y + MARGIN

    def _section(self, number: int, section: Section, top: int) -> int:
        self.pen.line([(MARGIN, top - SECTION // 2), (self.width - MARGIN, top - SECTION // 2)], LINE)
        base = top + MIDDLE
        end = self._write(MARGIN, base, section.title, MIDDLE, INK)
        self._write(end + 18, base, section.note, SMALL, SLATE, room=self.width - MARGIN - end - 18)
        y = base + TITLE
        for index, row in enumerate(section.rows):
            y += CLOSE if row.close else ROW if index else 4
            y = self._row(number, index, row, y)
        return y

    def _row(self, number: int, index: int, row: Row, top: int) -> int:
        left, first = MARGIN + GUTTER, row.cells[0]
        wide, high = _size(first)
        self._write(MARGIN, top + high // 2 + SMALL // 3, row.name, SMALL, SLATE, room=GUTTER - 14)
        for column, cell in enumerate(row.cells):
            x = left + column * _pitch(first)
            self.places.append(Place(number, index, column, x, top, x + wide, top + high))
            self._cell(cell, x, top, wide, high)
        axis = AXIS if isinstance(first, Scatter) and first.has_axes else 0
        return top + high + axis + (CAPTION if any(cell.caption for cell in row.cells) else 0)

    def _cell(self, cell: Cell, x: int, y: int, wide: int, high: int) -> None:
        image, _ = _pillow()
        if isinstance(cell, Picture):
            drawn = image.fromarray(cell.pixels)
            whole = wide >= cell.pixels.shape[1]
            drawn = drawn.resize(
                (wide, high), image.Resampling.NEAREST if whole else image.Resampling.LANCZOS
            )
        else:
            drawn = _bars(cell, wide, high) if isinstance(cell, Bars) else _points(cell, wide)
        self.image.paste(drawn, (x, y))
        self.pen.rectangle([(x - 1, y - 1), (x + wide, y + high)], outline=LINE)
        below = y + high
        if isinstance(cell, Scatter) and cell.has_axes:
            self._axes(cell, x, y, wide)
            below += AXIS
        if isinstance(cell, Scatter) and cell.legend is not None:
            self._legend(cell.legend, x + wide + LEGEND_GAP, y)
        if cell.caption is not None:
            colour = WRONG if cell.caption.wrong else SLATE
            self._centred(x + wide // 2, below + CAPTION - 6, cell.caption.text, colour, wide + GAP - 2)

    def _axes(self, cell: Scatter, x: int, y: int, side: int) -> None:
        low, high = _limits(cell)
        below = y + side + AXIS - 7
        if cell.ticks:
            self._write(x, below, _short(low[0]), SMALL, FAINT)
            text = _short(high[0])
            self._write(x + side - round(_length(text, SMALL)), below, text, SMALL, FAINT)
        self._centred(x + side // 2, below, cell.across, SLATE, side - 120)

    def _legend(self, legend: Legend, x: int, y: int) -> None:
        self._write(x, y + SMALL, legend.title, SMALL, SLATE, room=LEGEND)
        y += SMALL + 14
        image, _ = _pillow()
        if legend.scale:
            (low, _), (high, _) = legend.names
            height = 140
            ramp = on_scale(np.linspace(1, 0, height))[:, None].repeat(14, axis=1)
            self.image.paste(image.fromarray(ramp), (x, y))
            self._write(x + 24, y + SMALL - 3, high, SMALL, SLATE)
            self._write(x + 24, y + height, low, SMALL, SLATE)
            return
        for name, colour in legend.names:
            self.image.paste(_dot(colour, 12), (x, y + 2))
            self._write(x + 22, y + SMALL - 3, name, SMALL, SLATE)
            y += 25

    def _centred(self, middle: int, base: int, text: str, colour: Colour, room: int) -> None:
        text = _cut(text, SMALL, room)
        self._write(middle - round(_length(text, SMALL) / 2), base, text, SMALL, colour)

    def _write(self, x: int, base: int, text: str, size: int, colour: Colour, room: int | None = None) -> int:
        """Writes a line of text at a base line; returns its right end."""
        text = _cut(text, size, room) if room is not None else _known(text)
        for index, part in enumerate(text.split("²")):
            if index:  # the font has no raised two
                raised = round(size * 0.62)
                self.pen.text((x, base - round(size * 0.36)), "2", colour, _font(raised), anchor="ls")
                x += round(_font(raised).getlength("2"))
            self.pen.text((x, base), part, colour, _font(size), anchor="ls")
            x += round(_font(size).getlength(part))
        return x

    @staticmethod
    def _width(section: Section) -> int:
        cell = section.rows[0].cells[0]
        return section.count * _pitch(cell) - (PLOT_GAP if isinstance(cell, Scatter) else GAP)


def _size(cell: Cell) -> tuple[int, int]:
    """Width and height of a cell on the page."""
    if isinstance(cell, Scatter):
        return cell.side, cell.side
    if isinstance(cell, Bars):
        return CELL, round(CELL * 0.62)
    high, wide = cell.pixels.shape[:2]
    side = max(high, wide)
    if side > 1.5 * CELL:
        return max(1, round(wide * CELL / side)), max(1, round(high * CELL / side))
    times = max(1, round(CELL / side))
    return wide * times, high * times


def _pitch(cell: Cell) -> int:
    """Distance between the left sides of neighboring cells."""
    wide, _ = _size(cell)
    if not isinstance(cell, Scatter):
        return wide + GAP
    return wide + PLOT_GAP + (0 if cell.legend is None else LEGEND_GAP + LEGEND)


def _bars(cell: Bars, wide: int, high: int) -> Image.Image:
    """Draws bars from the bottom, or a line if there are many numbers."""
    image, drawing = _pillow()
    drawn = image.new("RGB", (wide * FINE, high * FINE), PAPER)
    pen = drawing.Draw(drawn)
    count, pad = len(cell.values), 6 * FINE
    width, height = wide * FINE - 2 * pad, high * FINE - 2 * pad
    if count > 32:
        points = [
            (pad + width * place / (count - 1), pad + height * (1 - value))
            for place, value in enumerate(cell.values.tolist())
        ]
        pen.line(points, ACCENT, round(1.5 * FINE), joint="curve")
    else:
        pitch = width / count
        for place, value in enumerate(cell.values.tolist()):
            left = pad + pitch * place + pitch * 0.14
            right = pad + pitch * (place + 1) - pitch * 0.14
            top = pad + height * (1 - value)
            pen.rectangle([(left, top - FINE / 2), (right, pad + height)], ACCENT)
        pen.line([(pad, pad + height), (pad + width, pad + height)], FAINT, FINE)
    return _small(drawn)


def _points(cell: Scatter, side: int) -> Image.Image:
    """Draws points, and the diagonal where x and y have one scale."""
    image, drawing = _pillow()
    drawn = image.new("RGB", (side * FINE, side * FINE), PAPER)
    pen = drawing.Draw(drawn, "RGBA")
    low, high = _limits(cell)
    reach = np.where(high > low, high - low, 1.0)
    pad, room = 12 * FINE, (side - 24) * FINE
    if cell.diagonal:
        pen.line([(pad, pad + room), (pad + room, pad)], FAINT, FINE)
    at = (np.stack([cell.x, cell.y], axis=1) - low) / reach
    at[:, high == low] = 0.5
    opacity = 190 if len(at) <= 400 else 130
    radius = (2.6 if len(at) <= 400 else 2.2) * FINE
    for (across, up), colour in zip(at.tolist(), cell.colours.tolist(), strict=True):
        x, y = pad + across * room, pad + (1 - up) * room
        pen.ellipse([(x - radius, y - radius), (x + radius, y + radius)], (*colour, opacity))
    return _small(drawn)


def _limits(cell: Scatter) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Ranges of x and y; one range of both where they have one scale."""
    at = np.stack([cell.x, cell.y], axis=1).astype(np.float64)
    low, high = at.min(axis=0), at.max(axis=0)
    if cell.diagonal:
        low, high = np.full(2, low.min()), np.full(2, high.max())
    return low, high


def _small(drawn: Any) -> Image.Image:
    """Shrinks a drawing to its size on the page."""
    shrunk: Image.Image = drawn.reduce(FINE)
    return shrunk


def _dot(colour: Colour, side: int) -> Image.Image:
    image, drawing = _pillow()
    drawn = image.new("RGB", (side * FINE, side * FINE), PAPER)
    drawing.Draw(drawn).ellipse([(0, 0), (side * FINE - 1, side * FINE - 1)], colour)
    return _small(drawn)


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) > 1e-9 else "0"


def _length(text: str, size: int) -> float:
    plain, raised = text.replace("²", ""), text.count("²")
    return float(_font(size).getlength(plain)) + raised * float(_font(round(size * 0.62)).getlength("2"))


def _cut(text: str, size: int, room: int) -> str:
    """A line cut to a width, with dots at its end if it was longer."""
    text = _known(text)
    if _length(text, size) <= room:
        return text
    lengths = (_length(text[:end] + "…", size) for end in range(1, len(text)))
    fitting = sum(1 for _ in itertools.takewhile(lambda length: length <= room, lengths))
    return text[:fitting].rstrip() + "…" if fitting > 0 else ""


def _known(text: str) -> str:
    """A text with only the characters that the font has."""
    plain = text.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    return "".join(
        letter if (letter.isascii() and letter.isprintable()) or letter in "·±…°²" else "?"
        for letter in plain
    )


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font Aileron, which comes with Pillow."""
    _pillow()
    from PIL import ImageFont, features

    if not features.check("freetype2"):
        raise ArenaError("this Pillow draws no letters", "pip install --force-reinstall Pillow")
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "where there is FreeType, a size gives one"
    return font


@functools.cache
def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise ArenaError(
            "galleries are drawn by Pillow, which is missing", "pip install 'arena-rl[data]'"
        ) from error
    return Image, ImageDraw
