"""Picture of an environment: by its painter, from rendered frames, or the observation as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.palette import ACCENT, FAINT, LINE, SLATE
from arena_viewer.drawing import SMALL, Area, Canvas
from arena_viewer.player import CompressedFrame, Moment, Player
from arena_viewer.sdl import pygame

__all__ = ["draw_world", "flat_numbers"]

#: Frames with fewer pixels on a side are enlarged without interpolation.
SMALL_FRAME = 128

#: The largest number of bars of an observation.
MOST_NUMBERS = 32


def draw_world(
    canvas: Canvas,
    area: Area,
    player: Player,
    moment: Moment,
    before: Moment | None = None,
    share: float = 1.0,
) -> Area:
    """Draws a player's environment at a moment.

    Args:
        canvas: canvas in points.
        area: available area.
        player: player of the environment.
        moment: moment to draw.
        before: the moment before, for interpolation.
        share: fraction of time from `before` to `moment`.

    Returns:
        The picture's area.
    """
    if player.painter is not None:
        room = canvas.pixels(area)
        width, height = player.painter.fit(max(1, room.width), max(1, room.height))
        frame = player.painter.paint(
            moment.scene, width, height, before=None if before is None else before.scene, share=share
        )
        if width > room.width or height > room.height:  # more cells than pixels
            return canvas.picture(area, frame)
        box = pygame.Rect(0, 0, width, height)
        box.center = room.center
        canvas.surface.blit(pygame.image.frombuffer(frame.data, (width, height), "RGB"), box)
        place = canvas.points(box)
    elif isinstance(moment.scene, CompressedFrame):
        frame = moment.scene.frame()
        place = canvas.picture(area, frame, smooth=max(frame.shape[:2]) >= SMALL_FRAME)
    else:
        return _numbers(canvas, area, moment)
    edge = (
        max(1, round(canvas.scale)) / canvas.scale
    )  # whole pixels, so that none of the picture's is covered
    canvas.frame(Area(place.x - edge, place.y - edge, place.width + 2 * edge, place.height + 2 * edge), LINE)
    return place


def _numbers(canvas: Canvas, area: Area, moment: Moment) -> Area:
    """Draws an observation without a picture as bars."""
    canvas.fill(area, (255, 255, 255))
    canvas.frame(area, LINE)
    inner = area.inset(24)
    canvas.text((inner.x, inner.y + 8), "no picture: the observation", SMALL, SLATE)
    numbers = flat_numbers(moment.observation)
    shown = numbers[:MOST_NUMBERS]
    top, pitch = inner.y + 34, min(26.0, (inner.height - 50) / max(1, len(shown)))
    largest = max(1e-9, float(np.abs(shown[np.isfinite(shown)]).max(initial=0)))
    middle = inner.x + 60 + (inner.width - 140) / 2
    for place, number in enumerate(shown.tolist()):
        y = top + pitch * (place + 0.5)
        canvas.text((inner.x, y), f"{place}", SMALL, FAINT)
        length = (number / largest if math.isfinite(number) else 0.0) * (inner.width - 140) / 2
        canvas.fill(
            Area(min(middle, middle + length), y - pitch * 0.3, abs(length), pitch * 0.6), ACCENT, 0.8
        )
        canvas.text((inner.right, y), f"{number:.4g}", SMALL, SLATE, align="right")
    if len(numbers) > len(shown):
        y = top + pitch * (len(shown) + 0.6)
        canvas.text((inner.x, y), f"… and {len(numbers) - len(shown):,} more", SMALL, FAINT)
    return area


def flat_numbers(value: Any) -> npt.NDArray[np.float64]:
    """An observation or an action as a row of numbers; text counts as none."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return np.concatenate([np.zeros(0), *map(flat_numbers, value)])
    try:
        return np.asarray(value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        return np.zeros(0)
