"""Writers of films: frames go to disk one by one, so that memory does not grow with the length.

Three kinds, by the end of the name: ``.mp4`` (H.264), ``.gif``, and ``.png`` for numbered pictures. The first two
are encoded by ffmpeg in a process of its own. It is run here rather than by `imageio_ffmpeg.write_frames`, which
kills it at a Ctrl-C, before the index without which an MP4 cannot be played, and never asks whether it succeeded.

Example:
    >>> with film(Path("films/cliff.mp4"), fps=30) as recording:  # doctest: +SKIP
    ...     recording.write(env.render())
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.storage.files import write_atomically, write_error

__all__ = ["GIF_FPS", "Film", "film"]

GIF_FPS = 50
"""Frames a second at most in a GIF, whose delays are whole centiseconds: browsers take one of 0.01 s for 0.1 s."""

Frame = npt.NDArray[np.uint8]


class Film(ABC):
    """A recording under way; a context manager, which ends it even when what it records breaks off.

    Attributes:
        path: the file; of numbered pictures, the name that their numbers go into.
        frames: how many frames have been written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        self._size: tuple[int, int] | None = None
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Adds a frame; waits where the encoder is behind.

        Args:
            frame: (height, width, 3) uint8 in RGB, of the first frame's size. It may be changed afterwards.

        Raises:
            ArenaError: it is something else, the film has ended, or the disk or ffmpeg fails; an MP4 or GIF is then
                gone, since it cannot be played.
        """
        if self._closed:
            raise ArenaError(f"{self.path} has ended", "start another film")
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
            problem = f"a frame of {self.path} has the shape {frame.shape} and holds {frame.dtype}"
            raise ArenaError(problem, "give (height, width, 3) of uint8")
        height, width, _ = frame.shape
        if self._size is None:
            self._size = height, width
        elif self._size != (height, width):
            problem = (
                f"{self.path} shows {self._size[1]}×{self._size[0]} pixels; this frame is {width}×{height}"
            )
            raise ArenaError(problem, "keep to one size, or start another film")
        self._add(np.ascontiguousarray(frame))
        self.frames += 1

    def close(self) -> None:
        """Ends the film: it stands under its name, whole. Without a frame, what stood there before stays.

        Raises:
            ArenaError: the disk or ffmpeg fails.
        """
        if not self._closed:
            self._closed = True
            self._finish()

    @abstractmethod
    def _add(self, frame: Frame) -> None:
        """Takes a frame that has been checked, contiguous."""

    @abstractmethod
    def _finish(self) -> None:
        """Ends the film, once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def film(path: Path, fps: int) -> Film:
    """Starts a film; its kind is the end of its name.

    An ``.mp4`` or ``.gif`` appears at `Film.close`, in place of what bore its name; until then it is a hidden file
    beside it. ``name.png`` makes ``name-000000.png`` and so on, each there at once; those that a longer film of that
    name left right behind them are removed at `Film.close`. The same frames and libraries make the same bytes.

    Args:
        path: where to; its folder is made.
        fps: frames per second; pictures have none. A GIF shows 50 at most, and of a faster film leaves out as
            many frames as keep its time.

    Raises:
        ArenaError: the name ends otherwise, the folder cannot be written, or ffmpeg is missing.
    """
    kind = path.suffix.lower()
    if kind not in (".mp4", ".gif", ".png"):
        raise ArenaError(f"{path} is no film", "record to a file that ends in .mp4, .gif or .png")
    if fps < 1:
        raise ArenaError(f"{path} cannot show {fps} frames a second", "choose 1 or more")
    if path.is_dir():
        raise ArenaError(f"{path} is a folder", "choose another name")
    try:  # now, not when an hour has been recorded
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise write_error(path, error) from error
    if kind == ".png":
        return _Pictures(path)
    return _Encoded(path, fps, _mp4() if kind == ".mp4" else _gif(fps), even=kind == ".mp4")


def _mp4() -> list[str]:
    """H.264 that every browser and player shows, from its first byte; one thread, since two cut frames otherwise."""
    # Colours by BT.709, and said to be: players guess where nothing is said, by the size of the picture.
    to_yuv = (
        "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p"
    )
    colours = [
        part for option in ("-colorspace", "-color_primaries", "-color_trc") for part in (option, "bt709")
    ]
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "1"]
    return ["-vf", to_yuv, *colours, "-color_range", "tv", *x264, "-movflags", "+faststart", "-f", "mp4"]


