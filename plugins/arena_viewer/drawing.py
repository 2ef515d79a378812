"""Drawing on a surface, sharp at any scale: lengths are in points, of `scale` pixels each.

Nothing here needs a display. Shapes are anti-aliased by drawing them larger and shrinking them; what is drawn again
and again (letters, rounded boxes, arrows) is kept.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from importlib import resources
from typing import Any, Literal, NamedTuple

import numpy.typing as npt

from arena.palette import INK, Colour
from arena_viewer.sdl import pygame

__all__ = ["BODY", "LARGE", "SMALL", "TITLE", "Area", "Canvas"]

#: Sizes of type, in points.
SMALL, BODY, TITLE, LARGE = 11.0, 13.0, 16.0, 26.0

#: Factor by which shapes are drawn larger before they are shrunk.
FINE = 4

#: Diameter of a walker's circle, as a share of its cell's width.
ROUND = 0.82

#: The largest number of pictures that are cached.
KEPT = 512

Point = tuple[float, float]


class Area(NamedTuple):
    """A rectangle in points; y points downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    @property
    def middle(self) -> Point:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2

    def inset(self, by: float) -> Area:
        """The rectangle, smaller by a margin on every side."""
        return Area(self.x + by, self.y + by, max(0.0, self.width - 2 * by), max(0.0, self.height - 2 * by))

    def holds(self, point: Point) -> bool:
        """Whether a point lies in the rectangle."""
        return self.x <= point[0] < self.right and self.y <= point[1] < self.bottom

    def cell(self, row: float, column: float, rows: int, columns: int) -> Area:
        """One of the equal cells of a grid; rows and columns may be fractions."""
        width, height = self.width / columns, self.height / rows
        return Area(self.x + column * width, self.y + row * height, width, height)


