"""Preparation of pygame for windows, or for drawing without a display."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from arena.environments.display import require_display
from arena.errors import ArenaError

__all__ = ["RECORD", "headless", "open_display"]

#: Remedy for a missing display.
RECORD = "give --record FILE.mp4 (or .gif, .png), which needs no display"


def open_display(remedy: str = RECORD) -> None:
    """Prepares pygame for windows; sound stays off, so that a missing sound device causes no warning.

    Raises:
        ArenaError: the display cannot be used.
    """
    require_display(remedy)
    from arena_viewer.sdl import pygame

    given = os.environ.get("SDL_VIDEODRIVER")
    try:
        pygame.display.init()
    except pygame.error as error:
        raise ArenaError(f"no window can be opened: {error}", remedy) from error
    if not given and pygame.display.get_driver() in (
        "dummy",
        "offscreen",
    ):  # SDL's last resort, a screen that cannot be seen
        pygame.display.quit()
        raise ArenaError(f"the display {os.environ.get('DISPLAY', '')} cannot be reached", remedy)
    pygame.key.set_repeat(300, 60)


@contextlib.contextmanager
def headless() -> Iterator[None]:
    """Lets Gymnasium's renderers, which start a display, draw on a machine without one."""
    given = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = given or "dummy"
    try:
        yield
    finally:
        if given is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = given
