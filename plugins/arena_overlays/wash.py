"""Values of cells as tints over a map, with a legend."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from arena.environments.rendering import CellPainter
from arena.palette import INK, LINE, PAPER, SLATE
from arena_viewer import SMALL, Area, Canvas

__all__ = ["BASE", "ROOMY", "legend", "shares", "wash"]

#: The smallest width of a cell with a number, in points.
ROOMY = 44.0

#: Height of a number's middle above the cell's lower edge, in points.
BASE = 9.0

#: Lengths of a legend, in points: its height, its bar's length, the margins around and in it.
HIGH, BAR, MARGIN, PAD = 22.0, 44.0, 6.0, 10.0

Array = npt.NDArray[Any]
Scale = npt.NDArray[np.float64]


def shares(values: Array, ends: tuple[float, float] | None = None) -> npt.NDArray[np.float64]:
    """Positions of numbers on a scale from 0 to 1; NaN for those that are not finite.

    Args:
        values: shape (count,).
        ends: numbers at 0 and 1; by default the least and the greatest finite number.
    """
    finite = np.isfinite(values)
    found = np.full(len(values), np.nan)
    if finite.any():
        low, high = ends or (values[finite].min(), values[finite].max())
        found[finite] = (values[finite] - low) / ((high - low) or 1.0)
    return found


def tints(shares: Array, scale: Scale) -> npt.NDArray[np.uint8]:
    """Colours on a scale: shape (count, 3).

    Args:
        shares: from 0 to 1, shape (count,).
        scale: colours at equal distances, shape (colours, 3).
    """
    place = np.linspace(0, 1, len(scale))
    mixed = np.stack([np.interp(shares, place, channel) for channel in scale.T], axis=1)
    found: npt.NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return found


def wash(canvas: Canvas, area: Area, painter: CellPainter, cells: Array, shares: Array, scale: Scale) -> None:
    """Tints cells by multiplication, like water color: dark lines stay dark.

    Walkers, arrows and numbers stay legible in any order of drawing.

    Args:
        canvas: canvas in points.
        area: area of the picture.
        painter: painter of the cells.
        cells: cells to tint, shape (count,).
        shares: positions on the scale, shape (count,); cells with NaN are not tinted.
        scale: see `tints`.
    """
    sheet = np.full((painter.rows * painter.columns, 3), 255, np.uint8)
    known = np.isfinite(shares)
    sheet[cells[known]] = tints(shares[known], scale)
    canvas.stretch(area, sheet.reshape(painter.rows, painter.columns, 3), multiply=True)


def legend(
    canvas: Canvas,
    area: Area,
    painter: CellPainter,
    cells: Array,
    side: Literal["left", "right"],
    label: str,
    ends: tuple[str, str],
    scale: Scale,
) -> None:
    """Draws the legend of tints in one half of the picture, where it covers the fewest cells.

    Args:
        canvas: canvas in points.
        area: area of the picture; a narrow one gets no legend.
        painter: painter of the cells.
        cells: cells to keep uncovered if possible, shape (count,).
        side: half of the picture, so that two legends never overlap.
        label: name of the quantity.
        ends: texts at the least and the greatest tint.
        scale: see `tints`.
    """
    low, high = ends
    width = sum(canvas.width_of(text, SMALL) for text in (label, low, high)) + BAR + 3 * PAD + 4
    if area.width / 2 < width + 2 * MARGIN:
        return
    box = _free(area, painter, cells, side, width)
    canvas.fill(Area(box.x - 1, box.y - 1, box.width + 2, box.height + 2), LINE, 0.9, HIGH / 2 + 1)
    canvas.fill(box, PAPER, radius=HIGH / 2)
    x, y = box.x + PAD, box.middle[1]
    x += canvas.text((x, y), label, SMALL, SLATE) + PAD
    x += canvas.text((x, y), low, SMALL, INK) + 4
    ramp = tints(np.linspace(0, 1, 64), scale)[None]
    canvas.stretch(Area(x, y - 4, BAR, 8), ramp)
    canvas.text((x + BAR + 4, y), high, SMALL, INK)


def _free(
    area: Area, painter: CellPainter, cells: Array, side: Literal["left", "right"], width: float
) -> Area:
    """Position that covers the fewest cells: below if possible, at the picture's edge or next to its middle."""
    middle = area.middle[0]
    edge, inner = area.x + MARGIN, middle - MARGIN - width
    if side == "right":
        edge, inner = area.right - MARGIN - width, middle + MARGIN
    below, above = area.bottom - MARGIN - HIGH, area.y + MARGIN
    rows, columns = np.divmod(cells, painter.columns)
    wide, high = area.width / painter.columns, area.height / painter.rows

    def covered(spot: tuple[float, float]) -> int:
        x, y = spot[0] - area.x, spot[1] - area.y
        across = (columns + 1 > x / wide) & (columns < (x + width) / wide)
        down = (rows + 1 > y / high) & (rows < (y + HIGH) / high)
        return int((across & down).sum())

    spots = [(x, y) for y in (below, above) for x in (edge, inner)]
    return Area(*min(spots, key=covered), width, HIGH)
