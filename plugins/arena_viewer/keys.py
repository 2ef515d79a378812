"""The table of keys and commands: for the window, for the list of keys that `?` shows, and for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena_viewer.overlay import OverlaySwitch

__all__ = ["KEYS", "TAKEN", "TIME", "Key", "sheet"]


@dataclass(frozen=True)
class Key:
    """A key of the window.

    Attributes:
        names: pygame's names of the keys that give the command.
        label: their name in the list of keys.
        meaning: description in the list of keys.
        command: name of the command, which `arena_viewer.window` executes.
        repeats: whether the command repeats while the key is held.
    """

    names: tuple[str, ...]
    label: str
    meaning: str
    command: str
    repeats: bool = False


#: The keys that control time. While a person plays, they are not available.
TIME = (
    Key(("space",), "space", "pause, resume", "pause"),
    Key(("right",), "→", "step forward", "step-forward", True),
    Key(("left",), "←", "step back", "step-back", True),
    Key(("up",), "↑", "faster", "faster", True),
    Key(("down",), "↓", "slower", "slower", True),
    Key(("home",), "home", "jump to the first step", "first-step"),
    Key(("end",), "end", "jump to the latest step", "latest-step"),
    Key(("n", "page down"), "n", "next episode", "next-episode"),
    Key(("p", "page up"), "p", "previous episode", "previous-episode"),
    Key(("]", "."), "]", "next checkpoint", "next-checkpoint"),
    Key(("[", ","), "[", "previous checkpoint", "previous-checkpoint"),
)

#: All keys, in the order of the list. "?" is the typed character, whatever the keyboard's layout.
KEYS = (
    *TIME,
    Key(("o",), "o", "all overlays on, off", "all-overlays"),
    Key(("s",), "s", "save a screenshot", "screenshot"),
    Key(("r",), "r", "record a film: start, stop", "record"),
    Key(("=", "+"), "+", "zoom in", "zoom-in", True),
    Key(("-",), "−", "zoom out", "zoom-out", True),
    Key(("f", "f11"), "f", "full screen on, off", "full-screen"),
    Key(("?", "h", "f1"), "?", "show or hide this list", "help"),
    Key(("escape",), "esc", "close", "escape"),
)

#: Characters that no overlay can have as its key.
TAKEN = "".join(name for key in KEYS for name in key.names if len(name) == 1)


def sheet(overlays: Sequence[OverlaySwitch], keys: Sequence[Key] = KEYS) -> list[tuple[str, str]]:
    """Lines of the list of keys: a label and a meaning each."""
    own = [(key.label, key.meaning) for key in keys]
    return [*own, *((shown.key, shown.title) for shown in overlays if shown.key)]
