"""Pictures of systems at any size and between steps, and the keys that steer them."""

from __future__ import annotations

import functools
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from arena.environments.rendering import Controls, Frame
from arena_control.drawing import Drawing, Rasterizer
from arena_control.engine import Floats
from arena_control.system import System

__all__ = ["ControlPainter", "ControlScene", "controls_for_system", "make_rasterizer", "render_frames"]

#: One instant: the state, shape (components, 1), and the parameters of the episode, shape (count, 1).
ControlScene: TypeAlias = tuple[Floats, Floats]

#: Number of sizes whose backgrounds are kept: a window that is resized goes through many.
KEPT_SIZES = 3


class ControlPainter:
    """Painter of a system, an `arena.environments.rendering.Painter`; its pictures are square.

    Args:
        system: the system that it draws.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._raster = functools.lru_cache(KEPT_SIZES)(functools.partial(make_rasterizer, system))
        self._turning = np.array([name.startswith("angle") for name in system.initial_state])[:, None]

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size of the largest square within ``width`` × ``height`` pixels."""
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
        """Picture of a state, or of one interpolated between two; see `arena.environments.rendering.Painter`."""
        values, parameters = scene
        if before is not None and share < 1:
            values = self._interpolate(before[0], values, share)
        picture: Frame = render_frames(self._system, self._raster(width), values, parameters)[0]
        return picture

    def _interpolate(self, before: Floats, after: Floats, share: float) -> Floats:
        """Interpolate linearly, angles the shorter way round: some systems wrap them, as the acrobot does."""
        change = after - before
        turns = np.where(self._turning, np.rint(change / (2 * math.pi)), 0.0)
        return before + share * (change - 2 * math.pi * turns)


def controls_for_system(system: System) -> Controls:
    """Arrow keys for the actions of a system.

    The left key stands for the discrete action of the smallest first level, the right key for that of the largest.
    While no key is held, the action without force is taken; where there is none (the cart-pole's actions are left and
    right), the first action, because physics goes on. Real-valued actions have no keys: the window that shows them
    maps arrows and mouse to them.
    """
    levels = system.action_levels
    if not len(levels):
        return Controls(idle=np.zeros(system.action_size, dtype=np.float32))
    first = levels[:, 0]
    names = tuple("left" if level < 0 else "right" if level > 0 else "none" for level in first)
    keys = {"left": int(first.argmin()), "right": int(first.argmax())}
    return Controls(keys, names, idle=names.index("none") if "none" in names else 0)


def make_rasterizer(system: System, size: int) -> Rasterizer:
    """Rasterizer of drawings of a system, ``size`` pixels wide and high."""
    background = Drawing(1)
    system.draw_background(background, system.constants)
    return Rasterizer(size, system.viewport, background)


def render_frames(
    system: System,
    rasterizer: Rasterizer,
    values: Floats,
    parameters: Floats,
    out: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.uint8]:
    """Images of n lanes.

    Args:
        system: the system that is drawn.
        rasterizer: a rasterizer of its drawings.
        values: states, shape (components, n).
        parameters: parameters of the episodes, shape (count, n).
        out: uint8, shape (n, size, size, 3), to be filled; None for a new array.
    """
    drawing = Drawing(values.shape[1])
    system.draw(drawing, values, parameters, system.constants)
    if out is None:
        out = np.empty((drawing.lanes, rasterizer.size, rasterizer.size, 3), dtype=np.uint8)
    return rasterizer.paint(drawing, out)
