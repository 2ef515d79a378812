"""Watching and playing: a window, films, and what is drawn in them. docs/watching.md says how to use it."""

import os

# pygame greets on standard output, where the JSON of a command may be.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
