"""Check that a window can be opened on this machine."""

from __future__ import annotations

import os
import sys

from arena.errors import ArenaError

__all__ = ["require_display"]


def require_display(remedy: str) -> None:
    """Refuse to open a window without a display.

    Raises:
        ArenaError: there is no display; the error suggests `remedy`.
    """
    found = any(os.environ.get(name) for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"))
    if not found and sys.platform not in ("win32", "darwin"):
        raise ArenaError("there is no display to open a window on", remedy)
