"""The window: handles events, advances time and draws, sixty times per second."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import gymnasium as gym

from arena.errors import ArenaError
from arena.storage.files import write_atomically
from arena_viewer.display import RECORD, open_display
from arena_viewer.drawing import Area, Point
from arena_viewer.frames import png_bytes, rgb_array
from arena_viewer.keys import KEYS, TIME, Key, sheet
from arena_viewer.playback import Playback
from arena_viewer.recording import film
from arena_viewer.renderer import SIZE, Renderer
from arena_viewer.sdl import pygame

if TYPE_CHECKING:
    from arena_viewer.recording import Film

__all__ = ["FPS", "Controller", "Window", "commands_of"]

#: Frames per second of the window, and of a film of it.
FPS = 60

#: Levels of the zoom.
SCALES = (0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)

#: Names of some keys in the list, and the keys with which a person begins episodes.
ARROWS = {"up": "↑", "down": "↓", "left": "←", "right": "→"}
EPISODES = (("enter", "next episode, after the end"), ("backspace", "restart the episode"))

#: The smallest width and height, in pixels.
LEAST = (320, 240)


class Controller(Protocol):
    """Control by a person: receives keys before the window does, and elapsed time."""

    def keys(self) -> Mapping[str, str]:
        """Every key that steers, with its description."""
        ...

    def pressed(self, name: str) -> bool:
        """Handles a pressed key; returns whether it was used."""
        ...

    def released(self, name: str) -> None:
        """Handles a released key."""

    def tick(self, seconds: float, mouse: Point | None) -> None:
        """Advances time; `mouse` is a position in the picture, from −1 to 1, or None outside."""


class Window:
    """Window that displays a playback until it is closed.

    Args:
        playback: playback to display.
        renderer: draws the window.
        size: width and height of the window, in points.
        scale: pixels per point, in addition to the system's scale.
        folder: folder of screenshots and films.
        controller: control by a person, or None.

    Raises:
        ArenaError: there is no display.
    """

    def __init__(
        self,
        playback: Playback,
        renderer: Renderer | None = None,
        *,
        size: tuple[int, int] = SIZE,
        scale: float = 1.0,
        folder: Path = Path(),
        controller: Controller | None = None,
    ) -> None:
        open_display(RECORD if controller is None else "play where there is one")
        self.playback, self.renderer, self.controller = playback, renderer or Renderer(), controller
        self.folder = folder
        self._commands = commands_of(self, playback)
        self._zoom = scale
        playback.patience = 0.5 / FPS
        self.window = pygame.Window(
            f"{playback.title} – arena", _fitting(size, scale), resizable=True, allow_high_dpi=True
        )
        self.window.minimum_size = LEAST
        self._surface = self.window.get_surface()
        self.open, self._dirty, self._dragging = True, True, False
        self._whole_screen = False
        self._held: set[int] = set()
        self._film: Film | None = None
        self._film_size = (0, 0)

    def run(self) -> None:
        """Runs until the window is closed."""
        clock = pygame.time.Clock()
        try:
            while self.open:
                self.frame(min(clock.tick(FPS) / 1000, 0.1))
        finally:
            self.close()

    def frame(self, seconds: float) -> None:
        """Handles events, advances time by some seconds, and draws if anything has changed."""
        for event in pygame.event.get():
            self._dirty = True
            self._take(event)
        if not self.open:
            return
        if self.controller is not None and not self.renderer.sheet:
            self.controller.tick(seconds, self._aim())
            self._dirty = True
        before = self._shown()
        self.playback.tick(seconds)
        if self._dirty or self._shown() != before or self._film is not None:
            self._draw()
            self._dirty = bool(self.playback.notice)

    def _shown(self) -> tuple[object, ...]:
        """State on which the drawing depends, apart from events."""
        playback = self.playback
        return playback.position, playback.newest, playback.episode, playback.status, playback.notice

    def close(self) -> None:
        """Completes the film in progress, and closes the window."""
        self.open = False
        self._end_film()
        self.window.destroy()
        pygame.display.quit()

    @property
    def scale(self) -> float:
        """Pixels a point."""
        return self._zoom * self._surface.get_width() / max(1, self.window.size[0])

    def screenshot(self) -> None:
        """Saves the window as a picture."""
        self._draw()
        path = _free(self.folder, "arena", ".png")
        self._attempt(lambda: write_atomically(path, png_bytes(self._surface)), f"saved {path}")

    def record(self) -> None:
        """Starts or stops recording the window."""
        if self._film is not None:
            self._end_film()
            return
        path = _free(self.folder, "arena", ".mp4")
        with self._errors_shown():
            self._film = film(path, FPS)
            self._film_size, self._film_path = self._surface.get_size(), path
            self.renderer.recording = True

    def zoom(self, by: int) -> None:
        """Raises or lowers the zoom."""
        place = min(range(len(SCALES)), key=lambda i: abs(SCALES[i] - self._zoom)) + by
        self._zoom = SCALES[min(max(place, 0), len(SCALES) - 1)]
        self.playback.say(f"{self._zoom:.0%}")

    def whole_screen(self) -> None:
        """Switches full screen on or off."""
        self._whole_screen = not self._whole_screen
        if self._whole_screen:
            self.window.set_fullscreen(desktop=True)
        else:
            self.window.set_windowed()

    def all_overlays(self) -> None:
        """Switches all overlays off, or all that have something to draw on."""
        shown = self.playback.overlays
        off = any(overlay.on for overlay in shown)
        for overlay in shown:
            overlay.on = not off and self.playback.refusal(overlay) is None

    def help(self) -> None:
        """Shows or hides the list of keys."""
        self.renderer.sheet = () if self.renderer.sheet else self.keys()

    def keys(self) -> list[tuple[str, str]]:
        """Keys with their meanings: those of the person's control, if any, and the window's."""
        own = sheet(self.playback.overlays, self._keys)
        if self.controller is None:
            return own
        steering = self.controller.keys()
        mine = [(ARROWS.get(name, name), meaning) for name, meaning in steering.items()]
        if isinstance(self.playback.players[0].env.action_space, gym.spaces.Box):
            mine.append(("mouse", "over the picture: action up to its bounds"))
        return [*mine, *EPISODES, *(line for line in own if line[0] not in steering)]

    def escape(self) -> None:
        """Hides the list of keys, leaves full screen, or closes the window."""
        if self.renderer.sheet:
            self.renderer.sheet = ()
        elif self._whole_screen:
            self.whole_screen()
        else:
            self.open = False

    @property
    def _keys(self) -> Sequence[Key]:
        """Keys of the window: without those that control time, while a person plays."""
        return KEYS if self.controller is None else KEYS[len(TIME) :]

    def _take(self, event: pygame.Event) -> None:
        """Handles an event."""
        if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
            self.open = False
        elif event.type == pygame.KEYDOWN:
            self._press(event, again=event.key in self._held)
            self._held.add(event.key)
        elif event.type == pygame.KEYUP:
            self._held.discard(event.key)
            if self.controller is not None:
                self.controller.released(pygame.key.name(event.key))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()  # releases of keys are not reported to a window without focus
        elif event.type == pygame.MOUSEMOTION:
            self.renderer.mouse = self._point(event.pos)
            if self._dragging:
                self._scrub()
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self.renderer.mouse = self._point(event.pos)
            self._dragging = self.renderer.timeline.holds(self.renderer.mouse)
            if self._dragging:
                self._scrub()
            elif self.renderer.curve is not None and self.renderer.curve.holds(self.renderer.mouse):
                self._choose(self.renderer.curve, self.renderer.mouse)
        elif event.type == pygame.MOUSEBUTTONUP:
            self._dragging = False
        elif event.type == pygame.WINDOWLEAVE:
            self.renderer.mouse = None

    def _press(self, event: pygame.Event, again: bool) -> None:
        """Handles a pressed key, or one that repeats while it is held."""
        name, typed = pygame.key.name(event.key), event.unicode
        if name == "q" and event.mod & (pygame.KMOD_CTRL | pygame.KMOD_META):
            self.open = False
            return
        if self.controller is not None and not self.renderer.sheet and self.controller.pressed(name):
            return
        key = _key(typed, self._keys) or _key(name, self._keys)
        if key is not None:
            if key.repeats or not again:
                self._commands[key.command]()
            return
        for overlay in self.playback.overlays if not again else ():
            if overlay.key and overlay.key in (name, typed):
                self.playback.switch(overlay)

    def _point(self, at: Point) -> Point:
        """Converts a position from the system's units to points."""
        share = self._surface.get_width() / max(1, self.window.size[0]) / self.scale
        return at[0] * share, at[1] * share

    def _scrub(self) -> None:
        line, mouse = self.renderer.timeline, self.renderer.mouse
        assert mouse is not None, "only a mouse drags"
        playback = self.playback
        playback.seek(round((mouse[0] - line.x) / max(1.0, line.width) * playback.span))

    def _choose(self, line: Area, mouse: Point) -> None:
        """Loads the agent of the evaluation under the mouse."""
        curve = self.playback.players[0].curve
        if curve is not None and self.playback.checkpoints is not None:
            share = (mouse[0] - line.x) / max(1.0, line.width)
            self.playback.checkpoint_near(
                curve.steps[min(round(share * (len(curve.steps) - 1)), len(curve.steps) - 1)]
            )

    def _aim(self) -> Point | None:
        """Position of the mouse in the picture, from −1 to 1, up and right positive; None outside."""
        mouse = self.renderer.mouse
        if mouse is None or not self.renderer.pictures or not self.renderer.pictures[0].holds(mouse):
            return None
        area = self.renderer.pictures[0]
        return 2 * (mouse[0] - area.x) / area.width - 1, 1 - 2 * (mouse[1] - area.y) / area.height

    def _draw(self) -> None:
        self._surface = self.window.get_surface()
        self.renderer.draw(self._surface, self.playback, self.scale)
        self.window.flip()
        if self._film is not None:
            if self._surface.get_size() != self._film_size:
                self._end_film("the film ended where the window changed its size")
                return
            with self._errors_shown():
                self._film.write(rgb_array(self._surface))

    def _end_film(self, text: str = "") -> None:
        ending, self._film, self.renderer.recording = self._film, None, False
        if ending is not None:
            self._attempt(ending.close, text or f"saved {self._film_path}")

    def _attempt(self, act: Callable[[], object], notice: str) -> None:
        with self._errors_shown():
            act()
            self.playback.say(notice, 4.0)

    @contextlib.contextmanager
    def _errors_shown(self) -> Iterator[None]:
        """Displays errors in the window, which stays open."""
        try:
            yield
        except ArenaError as error:
            self._film, self.renderer.recording = None, False
            self.playback.say(str(error), 6.0)
            if not self.open:  # the window is gone
                warnings.warn(str(error), stacklevel=2)


