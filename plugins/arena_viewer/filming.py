"""Recording of a playback as a film, without a display; equal seeds give equal frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from arena_viewer.frames import rgb_array
from arena_viewer.playback import Playback
from arena_viewer.recording import film
from arena_viewer.renderer import SIZE, Renderer
from arena_viewer.sdl import pygame

__all__ = ["frames", "record"]


def record(
    playback: Playback,
    path: Path,
    *,
    renderer: Renderer | None = None,
    size: tuple[int, int] = SIZE,
    scale: float = 1.0,
    fps: int = 30,
    episodes: int | None = None,
    progressed: Callable[[int], None] = lambda count: None,
) -> int:
    """Records whole episodes as a film.

    Args:
        playback: playback to record.
        path: file that ends in ``.mp4``, ``.gif`` or ``.png`` (numbered pictures).
        renderer: draws the frames.
        size: width and height of the film, in points.
        scale: pixels per point.
        fps: frames per second.
        episodes: number of episodes, one after another; by default one, or one for each snapshot of a time-lapse.
        progressed: called with the number of frames after each one.

    Returns:
        The number of frames.

    Raises:
        ArenaError: the file cannot be written.
    """
    if episodes is None:
        episodes = (
            len(playback.checkpoints.steps) if playback.lapse and playback.checkpoints is not None else 1
        )
    with film(path, fps) as recording:
        for surface in frames(playback, renderer or Renderer(), size, scale, fps, episodes):
            recording.write(rgb_array(surface))
            progressed(recording.frames)
        return recording.frames


def frames(
    playback: Playback, renderer: Renderer, size: tuple[int, int], scale: float, fps: int, episodes: int
) -> Iterator[pygame.Surface]:
    """Every frame of some episodes; all frames are drawn on one surface."""
    surface = pygame.Surface((max(1, round(size[0] * scale)), max(1, round(size[1] * scale))))
    left = episodes
    while left:
        renderer.draw(surface, playback, scale)
        yield surface
        left -= playback.tick(1 / fps)
