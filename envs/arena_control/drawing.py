"""Drawings of systems: lists of shapes for all lanes, rasterized with anti-aliasing in the project's palette."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from arena_control.engine import copy_array
from arena_gridworld import PALETTE

__all__ = ["PALETTE", "Drawing", "Rasterizer", "Viewport"]

#: One number for all lanes, or one for each.
Number = float | np.float64 | npt.NDArray[np.float64]

LINE, RING, QUAD = 0, 1, 2

#: Numbers of a shape: its kind, up to eight of geometry in metres, and red, green and blue.
COLUMNS = 12


class Viewport(NamedTuple):
    """The square part of the plane that an image shows.

    Attributes:
        x: x of its center, in metres.
        y: y of its center, in metres; up is positive.
        half_width: half its side, in metres.
    """

    x: float
    y: float
    half_width: float


class Drawing:
    """Shapes of n lanes, in drawing order; every number is one for all lanes or an array with one for each.

    Args:
        lanes: number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self._shapes: list[npt.NDArray[np.float64]] = []

    def line(self, x0: Number, y0: Number, x1: Number, y1: Number, width: Number, colour: str) -> None:
        """Add a thick line with round ends."""
        self._add(LINE, (x0, y0, x1, y1, np.multiply(width, 0.5)), colour)

    def disc(self, x: Number, y: Number, radius: Number, colour: str) -> None:
        """Add a filled circle."""
        self._add(LINE, (x, y, x, y, radius), colour)

    def ring(self, x: Number, y: Number, radius: Number, width: float, colour: str) -> None:
        """Add the outline of a circle."""
        self._add(RING, (x, y, radius, width / 2), colour)

    def box(self, left: Number, bottom: Number, right: Number, top: Number, colour: str) -> None:
        """Add a filled rectangle."""
        self.quad((left, right, right, left), (bottom, bottom, top, top), colour)

    def quad(self, xs: Sequence[Number], ys: Sequence[Number], colour: str) -> None:
        """Add a filled convex quadrilateral, its corners counter-clockwise."""
        self._add(QUAD, tuple(number for corner in zip(xs, ys, strict=True) for number in corner), colour)

    @property
    def shapes(self) -> npt.NDArray[np.float64]:
        """All shapes as an array of shape (lanes, shapes, `COLUMNS`)."""
        if not self._shapes:
            return np.zeros((self.lanes, 0, COLUMNS))
        return np.stack(self._shapes, axis=1)

    def _add(self, kind: int, geometry: tuple[Number, ...], colour: str) -> None:
        shape = np.zeros((self.lanes, COLUMNS))
        shape[:, 0] = kind
        for column, number in enumerate(geometry, 1):
            shape[:, column] = number
        shape[:, -3:] = PALETTE[colour]
        self._shapes.append(shape)


class Rasterizer:
    """Rasterizes drawings over a background that is painted once.

    Args:
        size: width and height of an image, in pixels.
        viewport: the part of the plane that an image shows.
        background: drawing of what never moves, of one lane.
    """

    def __init__(self, size: int, viewport: Viewport, background: Drawing) -> None:
        self.size = size
        self._scale = size / (2 * viewport.half_width)
        self._left, self._top = viewport.x - viewport.half_width, viewport.y + viewport.half_width
        ground = np.empty((size, size, 3), dtype=np.uint8)
        ground[:] = PALETTE["paper"]
        self._ground = np.empty_like(ground)
        rasterize(background.shapes, ground, self._left, self._top, self._scale, self._ground[None])

    def paint(self, drawing: Drawing, out: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Rasterize a drawing into ``out``: uint8, shape (lanes, size, size, 3)."""
        rasterize(drawing.shapes, self._ground, self._left, self._top, self._scale, out)
        return out


@njit(cache=True, forceinline=True)
def signed_distance(kind, g, x, y):  # type: ignore[no-untyped-def]
    """Signed distance in pixels from (x, y) to a shape, negative inside; for a quadrilateral, to its nearest side."""
    if kind == QUAD:
        far = -np.inf
        for corner in range(4):
            x0, y0 = g[2 * corner], g[2 * corner + 1]
            after = (corner + 1) % 4
            dx, dy = g[2 * after] - x0, g[2 * after + 1] - y0
            length = math.sqrt(dx * dx + dy * dy)
            if length > 0:
                far = max(far, ((x - x0) * dy - (y - y0) * dx) / -length)
        return far
    if kind == RING:
        return abs(math.sqrt((x - g[0]) ** 2 + (y - g[1]) ** 2) - g[2]) - g[3]
    dx, dy = g[2] - g[0], g[3] - g[1]
    squared = dx * dx + dy * dy
    along = 0.0
    if squared > 0:
        along = min(max(((x - g[0]) * dx + (y - g[1]) * dy) / squared, 0.0), 1.0)
    return math.sqrt((x - g[0] - along * dx) ** 2 + (y - g[1] - along * dy) ** 2) - g[4]


@njit(cache=True)
def to_pixels(shape, left, top, scale, size, g):  # type: ignore[no-untyped-def]
    """Convert a shape to pixels, into ``g``; returns the pixels it can touch: (left, top, right, bottom)."""
    kind = int(shape[0])
    points = 4 if kind == QUAD else (1 if kind == RING else 2)
    for point in range(points):
        g[2 * point] = (shape[1 + 2 * point] - left) * scale
        g[2 * point + 1] = (top - shape[2 + 2 * point]) * scale
    margin = 1.0
    if kind == LINE:
        g[4] = max(shape[5] * scale, 0.6)  # thinner than a pixel would fade away
        margin += g[4]
    elif kind == RING:
        g[2], g[3] = shape[3] * scale, max(shape[4] * scale, 0.5)
        margin += g[2] + g[3]
    x0 = x1 = g[0]
    y0 = y1 = g[1]
    for point in range(1, points):
        x0, x1 = min(x0, g[2 * point]), max(x1, g[2 * point])
        y0, y1 = min(y0, g[2 * point + 1]), max(y1, g[2 * point + 1])
    edge = float(size)
    return (
        int(min(max(x0 - margin, 0.0), edge)),
        int(min(max(y0 - margin, 0.0), edge)),
        int(min(max(x1 + margin + 1, 0.0), edge)),
        int(min(max(y1 + margin + 1, 0.0), edge)),
    )


@njit(cache=True)
def rasterize(shapes, ground, left, top, scale, out):  # type: ignore[no-untyped-def]
    """Rasterize the shapes of every lane over the background.

    The coverage of a pixel falls from 1 to 0 while the distance from its center to the shape grows from −½ to ½ px.

    Args:
        shapes: shape (lanes, shapes, `COLUMNS`), in metres.
        ground: background, uint8, shape (size, size, 3).
        left: x of the left edge, in metres.
        top: y of the upper edge, in metres.
        scale: pixels per metre.
        out: uint8, shape (lanes, size, size, 3); filled.
    """
    size = ground.shape[0]
    g = np.zeros(8)
    for lane in range(len(shapes)):
        copy_array(ground, out[lane])
        for index in range(shapes.shape[1]):
            shape = shapes[lane, index]
            kind = int(shape[0])
            x0, y0, x1, y1 = to_pixels(shape, left, top, scale, size, g)
            for row in range(y0, y1):
                for column in range(x0, x1):
                    cover = min(0.5 - signed_distance(kind, g, column + 0.5, row + 0.5), 1.0)
                    if cover > 0:
                        for channel in range(3):
                            old = float(out[lane, row, column, channel])
                            out[lane, row, column, channel] = int(
                                old + cover * (shape[9 + channel] - old) + 0.5
                            )
