"""Sprites: pictures of tiles and of the walker at any size, drawn once for each size."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from arena_gridworld.observation.canvas import Canvas
from arena_gridworld.observation.styles import PALETTE, WALKER, TileStyle, mix, tile_style

__all__ = ["GLYPHS", "SMALLEST_GLYPH", "SMALLEST_MARK", "sprite", "walker_sprite"]

#: Smallest tile size, in pixels, at which tiles have pictures. Smaller tiles have one or two colours, and one below
#: `SMALLEST_MARK`, where letters and directions are not shown.
SMALLEST_GLYPH = 6
SMALLEST_MARK = 3

#: Smallest tile size, in pixels, at which floors have grid lines and walls have bricks.
SMALLEST_LINE = 8

Picture = npt.NDArray[np.uint8]


@functools.lru_cache(maxsize=256)
def sprite(name: str, size: int, walker: bool = False) -> Picture:
    """Picture of a tile.

    Args:
        name: name of the tile in `arena_gridworld.tiles.TILES`.
        size: side of the tile, in pixels.
        walker: whether the walker is on it.

    Returns:
        uint8, shape (size, size, 3), read-only.
    """
    look = tile_style(name)
    if size < SMALLEST_GLYPH:
        picture = np.full((size, size, 3), WALKER if walker else look.solid, dtype=np.uint8)
        if size >= SMALLEST_MARK and not walker:
            _mark(picture, look)
    else:
        canvas = Canvas(size, look.ground)
        _gridline(canvas, look)
        canvas.turn(look.turns)
        GLYPHS[look.glyph](canvas, look)
        canvas.turn(-look.turns)
        if walker:
            _walker(canvas)
        picture = canvas.pixels()
    picture.setflags(write=False)
    return picture


@functools.lru_cache(maxsize=16)
def walker_sprite(size: int) -> npt.NDArray[np.float32]:
    """Picture of the walker alone, without a tile.

    Args:
        size: side of a tile, in pixels.

    Returns:
        float32, shape (size, size, 4), read-only: red, green and blue from 0 to 255, multiplied by the opacity, and the
        opacity from 0 to 1.
    """
    picture = np.ones((size, size, 4), dtype=np.float32)
    if size < SMALLEST_GLYPH:
        picture[..., :3] = WALKER
    else:
        grounds = [Canvas(size, PALETTE["white"]), Canvas(size, (0, 0, 0))]
        for canvas in grounds:
            _walker(canvas)
        # What a white ground shows more than a black one is ground, not walker.
        light, picture[..., :3] = (canvas.pixels() for canvas in grounds)
        picture[..., 3] -= (light[..., 0] - picture[..., 0]) / 255
    picture.setflags(write=False)
    return picture


def _mark(picture: Picture, look: TileStyle) -> None:
    """Draw a tile of a few pixels: a rim and a center, or a direction."""
    dark = mix(look.ink, PALETTE["abyss"], 0.55)
    marks = {
        "key": (look.ground, look.ink),
        "token": (look.ground, look.ink),
        "door": (dark, look.ink),
        "door_open": (dark, look.ground),
        "portal": (look.ink, PALETTE["abyss" if look.second else "white"]),
    }
    if look.glyph in marks:
        picture[:], picture[1:-1, 1:-1] = marks[look.glyph]
    elif look.glyph == "arrow":
        picture[:] = look.ground
        up = np.rot90(
            picture, look.turns
        )  # a view: what is up in it lies `turns` quarter turns clockwise of up
        up[0, 1:-1] = up[1:-1, 1:-1] = look.ink


def _gridline(canvas: Canvas, look: TileStyle) -> None:
    """Draw a faint line of whole pixels along the top and the left."""
    if canvas.size < SMALLEST_LINE or look.ground not in (PALETTE["paper"], PALETTE["breeze"]):
        return
    width = max(1, round(canvas.size / 48)) * canvas.pixel
    colour = mix(PALETTE["line"], look.ground, 0.0 if look.ground == PALETTE["paper"] else 0.35)
    canvas.fill(np.minimum(canvas.x, canvas.y) - width, colour)


def _walker(canvas: Canvas) -> None:
    rim = max(0.07, canvas.pixel)
    canvas.fill(canvas.disc(0.5, 0.5, 0.34 + rim), PALETTE["white"])
    canvas.fill(canvas.disc(0.5, 0.5, 0.34), WALKER)
    if canvas.size >= 12:
        for x in (0.4, 0.6):
            canvas.fill(canvas.box(x - 0.045, 0.38, x + 0.045, 0.54, 0.045), PALETTE["white"])


def _floor(canvas: Canvas, look: TileStyle) -> None:
    pass


def _bricks(canvas: Canvas, look: TileStyle) -> None:
    if canvas.size < SMALLEST_LINE:
        return
    unit = max(1, round(canvas.size / 24)) * canvas.pixel
    half = round(canvas.size / 2) * canvas.pixel
    quarter, three = (round(canvas.size * share) * canvas.pixel for share in (0.25, 0.75))
    canvas.fill(canvas.box(0, 1 - unit, 1, 1), look.ink)
    canvas.fill(canvas.box(0, half - unit, 1, half), look.ink)
    canvas.fill(canvas.box(three - unit, 0, three, half - unit), look.ink)
    canvas.fill(canvas.box(quarter - unit, half, quarter, 1 - unit), look.ink)


def _start(canvas: Canvas, look: TileStyle) -> None:
    canvas.fill(canvas.ring(0.5, 0.5, 0.28, max(0.08, canvas.pixel)), look.ink)
    canvas.fill(canvas.disc(0.5, 0.5, 0.09), look.ink)


def _flag(canvas: Canvas, look: TileStyle) -> None:
    canvas.fill(canvas.line(((0.34, 0.2), (0.34, 0.82)), 0.075), look.ink)
    canvas.fill(canvas.polygon(((0.34, 0.17), (0.78, 0.35), (0.34, 0.53))), look.ink)


def _edge(canvas: Canvas, look: TileStyle) -> None:
    """Draw the edge of a cliff."""
    teeth = ((0.0, 0.2), (0.17, 0.34), (0.36, 0.22), (0.55, 0.42), (0.75, 0.24), (0.9, 0.33), (1.0, 0.2))
    below = [(x, y + 0.16) for x, y in teeth]
    for points, colour in ((below, mix(look.ink, look.ground, 0.65)), (teeth, look.ink)):
        canvas.fill(
            canvas.polygon(((-1, -1), (-1, points[0][1]), *points, (2, points[-1][1]), (2, -1))), colour
        )


def _waves(canvas: Canvas, look: TileStyle) -> None:
    for y in (0.32, 0.68):
        canvas.fill(canvas.wave(y, 0.08, 0.1), look.ink)


def _glint(canvas: Canvas, look: TileStyle) -> None:
    for points in (((0.2, 0.56), (0.56, 0.2)), ((0.32, 0.78), (0.46, 0.64)), ((0.58, 0.52), (0.78, 0.32))):
        canvas.fill(canvas.line(points, 0.08), look.ink)


def _arrow(canvas: Canvas, look: TileStyle) -> None:
    """Draw an arrow for weak wind, two or three chevrons for stronger wind."""
    width = max(0.09, 0.9 * canvas.pixel)
    if look.level < 2:
        canvas.fill(canvas.line(((0.5, 0.3), (0.5, 0.8)), width), look.ink)
        canvas.fill(canvas.line(((0.27, 0.46), (0.5, 0.23), (0.73, 0.46)), width), look.ink)
        return
    count = min(look.level, 3)
    for step in range(count):
        tip = 0.5 + 0.25 * (step - (count - 1) / 2) - 0.1
        canvas.fill(canvas.line(((0.27, tip + 0.22), (0.5, tip), (0.73, tip + 0.22)), width), look.ink)


def _key(canvas: Canvas, look: TileStyle) -> None:
    dark = mix(look.ink, PALETTE["abyss"], 0.15)
    canvas.fill(canvas.disc(0.33, 0.5, 0.2) if look.second else canvas.ring(0.33, 0.5, 0.14, 0.11), dark)
    canvas.fill(canvas.line(((0.47, 0.5), (0.82, 0.5)), 0.11), dark)
    for x in (0.66, 0.8):
        canvas.fill(canvas.line(((x, 0.5), (x, 0.66)), 0.09), dark)


def _door(canvas: Canvas, look: TileStyle) -> None:
    dark = mix(look.ink, PALETTE["abyss"], 0.55)
    canvas.fill(canvas.box(0.08, 0.04, 0.92, 1.0, 0.06), dark)
    canvas.fill(canvas.box(0.18, 0.14, 0.82, 1.0), look.ink)
    canvas.fill(canvas.disc(0.68, 0.56, 0.07), dark)
    if look.second:
        canvas.fill(canvas.box(0.32, 0.24, 0.68, 0.44), PALETTE["paper"])


def _door_open(canvas: Canvas, look: TileStyle) -> None:
    dark = mix(look.ink, PALETTE["abyss"], 0.55)
    canvas.fill(canvas.box(0.08, 0.04, 0.92, 1.0, 0.06), dark)
    canvas.fill(canvas.box(0.18, 0.14, 0.82, 1.0), look.ground)
    canvas.fill(canvas.polygon(((0.18, 0.14), (0.36, 0.24), (0.36, 0.92), (0.18, 1.0))), look.ink)


def _portal(canvas: Canvas, look: TileStyle) -> None:
    canvas.fill(canvas.box(0.14, 0.14, 0.86, 0.86) if look.second else canvas.disc(0.5, 0.5, 0.38), look.ink)
    if canvas.size < 12:
        canvas.fill(canvas.disc(0.5, 0.5, 0.17), PALETTE["white"])
        return
    canvas.fill(canvas.ring(0.5, 0.5, 0.24, 0.08), PALETTE["white"])
    canvas.fill(canvas.disc(0.5, 0.5, 0.1), PALETTE["white"])


def _token(canvas: Canvas, look: TileStyle) -> None:
    canvas.fill(canvas.polygon(((0.5, 0.16), (0.84, 0.5), (0.5, 0.84), (0.16, 0.5))), look.ink)
    canvas.fill(canvas.disc(0.5, 0.5, 0.05 * (look.level + 1)), look.ground)


#: Function that draws each glyph.
GLYPHS: dict[str, Callable[[Canvas, TileStyle], None]] = {
    "floor": _floor,
    "bricks": _bricks,
    "start": _start,
    "flag": _flag,
    "edge": _edge,
    "waves": _waves,
    "glint": _glint,
    "arrow": _arrow,
    "key": _key,
    "door": _door,
    "door_open": _door_open,
    "portal": _portal,
    "token": _token,
}
