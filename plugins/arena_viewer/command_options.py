"""Options that `arena watch` and `arena play` share: speed, size and films."""

from __future__ import annotations

import argparse
import contextlib
import math
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from arena.cli.parser import whole
from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena_viewer.playback import Playback

__all__ = [
    "add_display_options",
    "add_film_options",
    "check_film",
    "parse_grid",
    "record_film",
    "window_size",
]

#: Frames per second of a film.
FILM_FPS = 30

#: The largest number of pixels of a side of a film.
LARGEST = 16_384


def add_display_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of speed and size."""
    add = parser.add_argument
    add(
        "--speed",
        metavar="N",
        type=positive("--speed"),
        help="speed, in environment steps per second (default: the environment's render_fps)",
    )
    add(
        "--size",
        metavar="WxH",
        type=parse_size,
        help="width and height, in points (default: 1120x760)",
    )
    add(
        "--scale",
        metavar="X",
        type=positive("--scale"),
        default=1.0,
        help="pixels per point (default: 1)",
    )


def add_film_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a film."""
    add = parser.add_argument
    add("--record", metavar="FILE", type=Path, help="film to record, .mp4, .gif or .png; no window is opened")
    add(
        "--fps", metavar="N", type=whole("--fps"), help=f"frames per second of the film (default: {FILM_FPS})"
    )


def record_film(playback: Playback, args: argparse.Namespace, columns: int | None = None) -> dict[str, Any]:
    """Records a playback as a film; returns what ``--json`` prints."""
    from arena.results.progress_bar import progress_counter
    from arena_viewer.filming import record
    from arena_viewer.renderer import Renderer

    with interruptible(), progress_counter("frames") as progressed:
        count = record(
            playback,
            args.record,
            renderer=Renderer(columns=columns, hint=False),
            size=window_size(args),
            scale=args.scale,
            fps=args.fps or FILM_FPS,
            episodes=args.episodes,
            progressed=progressed,
        )
    return {
        "path": str(args.record),
        "title": playback.title,
        "frames": count,
        "fps": args.fps or FILM_FPS,
        "returns": [[*player.returns] for player in playback.players],
    }


def check_film(args: argparse.Namespace) -> None:
    """Checks a film's options before anything is trained or played."""
    from arena_viewer.recording import film

    width, height = (round(side * args.scale) for side in window_size(args))
    if not (2 <= width <= LARGEST and 2 <= height <= LARGEST):
        raise ArenaError(
            f"a film of {width:,} × {height:,} pixels cannot be made",
            f"give sides from 2 to {LARGEST:,} pixels",
        )
    film(args.record, args.fps or FILM_FPS).close()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Makes SIGTERM end a film as Ctrl-C does: the file is complete and can be played."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread, the only one that can handle signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def window_size(args: argparse.Namespace) -> tuple[int, int]:
    """Width and height of the window, in points."""
    from arena_viewer.renderer import SIZE

    return args.size or SIZE


def parse_size(text: str) -> tuple[int, int]:
    """Parses a width and a height."""
    width, height = _pair(text, "--size", "1120x760")
    if not (64 <= width <= 8192 and 64 <= height <= 8192):
        raise ArenaError(f"--size is {text}", "give sides from 64 to 8192, such as 1120x760")
    return width, height


def parse_grid(text: str) -> tuple[int, int]:
    """Parses a number of rows and of columns."""
    rows, columns = _pair(text, "--grid", "4x4")
    if rows * columns > 100 or rows * columns < 1:
        raise ArenaError(f"--grid is {text}, {rows * columns} worlds", "give from 1 to 100, such as 4x4")
    return rows, columns


def positive(name: str) -> Any:
    """Parses a positive number."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise ArenaError(f"{name} is {text!r}", "give a positive number")
        return number

    return read


def _pair(text: str, name: str, example: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text.strip().lower())
    if found is None:
        raise ArenaError(f"{name} is {text!r}", f"write it like {example}")
    return int(found[1]), int(found[2])
