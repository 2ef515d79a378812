"""Systems for people: their pictures at any size and between steps, and the keys that steer them."""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from arena.environments.rendering import Controls, Frame
from arena_control.sketch import Painter, Sketch
from arena_control.system import System

__all__ = ["ControlPainter", "ControlScene", "controls_of", "frames_of", "raster"]

Floats = npt.NDArray[np.float64]

#: Of one instant: the state, shape (components, 1), and what the episode has drawn, shape (parameters, 1).
ControlScene = tuple[Floats, Floats]

#: Sizes whose scenery is kept ready: a window that is dragged passes many, and shows one.
KEPT = 3


class ControlPainter:
    """An `arena.environments.rendering.Painter` of a system: a square.

    Args:
        system: what it draws.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._raster = functools.lru_cache(KEPT)(functools.partial(raster, system))
        self._turning = np.array([name.startswith("angle") for name in system.start])[:, None]

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The largest square's size."""
        side = max(1, min(width, height))
        return side, side

    def paint(
        self,
        scene: ControlScene,
        width: int,
        height: int,
        *,
        before: ControlScene | None = None,
        share: float = 1.0,
    ) -> Frame:
        """A state's picture, or that of one on the straight way to it; see `arena.environments.rendering.Painter`."""
        values, parameters = scene
        if before is not None and share < 1:
            values = self._between(before[0], values, share)
        picture: Frame = frames_of(self._system, self._raster(width), values, parameters)[0]
        return picture

    def _between(self, before: Floats, after: Floats, share: float) -> Floats:
        """Components change evenly, angles the shorter way round: some systems wrap them, as the acrobot does."""
        change = after - before
        turns = np.where(self._turning, np.rint(change / (2 * math.pi)), 0.0)
        return before + share * (change - 2 * math.pi * turns)


def controls_of(system: System) -> Controls:
    """The arrow keys of a system's actions.

    Discrete ones are told by their levels, of which the first number counts: the least is the left key's and the
    greatest the right one's. While no key is held, nothing pushes; physics goes on, so that where pushing nothing is
    no action (the cart-pole's are left and right), the first one is taken rather than that time stands still.
    Real-valued actions have no keys: whoever shows them knows what arrows and mouse are to do.
    """
    levels = system.levels
    if not len(levels):
        return Controls(idle=np.zeros(system.width, dtype=np.float32))
    first = levels[:, 0]
    names = tuple("left" if level < 0 else "right" if level > 0 else "none" for level in first)
    keys = {"left": int(first.argmin()), "right": int(first.argmax())}
    return Controls(keys, names, idle=names.index("none") if "none" in names else 0)


def raster(system: System, size: int) -> Painter:
    """What paints sketches of a system, ``size`` pixels wide and high."""
    scenery = Sketch(1)
    system.scenery(scenery, system.world)
    return Painter(size, system.view, scenery)


def frames_of(
    system: System,
    painter: Painter,
    values: Floats,
    parameters: Floats,
    out: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.uint8]:
    """Frames of n lanes.

    Args:
        system: what is drawn.
        painter: its raster.
        values: shape (components, n).
        parameters: shape (count, n).
        out: uint8, shape (n, size, size, 3), to be filled; a new one if not given.
    """
    sketch = Sketch(values.shape[1])
    system.draw(sketch, values, parameters, system.world)
    if out is None:
        out = np.empty((sketch.lanes, painter.size, painter.size, 3), dtype=np.uint8)
    return painter.paint(sketch, out)
