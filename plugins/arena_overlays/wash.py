"""Numbers of cells as tints over a map, and what the tints mean."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pygame

from arena.colours import INK, LINE, PAPER, SLATE
from arena.painting import CellPainter
from arena.viewer.pen import SMALL, Area, Pen, surface_of

__all__ = ["ROOMY", "legend", "shares", "wash"]

#: Points from which a cell is wide enough for a figure.
ROOMY = 44.0

#: Of a legend, in points: its height, its bar's length, the margins around and in it.
HIGH, BAR, MARGIN, PAD = 22.0, 44.0, 6.0, 8.0

#: A picture that is narrower than this has no room for a legend.
NARROW = 220.0

Array = npt.NDArray[Any]
Scale = npt.NDArray[np.float64]


def shares(values: Array) -> npt.NDArray[np.float64]:
    """Where numbers lie from the least (0) to the greatest (1) of the finite ones; 0 where all are equal."""
    finite = values[np.isfinite(values)]
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    found: npt.NDArray[np.float64] = (values - low) / (high - low) if high > low else np.zeros(len(values))
    return found


def tints(shares: Array, scale: Scale) -> npt.NDArray[np.uint8]:
    """Colours on a scale: shape (count, 3).

    Args:
        shares: from 0 to 1, shape (count,).
        scale: colours at equal distances, shape (colours, 3).
    """
    place = np.linspace(0, 1, len(scale))
    return np.rint(np.stack([np.interp(shares, place, channel) for channel in scale.T], axis=1)).astype(
        np.uint8
    )


def wash(pen: Pen, area: Area, painter: CellPainter, cells: Array, shares: Array, scale: Scale) -> None:
    """Tints cells as water colour does: the paper takes the colour, and what is dark stays dark.

    So walkers, arrows and figures stay legible, whatever is drawn first.

    Args:
        pen: draws in points.
        area: the picture.
        painter: whose cells they are.
        cells: shape (count,).
        shares: of the scale, shape (count,); a cell without one (NaN) is left alone.
        scale: as `tints` takes it.
    """
    sheet = np.full((painter.rows * painter.columns, 3), 255, np.uint8)
    told = np.isfinite(shares)
    sheet[cells[told]] = tints(shares[told], scale)
    box = pen.pixels(area)
    drawn = surface_of(sheet.reshape(painter.rows, painter.columns, 3))
    pen.surface.blit(pygame.transform.scale(drawn, box.size), box, special_flags=pygame.BLEND_MULT)


def legend(
    pen: Pen,
    area: Area,
    painter: CellPainter,
    cells: Array,
    side: Literal["top", "bottom"],
    label: str,
    ends: tuple[str, str],
    scale: Scale,
) -> None:
    """What tints mean, on the side where it covers the fewest cells.

    Args:
        pen: draws in points.
        area: the picture; a narrow one gets none.
        painter: whose cells they are.
        cells: that are better not covered: shape (count,).
        side: of the picture; of two legends, each has its own.
        label: of what.
        ends: what the least and the greatest tint stand for.
        scale: as `tints` takes it.
    """
    low, high = ends
    widths = [pen.width_of(text, SMALL) for text in (label, low, high)]
    width = sum(widths) + BAR + 4 * PAD + 4
    if area.width < max(NARROW, width + 2 * MARGIN):
        return
    box = _free(area, painter, cells, side, width)
    pen.fill(Area(box.x - 1, box.y - 1, box.width + 2, box.height + 2), LINE, 0.9, HIGH / 2 + 1)
    pen.fill(box, PAPER, radius=HIGH / 2)
    x, y = box.x + PAD + 2, box.middle[1]
    x += pen.text((x, y), label, SMALL, SLATE) + PAD
    x += pen.text((x, y), low, SMALL, INK) + PAD / 2
    ramp = tints(np.linspace(0, 1, 64), scale)[None]
    strip = pen.pixels(Area(x, y - 4, BAR, 8))
    pen.surface.blit(pygame.transform.scale(surface_of(ramp), strip.size), strip)
    pen.text((x + BAR + PAD / 2, y), high, SMALL, INK)


def _free(
    area: Area, painter: CellPainter, cells: Array, side: Literal["top", "bottom"], width: float
) -> Area:
    """Where on a side it covers the fewest cells: left, right or in the middle."""
    y = area.y + MARGIN if side == "top" else area.bottom - MARGIN - HIGH
    spots = (area.x + MARGIN, area.right - MARGIN - width, area.x + (area.width - width) / 2)
    rows, columns = np.divmod(cells, painter.columns)
    wide, high = area.width / painter.columns, area.height / painter.rows

    def covered(x: float) -> int:
        across = (columns + 1 > (x - area.x) / wide) & (columns < (x + width - area.x) / wide)
        down = (rows + 1 > (y - area.y) / high) & (rows < (y + HIGH - area.y) / high)
        return int((across & down).sum())

    return Area(min(spots, key=covered), y, width, HIGH)
