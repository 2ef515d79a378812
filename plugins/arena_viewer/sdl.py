"""pygame, imported with the settings of SDL that the viewer needs; import it from here, not directly."""

import os

# pygame would print a greeting into the JSON of a command.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# The viewer makes no sound, but Gymnasium's renderers start all of pygame, which warns where there is no sound device.
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
# A window has the screen's own pixels, so that text stays sharp where the system enlarges windows.
os.environ.setdefault("SDL_WINDOWS_DPI_AWARENESS", "permonitorv2")
# SDL would turn SIGTERM into an event, which is not read while a film is made.
os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")

import pygame

__all__ = ["pygame"]
