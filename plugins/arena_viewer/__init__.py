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

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena_viewer.drawing import BODY, LARGE, SMALL, TITLE, Area, Canvas, Point
    from arena_viewer.overlay import Overlay, OverlayContext
    from arena_viewer.panel import MOST_ROWS, ROW, action_names, bars
    from arena_viewer.player import Moment, Player
    from arena_viewer.watching import watch

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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".drawing": ["Area", "BODY", "Canvas", "LARGE", "Point", "SMALL", "TITLE"],
        ".overlay": ["Overlay", "OverlayContext"],
        ".panel": ["MOST_ROWS", "ROW", "action_names", "bars"],
        ".player": ["Moment", "Player"],
        ".watching": ["watch"],
    },
)