class Canvas:
    """Draws on a surface.

    Args:
        surface: surface on which to draw.
        scale: pixels per point.
    """

    def __init__(self, surface: pygame.Surface, scale: float = 1.0) -> None:
        self.surface, self.scale = surface, scale

    @property
    def area(self) -> Area:
        """The whole surface."""
        width, height = self.surface.get_size()
        return Area(0, 0, width / self.scale, height / self.scale)

    def fill(self, area: Area, colour: Colour, opacity: float = 1.0, radius: float = 0.0) -> None:
        """Draws a filled box with rounded corners."""
        box = self.pixels(area)
        corner = min(round(radius * self.scale), min(box.size) // 2)
        if opacity >= 1 and corner <= 0:
            self.surface.fill(colour, box)
        elif box.width > 0 and box.height > 0:
            self.surface.blit(_rounded(box.size, max(corner, 0), (*colour, round(255 * opacity))), box)

    def frame(self, area: Area, colour: Colour, width: float = 1.0) -> None:
        """Draws the outline of a box, inside of it."""
        pygame.draw.rect(self.surface, colour, self.pixels(area), max(1, round(width * self.scale)))

    def text(
        self,
        at: Point,
        text: str,
        size: float = BODY,
        colour: Colour = INK,
        *,
        bold: bool = False,
        align: Literal["left", "centre", "right"] = "left",
        room: float = math.inf,
    ) -> float:
        """Draws a line of text, vertically centered at a point; dots replace the end of a text that is too long.

        Returns:
            The width in points.
        """
        height = max(1, round(size * self.scale))
        text = _fitting(text, height, bold, room * self.scale)
        drawn = _letters(text, height, bold, colour)
        width = drawn.get_width() / self.scale
        left = at[0] - {"left": 0.0, "centre": width / 2, "right": width}[align]
        top = at[1] * self.scale - drawn.get_height() / 2
        self.surface.blit(drawn, (round(left * self.scale), round(top)))
        return width

    def width_of(self, text: str, size: float = BODY, bold: bool = False) -> float:
        """Width of a line of text, in points."""
        return _font(max(1, round(size * self.scale)), bold).size(text)[0] / self.scale

    def line(self, points: Sequence[Point], colour: Colour, width: float = 1.5) -> None:
        """Draws a line through points."""
        ends = [(x * self.scale, y * self.scale) for x, y in points]
        thick = max(1, round(width * self.scale))
        for start, end in itertools.pairwise(ends):
            pygame.draw.aaline(self.surface, colour, start, end, thick)

    def shape(
        self, area: Area, points: Sequence[Point], colour: Colour, opacity: float = 1.0, turn: float = 0.0
    ) -> None:
        """Draws a filled polygon.

        Args:
            area: rectangle of the polygon.
            points: corners, as shares of the area's width and height.
            colour: fill colour.
            opacity: from 0 (invisible) to 1.
            turn: rotation about the middle of a square area, in degrees clockwise.
        """
        box = self.pixels(area)
        if box.width > 0 and box.height > 0:
            tint = (*colour, round(255 * opacity))
            self.surface.blit(_polygon(box.size, tuple(points), tint, round(turn) % 360), box)

    def disc(self, at: Point, radius: float, colour: Colour, opacity: float = 1.0) -> None:
        """Draws a filled circle."""
        side = 2 * radius
        circle = tuple(
            (0.5 + math.cos(angle) / 2, 0.5 + math.sin(angle) / 2)
            for angle in (2 * math.pi * corner / 48 for corner in range(48))
        )
        self.shape(Area(at[0] - radius, at[1] - radius, side, side), circle, colour, opacity)

    def picture(self, area: Area, pixels: npt.NDArray[Any], smooth: bool = True) -> Area:
        """Draws a picture as large as possible in an area, with its proportions.

        Args:
            area: where to.
            pixels: uint8, shape (height, width, 3).
            smooth: whether to interpolate an enlarged picture; else pixels become squares, of one size if possible.

        Returns:
            The picture's rectangle, on whole pixels.
        """
        height, width = pixels.shape[:2]
        room = self.pixels(area)
        share = min(room.width / width, room.height / height)
        if share > 1 and not smooth:
            share = math.floor(share)
        size = max(1, round(width * share)), max(1, round(height * share))
        drawn = surface_of(pixels)
        if size != (width, height):
            scaled = pygame.transform.scale if share > 1 and not smooth else pygame.transform.smoothscale
            drawn = scaled(drawn, size)
        box = drawn.get_rect(center=room.center)
        self.surface.blit(drawn, box)
        return self.points(box)

    def stretch(self, area: Area, pixels: npt.NDArray[Any], *, multiply: bool = False) -> None:
        """Draws pixels over a whole area, each pixel as a rectangle.

        Args:
            area: where to.
            pixels: uint8, shape (height, width, 3).
            multiply: whether to multiply with the existing colours: white leaves them, black makes them black.
        """
        box = self.pixels(area)
        flags = pygame.BLEND_MULT if multiply else 0
        self.surface.blit(pygame.transform.scale(surface_of(pixels), box.size), box, special_flags=flags)

    def copied(self, area: Area) -> Callable[[Area], None]:
        """Copies an area, so that parts of it can be restored after something has been drawn over them.

        Returns:
            A function that restores the copy within the circle inside a square.
        """
        box = self.pixels(area).clip(self.surface.get_rect())
        if not box:  # a window too small for it
            return lambda part: None
        plain = self.surface.subsurface(box).copy()

        def show(part: Area) -> None:
            square = self.pixels(part)
            side = max(1, round(min(square.size) * ROUND))
            hole = pygame.Rect(0, 0, side, side)
            hole.center = square.center
            patch = pygame.Surface(hole.size, pygame.SRCALPHA)
            patch.blit(plain, (box.x - hole.x, box.y - hole.y))
            circle = _disc(side, (255, 255, 255, 255))
            patch.blit(circle, (0, 0), special_flags=pygame.BLEND_RGBA_MULT)
            self.surface.blit(patch, hole)

        return show

    def kept(self, key: Hashable, area: Area, draw: Callable[[Canvas, Area], None]) -> None:
        """Draws a picture once, and copies it from then on as long as its key is the same.

        Args:
            key: identity of the picture's content; sizes and scale are added.
            area: where to.
            draw: draws the picture with the given canvas, on a transparent surface of that size.
        """
        box = self.pixels(area)
        if box.width <= 0 or box.height <= 0:
            return
        whole = (key, box.size, self.scale)
        layer = _layers.get(whole)
        if layer is None:
            layer = pygame.Surface(box.size, pygame.SRCALPHA)
            draw(Canvas(layer, self.scale), Area(0, 0, box.width / self.scale, box.height / self.scale))
            while _layers and sum(map(_bytes, [layer, *_layers.values()])) > LAYERS:
                _layers.pop(next(iter(_layers)))
            _layers[whole] = layer
        self.surface.blit(layer, box)

    def pixels(self, area: Area) -> pygame.Rect:
        """An area rounded to whole pixels, so that adjacent areas stay adjacent."""
        left, top = round(area.x * self.scale), round(area.y * self.scale)
        return pygame.Rect(
            left, top, round(area.right * self.scale) - left, round(area.bottom * self.scale) - top
        )

    def points(self, box: pygame.Rect) -> Area:
        """A rectangle of whole pixels in points."""
        return Area(*(side / self.scale for side in box))


#: Cache of `Canvas.kept`, the oldest entry first, and its largest size in bytes.
_layers: dict[Hashable, pygame.Surface] = {}
LAYERS = 128 << 20


def _bytes(surface: pygame.Surface) -> int:
    width, height = surface.get_size()
    return 4 * width * height


def surface_of(pixels: npt.NDArray[Any]) -> pygame.Surface:
    """Pixels as a surface: uint8, shape (height, width, 3)."""
    height, width = pixels.shape[:2]
    return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB")


def _rounded(size: tuple[int, int], radius: int, colour: tuple[int, int, int, int]) -> pygame.Surface:
    """Draws a box with rounded, anti-aliased corners; not cached, because windows have many sizes."""
    drawn = pygame.Surface(size, pygame.SRCALPHA)
    drawn.fill(colour)
    if not radius:
        return drawn
    disc = _disc(2 * radius, colour)
    for x, left in ((0, 0), (size[0] - radius, radius)):
        for y, top in ((0, 0), (size[1] - radius, radius)):
            drawn.fill((0, 0, 0, 0), (x, y, radius, radius))
            drawn.blit(disc, (x, y), (left, top, radius, radius))
    return drawn


@functools.lru_cache(maxsize=KEPT)
def _disc(side: int, colour: tuple[int, int, int, int]) -> pygame.Surface:
    large = pygame.Surface((side * FINE, side * FINE), pygame.SRCALPHA)
    large.fill((*colour[:3], 0))  # its own colour, so that edges are not dark
    pygame.draw.circle(large, colour, (side * FINE / 2, side * FINE / 2), side * FINE / 2)
    return pygame.transform.smoothscale(large, (side, side))


@functools.lru_cache(maxsize=KEPT)
def _polygon(
    size: tuple[int, int], points: tuple[Point, ...], colour: tuple[int, int, int, int], turn: int
) -> pygame.Surface:
    large = pygame.Surface((size[0] * FINE, size[1] * FINE), pygame.SRCALPHA)
    large.fill((*colour[:3], 0))  # its own colour, so that edges are not dark
    sine, cosine = math.sin(math.radians(turn)), math.cos(math.radians(turn))
    turned = [
        (0.5 + (x - 0.5) * cosine - (y - 0.5) * sine, 0.5 + (x - 0.5) * sine + (y - 0.5) * cosine)
        for x, y in points
    ]
    pygame.draw.polygon(large, colour, [(x * size[0] * FINE, y * size[1] * FINE) for x, y in turned])
    return pygame.transform.smoothscale(large, size)


@functools.lru_cache(maxsize=2 * KEPT)
def _letters(text: str, height: int, bold: bool, colour: Colour) -> pygame.Surface:
    return _font(height, bold).render(text, True, colour)


@functools.lru_cache(maxsize=2 * KEPT)
def _fitting(text: str, height: int, bold: bool, room: float) -> str:
    """A text cut to a number of pixels, with dots at the end if it was longer."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    font = _font(height, bold)
    if font.size(text)[0] <= room:
        return text
    while text and font.size(text + "…")[0] > room:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""


def _font(height: int, bold: bool) -> pygame.font.Font:
    try:
        _loaded(height, bold).get_height()
    except pygame.error:  # Gymnasium's environments end all of pygame when they are closed
        _loaded.cache_clear()
    return _loaded(height, bold)


@functools.cache
def _loaded(height: int, bold: bool) -> pygame.font.Font:
    pygame.font.init()
    name = "Inter-SemiBold.otf" if bold else "Inter-Regular.otf"
    with resources.as_file(resources.files("arena_viewer") / "fonts" / name) as path:
        return pygame.font.Font(path, height)
