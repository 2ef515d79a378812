"""Whether there is a screen, and pygame made ready for it, or for none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from arena.display import require_display
from arena.errors import ArenaError

__all__ = ["RECORD", "headless", "open_display"]

#: What to do where there is none.
RECORD = "give --record FILE.mp4 (or .gif, .png), which needs no display"


def open_display(remedy: str = RECORD) -> None:
    """Makes pygame ready to open windows; sound is never touched, so that no missing device is heard of.

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
    ):  # SDL's last resort: nobody would see it
        pygame.display.quit()
        raise ArenaError(f"the display {os.environ.get('DISPLAY', '')} cannot be reached", remedy)
    pygame.key.set_repeat(300, 60)


@contextlib.contextmanager
def headless() -> Iterator[None]:
    """While something is drawn without a window: Gymnasium's renderers start a display, and none is looked for."""
    given = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = given or "dummy"
    try:
        yield
    finally:
        if given is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = given
