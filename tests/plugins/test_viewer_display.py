"""Displays: a window that nobody could see is refused, and what was said of drivers stays as it was."""

import os

import pygame
import pytest

from arena.errors import ArenaError
from arena_viewer.display import headless, open_display


@pytest.fixture(autouse=True)
def _no_display():
    pygame.quit()
    yield
    pygame.quit()


@pytest.mark.parametrize("driver", ["offscreen", "dummy"])
def test_a_driver_that_nobody_asked_for_and_nobody_sees_is_refused(monkeypatch, driver):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.setattr(pygame.display, "init", lambda: None)
    monkeypatch.setattr(pygame.display, "get_driver", lambda: driver)
    left = []
    monkeypatch.setattr(pygame.display, "quit", lambda: left.append(True))
    with pytest.raises(ArenaError, match=r"display :987 cannot be reached; .*--record"):
        open_display()
    assert left


def test_a_display_that_leads_nowhere_is_refused_without_a_driver_too(monkeypatch):
    for name in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(ArenaError, match="--record"):
        open_display()
    assert not pygame.display.get_init()


@pytest.mark.parametrize("given", [None, "", "dummy", "x11"])
def test_drawing_without_a_window_leaves_the_driver_as_it_was(monkeypatch, given):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    if given is not None:
        monkeypatch.setenv("SDL_VIDEODRIVER", given)
    with headless():
        assert os.environ["SDL_VIDEODRIVER"] == (given or "dummy")
    assert os.environ.get("SDL_VIDEODRIVER") == given
    with pytest.raises(KeyError), headless():
        raise KeyError
    assert os.environ.get("SDL_VIDEODRIVER") == given
