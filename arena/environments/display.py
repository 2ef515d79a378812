"""Whether a window can be opened on this machine."""

from __future__ import annotations

import os
import sys

from arena.errors import ArenaError

__all__ = ["require_display"]


def require_display(remedy: str) -> None:
    """Raises an error where no window can be opened.

    Args:
        remedy: what to do instead.

    Raises:
        ArenaError: there is no display.
    """
    if os.environ.get("SDL_VIDEODRIVER") or sys.platform in ("win32", "darwin"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ArenaError("there is no display to open a window on", remedy)
