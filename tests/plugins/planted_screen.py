"""A real X server for windows, and hands at its keyboard and mouse."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import time

import pygame
import pytest

from arena_viewer.window import Window


@pytest.fixture(scope="module")
def screen():
    """A screen of 1400 × 1000 of this process's own, where windows open."""
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb, whose screen needs no hardware: apt-get install xvfb")
    reader, writer = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        "1400x1000x24",
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as lines, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", f":{lines.readline().strip()}")
        patch.setenv("SDL_VIDEODRIVER", "x11")
        patch.setenv("XDG_RUNTIME_DIR", "/tmp")
        yield
        pygame.display.quit()
    server.terminate()
    server.wait()


#: How xdotool finds the window: there is no other.
FIND = ("search", "--sync", "--onlyvisible", "--class", ".")


class Desk:
    """A window, and somebody before it."""

    def __init__(self, playback, **options):
        if shutil.which("xdotool") is not None:
            self.type("mousemove", 1399, 999)  # out of the way
        self.playback = playback
        self.window = Window(playback, **options)
        playback.patience = math.inf  # however slow this machine is
        self.frames(2)

    @property
    def surface(self):
        return self.window.window.get_surface()

    def frames(self, count=1, seconds=0.0):
        for _ in range(count):
            if self.window.open:
                self.window.frame(seconds)

    def until(self, holds):
        """Redraws until it holds, while no time passes in the show."""
        limit = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < limit, "it never came"
            self.frames()
            time.sleep(0.002)

    def press(self, name, unicode="", mod=0):
        """A key, as pygame tells of it."""
        code = pygame.key.key_code(name)
        pygame.event.post(pygame.Event(pygame.KEYDOWN, key=code, unicode=unicode, mod=mod))
        pygame.event.post(pygame.Event(pygame.KEYUP, key=code, unicode=unicode, mod=mod))
        self.frames()

    def mouse(self, kind, at, button=1):
        """What the mouse does, at a point of the stage."""
        pos = at[0] * self.window.scale, at[1] * self.window.scale
        pygame.event.post(pygame.Event(kind, pos=pos, button=button, rel=(0, 0), buttons=(0, 0, 0)))
        self.frames()

    def type(self, *words):
        """Real events of the X server, through xdotool."""
        if shutil.which("xdotool") is None:
            pytest.skip("no xdotool, which presses keys: apt-get install xdotool")
        subprocess.run(["xdotool", *map(str, words)], check=True, stdout=subprocess.DEVNULL, timeout=10)

    def focus(self):
        """Nobody manages windows there, so that a window gets the keyboard only if it is given."""
        self.type(*FIND, "windowfocus", "--sync")
        self.frames(3)

    def point(self, x, y, *more):
        """Moves the real mouse to a pixel of the window."""
        self.type(*FIND, "mousemove", "--window", "%1", x, y, *more)

    def close(self):
        self.window.close()
        self.playback.close()


@pytest.fixture
def desk(screen):
    """Opens windows, and closes them at the end."""
    pygame.quit()  # what Gymnasium's environments begin when they render
    opened = []

    def open_one(playback, **options):
        opened.append(Desk(playback, **options))
        return opened[-1]

    yield open_one
    assert pygame.mixer.get_init() is None, "sound is never touched"
    for one in opened:
        one.close()
    assert not opened or not pygame.display.get_init()