def commands_of(window: Window, playback: Playback) -> dict[str, Callable[[], object]]:
    """Functions of the commands in `arena_viewer.keys`."""
    return {
        "pause": playback.pause,
        "step-forward": playback.forward,
        "step-back": playback.back,
        "faster": lambda: playback.faster(1),
        "slower": lambda: playback.faster(-1),
        "first-step": lambda: playback.seek(playback.first),
        "latest-step": lambda: playback.seek(playback.newest),
        "next-episode": lambda: playback.go_to(playback.episode + 1),
        "previous-episode": lambda: playback.go_to(playback.episode - 1),
        "next-checkpoint": lambda: playback.checkpoint(1),
        "previous-checkpoint": lambda: playback.checkpoint(-1),
        "all-overlays": window.all_overlays,
        "screenshot": window.screenshot,
        "record": window.record,
        "zoom-in": lambda: window.zoom(1),
        "zoom-out": lambda: window.zoom(-1),
        "full-screen": window.whole_screen,
        "help": window.help,
        "escape": window.escape,
    }


def _key(name: str, keys: Sequence[Key]) -> Key | None:
    return next((key for key in keys if name in key.names), None) if name else None


def _free(folder: Path, name: str, suffix: str) -> Path:
    """A new path, named by the time of day."""
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = (folder / f"{stem}{more}{suffix}" for more in ("", *(f"-{i}" for i in range(2, 1000))))
    return next(path for path in candidates if not path.exists())


def _fitting(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """A window size that fits the desktop."""
    desktop = (pygame.display.get_desktop_sizes() or [(10**6, 10**6)])[0]
    wide, high = (
        max(least, min(round(side * scale), round(room * 0.95)))
        for side, room, least in zip(size, desktop, LEAST, strict=True)
    )
    return wide, high
