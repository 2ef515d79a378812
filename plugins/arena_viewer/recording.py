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
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError
from arena.storage.files import UNFINISHED, write_atomically, write_error

__all__ = ["GIF_FPS", "Film", "film"]

GIF_FPS = 50
"""The highest frame rate of a GIF: delays are whole centiseconds, and browsers display 0.01 s as 0.1 s."""

Frame = npt.NDArray[np.uint8]


class Film(ABC):
    """A film in progress; a context manager, which completes the file even after an error.

    Attributes:
        path: the file; for numbered pictures, the name to which numbers are added.
        frames: number of frames written so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        self._size: tuple[int, int] | None = None
        self._closed = False

    def write(self, frame: Frame) -> None:
        """Adds a frame; waits if the encoder is slower.

        Args:
            frame: (height, width, 3) uint8 in RGB, of the first frame's size; the caller may change it afterwards.

        Raises:
            ArenaError: the frame is invalid, the film has ended, or the disk or ffmpeg fails; an MP4 or GIF is then
                removed, since it could not be played.
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
        """Completes the film and gives it its name. Without a frame, an earlier file of that name stays.

        Raises:
            ArenaError: the disk or ffmpeg fails.
        """
        if not self._closed:
            self._closed = True
            self._finish()

    @abstractmethod
    def _add(self, frame: Frame) -> None:
        """Writes a checked, contiguous frame."""

    @abstractmethod
    def _finish(self) -> None:
        """Completes the film; called once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def film(path: Path, fps: int) -> Film:
    """Starts a film, whose format is the suffix of its name.

    An ``.mp4`` or ``.gif`` replaces a file of its name at `Film.close`; until then it is a hidden file in the same
    folder. ``name.png`` makes ``name-000000.png`` and so on, each written at once; surplus pictures of a longer film of
    that name are removed at `Film.close`. The same frames and libraries make the same bytes.

    Args:
        path: file to write; its folder is created.
        fps: frames per second, ignored for pictures. A GIF has at most 50; for a faster film it leaves out frames,
            so that the duration stays the same.

    Raises:
        ArenaError: another suffix, a folder that cannot be written, or no ffmpeg.
    """
    kind = path.suffix.lower()
    if kind not in (".mp4", ".gif", ".png"):
        raise ArenaError(f"{path} is no film", "record to a file that ends in .mp4, .gif or .png")
    if fps < 1:
        raise ArenaError(f"{path} cannot show {fps} frames a second", "choose 1 or more")
    if path.is_dir():
        raise ArenaError(f"{path} is a folder", "choose another name")
    try:  # now, and not after an hour of recording
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise write_error(path, error) from error
    if kind == ".png":
        return _Pictures(path)
    return _Encoded(path, fps, _mp4() if kind == ".mp4" else _gif(fps), even=kind == ".mp4")


def _mp4() -> list[str]:
    """Options of ffmpeg for H.264 that every browser can play; one thread, so that bytes are reproducible."""
    # BT.709 colours, declared in the file: otherwise players guess by the size of the picture.
    to_yuv = (
        "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p"
    )
    colours = [
        part for option in ("-colorspace", "-color_primaries", "-color_trc") for part in (option, "bt709")
    ]
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "1"]
    return ["-vf", to_yuv, *colours, "-color_range", "tv", *x264, "-movflags", "+faststart", "-f", "mp4"]


def _gif(fps: int) -> list[str]:
    """Options of ffmpeg for GIF, with a palette for each frame: a common palette would need all frames first."""
    slower = f"fps={GIF_FPS}," if fps > GIF_FPS else ""
    palettes = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none"
    return ["-vf", slower + palettes, "-loop", "0", "-f", "gif"]


class _Encoded(Film):
    """A film that ffmpeg encodes.

    Args:
        path: the film.
        fps: frames per second.
        options: ffmpeg's options of the output.
        even: whether sizes must be even; an odd size gets its last row or column twice, so that pixels stay sharp.
    """

    def __init__(self, path: Path, fps: int, options: list[str], *, even: bool) -> None:
        super().__init__(path)
        self._ffmpeg = _find_ffmpeg()
        self._fps = fps
        self._options = options
        self._even = even
        self._private: Path | None = None
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
        # ffmpeg writes into a new folder that only this user may write to, so that it follows no planted link.
        try:
            self._private = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.path.parent))
        except OSError as error:
            raise write_error(self.path, error) from error
        command.append(f"file:{self._partial.absolute()}")  # safe for names with a colon or a leading dash
        # A file, because ffmpeg would wait on a full pipe that nothing reads.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                # Ctrl-C in the terminal must not reach ffmpeg, which completes the film when its input is closed.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            self._discard()
            self._log.close()
            raise ArenaError(
                f"cannot run {self._ffmpeg}: {error.strerror or error}", "pip install 'arena-rl[video]'"
            ) from error

    def _finish(self) -> None:
        process = self._process
        if process is None:
            return
        if not self.frames:  # an error in the first frame
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
        finally:
            self._discard()

    @property
    def _partial(self) -> Path:
        """Film that ffmpeg is writing."""
        assert self._private is not None
        return self._private / self.path.name

    def _discard(self) -> None:
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)

    def _failure(self, process: subprocess.Popen[bytes]) -> ArenaError:
        """Removes the unusable file of an ffmpeg that failed, and returns the error."""
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            status = process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._discard()
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
        """Removes the surplus pictures of a longer film of that name, up to the first gap."""
        number = self.frames
        try:
            while number and (stale := self._numbered(number)).exists():
                stale.unlink()
                number += 1
        except OSError as error:
            raise write_error(self.path, error) from error

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.stem}-{number:06d}{self.path.suffix}")
