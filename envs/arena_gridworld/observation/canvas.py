"""Anti-aliased shapes on a small square, from signed distances: exact edges at any size, no drawing library."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Canvas", "Field"]

#: A signed distance, shape (samples, samples), in sides of the square: negative inside.
Field = npt.NDArray[Any]

#: Samples a pixel and axis, of a canvas that is not itself finer than `FINE`.
SAMPLES = 4
FINE = 256


class Canvas:
    """A square of 1 × 1 with x to the right and y down, drawn on in the order of the calls.

    Args:
        size: its side, in pixels.
        ground: its colour, red, green and blue from 0 to 255.
        turns: quarter turns clockwise that all shapes are turned by.
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
        """The side of a pixel."""
        return 1 / self.size

    def turn(self, turns: int) -> None:
        """Turns all shapes that follow by quarter turns clockwise."""
        for _ in range(turns % 4):
            self.x, self.y = self.y, 1 - self.x

    def fill(self, shape: Field, colour: Sequence[int], opacity: float = 1.0) -> None:
        """Paints the inside of a shape."""
        cover = np.clip(0.5 - shape / self._reach, 0, 1)[..., None] * opacity
        self._rgb += cover * (np.array(colour, dtype=np.float32) - self._rgb)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """uint8, shape (size, size, 3): what has been drawn so far."""
        n, k = self.size, self._samples
        shrunk: Field = self._rgb.reshape(n, k, n, k, 3).mean((1, 3))
        return np.rint(shrunk).astype(np.uint8)

    def disc(self, x: float, y: float, radius: float) -> Field:
        """A disc around (x, y)."""
        field: Field = np.hypot(self.x - x, self.y - y) - radius
        return field

    def ring(self, x: float, y: float, radius: float, width: float) -> Field:
        """A circle's line."""
        field: Field = np.abs(self.disc(x, y, radius)) - width / 2
        return field

    def box(self, left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Field:
        """A rectangle, its corners rounded by ``radius``."""
        dx = np.abs(self.x - (left + right) / 2) - (right - left) / 2 + radius
        dy = np.abs(self.y - (top + bottom) / 2) - (bottom - top) / 2 + radius
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
        field: Field = outside + np.minimum(np.maximum(dx, dy), 0) - radius
        return field

    def line(self, points: Sequence[tuple[float, float]], width: float) -> Field:
        """A line through points, with round ends and joints."""
        field = np.full_like(self.x, np.inf)
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            field = np.minimum(field, self._segment(ax, ay, bx, by))
        return field - width / 2

    def polygon(self, points: Sequence[tuple[float, float]]) -> Field:
        """A closed shape with straight sides, convex or not."""
        field = np.full_like(self.x, np.inf)
        inside = np.zeros(self.x.shape, dtype=bool)
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            field = np.minimum(field, self._segment(ax, ay, bx, by))
            if ay != by:  # an edge that a ray to the right crosses changes sides
                across = ax + (self.y - ay) * ((bx - ax) / (by - ay))
                inside ^= ((self.y < ay) != (self.y < by)) & (self.x < across)
        return np.where(inside, -field, field)

    def wave(self, y: float, height: float, width: float) -> Field:
        """A line of one sine period across the square, which goes on in the next one."""
        angle = 2 * np.pi * self.x
        slope = np.hypot(1, 2 * np.pi * height * np.cos(angle))
        field: Field = np.abs(self.y - y - height * np.sin(angle)) / slope - width / 2
        return field

    def _segment(self, ax: float, ay: float, bx: float, by: float) -> Field:
        dx, dy = bx - ax, by - ay
        along = np.clip(((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        field: Field = np.hypot(self.x - ax - along * dx, self.y - ay - along * dy)
        return field
