"""The one drawing law: lanes as lists of shapes, shapes as anti-aliased pixels, in the project's palette."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from arena_control.engine import copy
from arena_gridworld.observation.looks import PALETTE

__all__ = ["PALETTE", "Painter", "Sketch", "View"]

Number = float | npt.NDArray[np.float64]

LINE, RING, QUAD = 0, 1, 2

#: A shape: its kind, up to eight numbers of geometry in metres, and red, green and blue.
COLUMNS = 12


class View(NamedTuple):
    """The square that a frame shows.

    Attributes:
        x: its middle, in metres.
        y: its middle, in metres; up is positive.
        reach: half its side, in metres.
    """

    x: float
    y: float
    reach: float


class Sketch:
    """The shapes of n lanes, in the order in which they are painted; every number may be one for all or one a lane.

    Args:
        lanes: how many.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self._shapes: list[npt.NDArray[np.float64]] = []

    def line(self, x0: Number, y0: Number, x1: Number, y1: Number, width: Number, colour: str) -> None:
        """A thick line with round ends."""
        self._add(LINE, (x0, y0, x1, y1, np.multiply(width, 0.5)), colour)

    def disc(self, x: Number, y: Number, radius: Number, colour: str) -> None:
        """A filled circle."""
        self._add(LINE, (x, y, x, y, radius), colour)

    def ring(self, x: Number, y: Number, radius: Number, width: float, colour: str) -> None:
        """A circle's line."""
        self._add(RING, (x, y, radius, width / 2), colour)

    def box(self, left: Number, bottom: Number, right: Number, top: Number, colour: str) -> None:
        """A rectangle."""
        self.quad((left, right, right, left), (bottom, bottom, top, top), colour)

    def quad(self, xs: Any, ys: Any, colour: str) -> None:
        """A convex shape of four corners, counter-clockwise."""
        self._add(QUAD, tuple(number for corner in zip(xs, ys, strict=True) for number in corner), colour)

    @property
    def shapes(self) -> npt.NDArray[np.float64]:
        """Shape (lanes, shapes, `COLUMNS`)."""
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


class Painter:
    """Paints sketches onto a background that is painted once.

    Args:
        size: pixels that a frame is wide and high.
        view: what it shows.
        scenery: what never moves, a sketch of one lane.
    """

    def __init__(self, size: int, view: View, scenery: Sketch) -> None:
        self.size = size
        self._scale = size / (2 * view.reach)
        self._left, self._top = view.x - view.reach, view.y + view.reach
        ground = np.empty((size, size, 3), dtype=np.uint8)
        ground[:] = PALETTE["paper"]
        self._ground = np.empty_like(ground)
        paint(scenery.shapes, ground, self._left, self._top, self._scale, self._ground[None])

    def paint(self, sketch: Sketch, out: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Fills frames, uint8, shape (lanes, size, size, 3)."""
        paint(sketch.shapes, self._ground, self._left, self._top, self._scale, out)
        return out


@njit(cache=True, forceinline=True)
def distance(kind, g, x, y):  # type: ignore[no-untyped-def]
    """The signed distance in pixels from (x, y) to a shape, negative inside; of a quad, to its nearest side's line."""
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
def place(shape, left, top, scale, size, g):  # type: ignore[no-untyped-def]
    """A shape's geometry in pixels, into ``g``, and the pixels it can touch: (left, top, right, bottom)."""
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
def paint(shapes, ground, left, top, scale, out):  # type: ignore[no-untyped-def]
    """Every lane's shapes over the ground; a pixel is covered by as much as its middle lies inside, within ½ px.

    Args:
        shapes: shape (lanes, shapes, `COLUMNS`), in metres.
        ground: uint8, shape (size, size, 3).
        left: metres at the frame's left side.
        top: metres at its upper side.
        scale: pixels a metre.
        out: uint8, shape (lanes, size, size, 3); filled.
    """
    size = ground.shape[0]
    g = np.zeros(8)
    for lane in range(len(shapes)):
        copy(ground, out[lane])
        for index in range(shapes.shape[1]):
            shape = shapes[lane, index]
            kind = int(shape[0])
            x0, y0, x1, y1 = place(shape, left, top, scale, size, g)
            for row in range(y0, y1):
                for column in range(x0, x1):
                    cover = min(0.5 - distance(kind, g, column + 0.5, row + 0.5), 1.0)
                    if cover > 0:
                        for channel in range(3):
                            old = float(out[lane, row, column, channel])
                            out[lane, row, column, channel] = int(
                                old + cover * (shape[9 + channel] - old) + 0.5
                            )
