"""Every key has one meaning, and no overlay takes it."""

from types import SimpleNamespace

import pytest

from arena.plugins.discovery import Plugins, use_plugins
from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import OverlaySpec
from arena_viewer.keys import KEYS, TAKEN, sheet
from arena_viewer.overlay import Overlay, load_overlays
from arena_viewer.window import commands_of


def contributed(*keys):
    """Overlays as plugins contribute them, by their keys."""
    specs = [
        OverlaySpec(name=f"o{i}", summary="s", target=f"{Overlay.__module__}:Overlay", key=key)
        for i, key in enumerate(keys)
    ]
    module = SimpleNamespace(arena_overlays=hookimpl(lambda: specs))
    with use_plugins(Plugins(extra={"overlays": module}, installed=False)):
        return load_overlays(TAKEN)


def test_a_key_belongs_to_one_meaning():
    names = [name for key in KEYS for name in key.names]
    labels = [key.label for key in KEYS]
    assert len(names) == len(set(names)) and len(labels) == len(set(labels))
    assert [label for label, _ in sheet([])] == labels and all(meaning for _, meaning in sheet([]))


@pytest.mark.parametrize("keys", [("s", "o", "f", "r"), ("v", "v", "v"), ("e", "", "n", "1", "e", "1")])
def test_overlays_never_take_a_key_that_is_taken(keys):
    shown = contributed(*keys)
    given = [overlay.key for overlay in shown]
    assert len(given) == len(keys) == len(set(given)) and not set(given) & set(TAKEN)
    assert all(key == got or got.isdigit() for key, got in zip(keys, given, strict=True))
    lines = [label for label, _ in sheet(shown)]
    assert len(lines) == len(set(lines)) == len(KEYS) + len(keys)


def test_with_no_digit_left_an_overlay_has_no_key():
    shown = contributed(*["s"] * 12)
    assert [overlay.key for overlay in shown] == [*"123456789", "", "", ""]
    assert len(sheet(shown)) == len(KEYS) + 9


def test_every_key_names_a_command_that_acts():
    calls = []

    class Anything:
        first, newest, episode = 0, 9, 4

        def __getattr__(self, name):
            return lambda *values: calls.append((name, *values))

    commands = commands_of(Anything(), Anything())
    assert [key.command for key in KEYS] == [*commands]
    for command in commands.values():
        command()
    assert len({*calls}) == len(calls) == len(KEYS)
