"""What keys do: one table for the window, for the list that `?` shows, and for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena_viewer.overlay import Shown
from arena_viewer.playback import Show

if TYPE_CHECKING:
    from arena_viewer.window import Window

__all__ = ["KEYS", "TAKEN", "TIME", "Key", "sheet"]


@dataclass(frozen=True)
class Key:
    """A key of the window.

    Attributes:
        names: pygame's names of the keys that do it.
        label: how the list calls them.
        meaning: what it does.
        act: does it.
        repeats: whether it is done again and again while the key is held.
    """

    names: tuple[str, ...]
    label: str
    meaning: str
    act: Callable[[Window, Show], None]
    repeats: bool = False


#: What moves time. Where a person plays, time and episodes are theirs.
TIME = (
    Key(("space",), "space", "pause, resume", lambda window, show: show.pause()),
    Key(("right",), "→", "step forward", lambda window, show: show.forward(), True),
    Key(("left",), "←", "step back", lambda window, show: show.back(), True),
    Key(("up",), "↑", "faster", lambda window, show: show.faster(1), True),
    Key(("down",), "↓", "slower", lambda window, show: show.faster(-1), True),
    Key(("home",), "home", "jump to the first step", lambda window, show: show.seek(show.first)),
    Key(("end",), "end", "jump to the latest step", lambda window, show: show.seek(show.newest)),
    Key(("n", "page down"), "n", "next episode", lambda window, show: show.go_to(show.episode + 1)),
    Key(("p", "page up"), "p", "previous episode", lambda window, show: show.go_to(show.episode - 1)),
    Key(("]", "."), "]", "next checkpoint", lambda window, show: show.checkpoint(1)),
    Key(("[", ","), "[", "previous checkpoint", lambda window, show: show.checkpoint(-1)),
)

#: In the order of the list. "?" is what the key types, whatever the keyboard's layout.
KEYS = (
    *TIME,
    Key(("o",), "o", "all overlays on, or off", lambda window, show: window.all_overlays()),
    Key(("s",), "s", "save a screenshot", lambda window, show: window.screenshot()),
    Key(("r",), "r", "record a film: start, stop", lambda window, show: window.record()),
    Key(("=", "+"), "+", "zoom in", lambda window, show: window.zoom(1), True),
    Key(("-",), "−", "zoom out", lambda window, show: window.zoom(-1), True),
    Key(("f", "f11"), "f", "full screen on, off", lambda window, show: window.whole_screen()),
    Key(("?", "h", "f1"), "?", "these keys", lambda window, show: window.help()),
    Key(("escape",), "esc", "close", lambda window, show: window.escape()),
)

#: Letters that no overlay can have.
TAKEN = "".join(name for key in KEYS for name in key.names if len(name) == 1)


def sheet(overlays: Sequence[Shown], keys: Sequence[Key] = KEYS) -> list[tuple[str, str]]:
    """The lines of the list of keys: a label and a meaning each."""
    own = [(key.label, key.meaning) for key in keys]
    return [*own, *((shown.key, shown.title) for shown in overlays if shown.key)]
