"""Watching and playing: a window, films, and what is drawn in them. docs/watching.md says how to use it."""

import os

# pygame greets on standard output, where the JSON of a command may be.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# Nothing here makes a sound, and Gymnasium's renderers start all of pygame: a missing device is not to be heard of.
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
# A window has the screen's own pixels, so that letters stay crisp where the system enlarges others.
os.environ.setdefault("SDL_WINDOWS_DPI_AWARENESS", "permonitorv2")
# Signals are the program's: SDL would turn SIGTERM into an event that nobody reads while a film is made.
os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
