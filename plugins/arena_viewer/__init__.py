"""`arena watch` and `arena play`: windows and films of agents in their environments, and the base class of overlays.

Plugins that draw overlays import what they need from here. The names are imported on first use, so that importing this
package costs nothing.

Example:
    >>> import arena_viewer
    >>> class Dot(arena_viewer.Overlay):
    ...     def draw(self, canvas, area, context):
    ...         canvas.disc(area.middle, 4, (200, 30, 30))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_viewer.drawing import BODY, LARGE, SMALL, TITLE, Area, Canvas, Point
    from arena_viewer.overlay import Overlay, OverlayContext
    from arena_viewer.panel import MOST_ROWS, ROW, action_names, bars
    from arena_viewer.player import Moment, Player
    from arena_viewer.watching import watch

_HOMES = {
    "BODY": "drawing",
    "LARGE": "drawing",
    "MOST_ROWS": "panel",
    "ROW": "panel",
    "SMALL": "drawing",
    "TITLE": "drawing",
    "Area": "drawing",
    "OverlayContext": "overlay",
    "Moment": "player",
    "Overlay": "overlay",
    "Canvas": "drawing",
    "Player": "player",
    "Point": "drawing",
    "action_names": "panel",
    "bars": "panel",
    "watch": "watching",
}

__all__ = [
    "BODY",
    "LARGE",
    "MOST_ROWS",
    "ROW",
    "SMALL",
    "TITLE",
    "Area",
    "Canvas",
    "Moment",
    "Overlay",
    "OverlayContext",
    "Player",
    "Point",
    "action_names",
    "bars",
    "watch",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena_viewer' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_viewer.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
