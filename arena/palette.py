"""Colour palette of all pictures and windows, distinguishable under every common colour blindness.

The accents are Okabe and Ito's (https://jfly.uni-koeln.de/color/) and Paul Tol's
(https://personal.sron.nl/~pault/); the scale is viridis by Smith and van der Walt
(https://bids.github.io/colormap/), in ten steps.
"""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ACCENT", "FAINT", "INK", "LINE", "PAPER", "SLATE", "WRONG", "Colour", "classes", "on_scale"]

#: Red, green and blue, each from 0 to 255.
Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (34, 38, 46)
SLATE: Colour = (98, 106, 121)
FAINT: Colour = (160, 157, 148)
LINE: Colour = (228, 224, 214)
ACCENT: Colour = (0, 114, 178)
WRONG: Colour = (198, 74, 0)

CLASSES: tuple[Colour, ...] = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0), (86, 180, 233), (204, 121, 167)),
    *((136, 34, 85), (196, 176, 24), (98, 106, 121), (51, 34, 136), (68, 170, 153), (150, 134, 118)),
)

VIRIDIS = np.array(
    [
        *((68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142)),
        *((31, 158, 137), (53, 183, 121), (110, 206, 88), (181, 222, 43), (253, 231, 37)),
    ],
    dtype=np.float64,
)


def classes(count: int) -> npt.NDArray[np.uint8]:
    """Colours for `count` classes, as distinct as possible: shape (count, 3)."""
    more = [_hue(number) for number in range(len(CLASSES), count)]
    return np.array([*CLASSES[:count], *more], dtype=np.uint8).reshape(-1, 3)


def on_scale(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Viridis colours of values, from dark blue for the smallest to yellow for the largest: shape (count, 3)."""
    values = np.asarray(values, dtype=np.float64)
    low, high = values.min(), values.max()
    place = (values - low) / ((high - low) or 1.0) * (len(VIRIDIS) - 1)
    ends = np.arange(len(VIRIDIS))
    channels = [np.interp(place, ends, VIRIDIS[:, channel]) for channel in range(3)]
    found: npt.NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return found


def _hue(number: int) -> Colour:
    """Colour number `number` of an endless series: hues a golden angle apart, alternately darker and lighter."""
    red, green, blue = colorsys.hls_to_rgb(number * 0.381966 % 1, (0.42, 0.62)[number % 2], 0.5)
    return round(red * 255), round(green * 255), round(blue * 255)
