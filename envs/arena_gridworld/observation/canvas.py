"""Anti-aliased drawing of shapes on a small square, by signed distances."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Canvas", "Field"]

#: Signed distances from a shape, negative inside, in sides of the square: shape (samples, samples).
Field = npt.NDArray[Any]

#: Samples per pixel and axis, of a canvas of at most `FINE` pixels.
SAMPLES = 4
FINE = 256


class Canvas:
    """Square canvas of 1 × 1 with x to the right and y down, drawn on in the order of the calls.

    Args:
        size: side of the canvas, in pixels.
        ground: background colour, red, green and blue from 0 to 255.
        turns: quarter turns clockwise of all shapes.
    """

    def __init__(self, size: int, ground: Sequence[int], turns: int = 0) -> None:
        self.size = size
        self._samples = SAMPLES if size <= FINE else 1
        side = size * self._samples
        axis = (np.arange(side, dtype=np.float32) + 0.5) / side
        self._rgb = np.empty((side, side, 3), dtype=np.float32)
        self._rgb[:] = ground
        self._reach = 1 / side
        self.y, self.x = np.meshgrid(axis, axis, indexing="ij")
        self.turn(turns)

    @property
    def pixel(self) -> float:
        """Side of a pixel."""
        return 1 / self.size

    def turn(self, turns: int) -> None:
        """Turn all following shapes by quarter turns clockwise."""
        for _ in range(turns % 4):
            self.x, self.y = self.y, 1 - self.x

    def fill(self, shape: Field, colour: Sequence[int], opacity: float = 1.0) -> None:
        """Paint the inside of a shape."""
        cover = np.clip(0.5 - shape / self._reach, 0, 1)[..., None] * opacity
        self._rgb += cover * (np.array(colour, dtype=np.float32) - self._rgb)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Pixels of the canvas: uint8, shape (size, size, 3)."""
        n, k = self.size, self._samples
        shrunk: Field = self._rgb.reshape(n, k, n, k, 3).mean((1, 3))
        return np.rint(shrunk).astype(np.uint8)

    def disc(self, x: float, y: float, radius: float) -> Field:
        """Distances from a disc around (x, y)."""
        field: Field = np.hypot(self.x - x, self.y - y) - radius
        return field

    def ring(self, x: float, y: float, radius: float, width: float) -> Field:
        """Distances from the outline of a circle."""
        field: Field = np.abs(self.disc(x, y, radius)) - width / 2
        return field

    def box(self, left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Field:
        """Distances from a rectangle with corners rounded by ``radius``."""
        dx = np.abs(self.x - (left + right) / 2) - (right - left) / 2 + radius
        dy = np.abs(self.y - (top + bottom) / 2) - (bottom - top) / 2 + radius
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
        field: Field = outside + np.minimum(np.maximum(dx, dy), 0) - radius
        return field

    def line(self, points: Sequence[tuple[float, float]], width: float) -> Field:
        """Distances from a line through points, with round ends and joints."""
        field = np.full_like(self.x, np.inf)
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            field = np.minimum(field, self._segment(ax, ay, bx, by))
        return field - width / 2

    def polygon(self, points: Sequence[tuple[float, float]]) -> Field:
        """Distances from a polygon, convex or not."""
        field = np.full_like(self.x, np.inf)
        inside = np.zeros(self.x.shape, dtype=bool)
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            field = np.minimum(field, self._segment(ax, ay, bx, by))
            if ay != by:  # an edge that a ray to the right crosses changes sides
                across = ax + (self.y - ay) * ((bx - ax) / (by - ay))
                inside ^= ((self.y < ay) != (self.y < by)) & (self.x < across)
        return np.where(inside, -field, field)

    def wave(self, y: float, height: float, width: float) -> Field:
        """Distances from one period of a sine across the square, which continues in the next square."""
        angle = 2 * np.pi * self.x
        slope = np.hypot(1, 2 * np.pi * height * np.cos(angle))
        field: Field = np.abs(self.y - y - height * np.sin(angle)) / slope - width / 2
        return field

    def _segment(self, ax: float, ay: float, bx: float, by: float) -> Field:
        dx, dy = bx - ax, by - ay
        along = np.clip(((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        field: Field = np.hypot(self.x - ax - along * dx, self.y - ay - along * dy)
        return field