def _gif(fps: int) -> list[str]:
    """A palette of its own for each frame, so that none has to be known before the first is written."""
    slower = f"fps={GIF_FPS}," if fps > GIF_FPS else ""
    palettes = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none"
    return ["-vf", slower + palettes, "-loop", "0", "-f", "gif"]


class _Encoded(Film):
    """A film that ffmpeg encodes.

    Args:
        path: the film.
        fps: frames per second.
        options: ffmpeg's, of the output.
        even: whether sizes must be even: an odd one gets its last row or column twice, which keeps pixels sharp.
    """

    def __init__(self, path: Path, fps: int, options: list[str], *, even: bool) -> None:
        super().__init__(path)
        self._ffmpeg = _find_ffmpeg()
        self._fps = fps
        self._options = options
        self._even = even
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.saving")
        self._process: subprocess.Popen[bytes] | None = None

    def _add(self, frame: Frame) -> None:
        height, width, _ = frame.shape
        if self._even and (height % 2 or width % 2):
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._process is None:
            self._process = self._start(frame.shape[1], frame.shape[0])
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame.data)
        except OSError as error:
            self._closed = True
            raise self._failure(self._process) from error

    def _start(self, width: int, height: int) -> subprocess.Popen[bytes]:
        source = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"]
        command = [self._ffmpeg, "-y", "-v", "error", *source, "-framerate", str(self._fps), "-i", "pipe:0"]
        # No version of the encoder in the file: it would differ between machines.
        command += ["-an", "-fflags", "+bitexact", "-flags:v", "+bitexact", *self._options]
        command.append(f"file:{self._partial.absolute()}")  # whatever is in the name: a colon, a leading dash
        # A pipe would have to be read, lest it fill and ffmpeg wait.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                # Ctrl-C in the terminal reaches this process only: ffmpeg goes on until its input is closed.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            self._log.close()
            raise ArenaError(
                f"cannot run {self._ffmpeg}: {error.strerror or error}", "pip install 'arena-rl[video]'"
            ) from error

    def _finish(self) -> None:
        process = self._process
        if process is None:
            return
        if not self.frames:  # the first one broke off half-way
            self._failure(process)
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # the exit status reports the failure
            process.stdin.close()
        if process.wait():
            raise self._failure(process)
        self._log.close()
        try:
            os.replace(self._partial, self.path)
        except OSError as error:
            raise write_error(self.path, error) from error

    def _failure(self, process: subprocess.Popen[bytes]) -> ArenaError:
        """Clears up after an ffmpeg that failed: what it left cannot be played."""
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            status = process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._partial.unlink(missing_ok=True)
        self._log.seek(0)
        output = self._log.read(4096).decode(errors="replace")
        self._log.close()
        reason = next((" ".join(line.split()) for line in output.splitlines() if line.strip()), "")
        reason = reason or (f"killed by signal {-status}" if status < 0 else f"exit status {status}")
        remedy = "record again, to another folder or in smaller frames"
        if "No space left" in output:
            remedy = "free some space there, or choose another folder"
        return ArenaError(f"ffmpeg stopped writing {self.path} at frame {self.frames}: {reason}", remedy)


def _find_ffmpeg() -> str:
    remedy = "pip install 'arena-rl[video]'"
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError as error:
        raise ArenaError("films are encoded by imageio-ffmpeg, which is missing", remedy) from error
    try:
        return str(get_ffmpeg_exe())
    except RuntimeError as error:  # a package without the program, as on rare machines
        raise ArenaError("imageio-ffmpeg brings no ffmpeg for this machine", "install ffmpeg") from error


class _Pictures(Film):
    """A film of numbered pictures, exact to the pixel."""

    def _add(self, frame: Frame) -> None:
        from arena_viewer.frames import png_bytes
        from arena_viewer.sdl import pygame

        picture = pygame.image.frombuffer(frame.tobytes(), (frame.shape[1], frame.shape[0]), "RGB")
        write_atomically(self._numbered(self.frames), png_bytes(picture))

    def _finish(self) -> None:
        """Removes what a longer film of that name left behind the last picture, up to the first gap."""
        number = self.frames
        try:
            while number and (stale := self._numbered(number)).exists():
                stale.unlink()
                number += 1
        except OSError as error:
            raise write_error(self.path, error) from error

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.stem}-{number:06d}{self.path.suffix}")
