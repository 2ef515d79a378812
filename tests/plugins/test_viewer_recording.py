"""Films hold the frames they were given, as other programs read them back; whole after a break, in bounded memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from arena.errors import ArenaError
from arena_viewer.recording import film

Image = pytest.importorskip("PIL.Image")
imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")

Frames = list[npt.NDArray[np.uint8]]
KINDS = [".mp4", ".gif", ".png"]


def scene(step: int, height: int = 90, width: int = 120) -> npt.NDArray[np.uint8]:
    """Flat shapes that move, as a gridworld draws them."""
    frame = np.full((height, width, 3), 245, np.uint8)
    frame[:: height // 3] = 200
    frame[10:40, 20:60] = (30, 80, 160)
    left = step * 5 % (width - 30)
    frame[50:74, left : left + 30] = (220, 60, 40)
    return frame


def record(path: Path, frames: Frames, fps: int = 30) -> Path:
    with film(path, fps) as recording:
        for frame in frames:
            recording.write(frame)
    assert recording.frames == len(frames)
    return path


def read_mp4(path: Path) -> tuple[dict[str, Any], Frames]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the reader leaves its pipes to the collector
        reader = imageio_ffmpeg.read_frames(str(path))
        facts = next(reader)
        width, height = facts["size"]
        return facts, [np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in reader]


def read_gif(path: Path) -> tuple[list[int], Frames]:
    delays, frames = [], []
    with Image.open(path) as picture:
        assert picture.info["loop"] == 0
        for number in range(picture.n_frames):
            picture.seek(number)
            delays.append(picture.info["duration"])
            frames.append(np.asarray(picture.convert("RGB")))
    return delays, frames


def read_pictures(folder: Path) -> Frames:
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


def psnr(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Peak signal to noise, in decibels; 100 for equals."""
    error = np.mean((one.astype(float) - other) ** 2)
    return 100.0 if error == 0 else float(10 * np.log10(255**2 / error))


def test_mp4_holds_the_frames(tmp_path: Path) -> None:
    frames = [scene(step) for step in range(40)]
    facts, seen = read_mp4(record(tmp_path / "made" / "film.mp4", frames, fps=24))
    assert len(seen) == 40
    assert facts["fps"] == 24
    assert facts["codec"] == "h264" and facts["pix_fmt"].startswith("yuv420p(tv, bt709")
    assert min(psnr(*pair) for pair in zip(frames, seen, strict=True)) > 32
    for y, x in ((2, 110), (25, 40)):  # flat colours stay, away from edges
        np.testing.assert_allclose(seen[7][y, x].astype(int), frames[7][y, x].astype(int), atol=3)
    data = (tmp_path / "made" / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # so that it plays before it is loaded
    assert [entry.name for entry in (tmp_path / "made").iterdir()] == ["film.mp4"]


def test_an_odd_mp4_gains_an_edge(tmp_path: Path) -> None:
    frames = [scene(step, 91, 121) for step in range(5)]
    facts, seen = read_mp4(record(tmp_path / "film.mp4", frames))
    assert facts["size"] == (122, 92)
    assert min(psnr(one, other[:91, :121]) for one, other in zip(frames, seen, strict=True)) > 32
    assert psnr(seen[0][-1], seen[0][-2]) > 32


@pytest.mark.parametrize(("fps", "count", "delays"), [(30, 40, {30, 40}), (50, 40, {20}), (60, 33, {20})])
def test_gif_holds_the_frames(tmp_path: Path, fps: int, count: int, delays: set[int]) -> None:
    frames = [scene(step, 91, 121) for step in range(40)]
    seen_delays, seen = read_gif(record(tmp_path / "film.gif", frames, fps))
    assert len(seen) == count
    assert set(seen_delays) == delays
    assert sum(seen_delays) == pytest.approx(1000 * 40 / fps, abs=20)
    if fps <= 50:
        for frame, read in zip(frames, seen, strict=True):
            np.testing.assert_array_equal(read, frame)


def test_gif_of_many_colours_and_of_none_moving(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :64]
    frames = [np.stack([x * 4, y * 4, (x + y + step * 9) % 256], -1).astype(np.uint8) for step in range(4)]
    _, seen = read_gif(record(tmp_path / "colours.gif", frames))
    assert min(psnr(*pair) for pair in zip(frames, seen, strict=True)) > 28
    delays, seen = read_gif(record(tmp_path / "still.gif", [scene(0)] * 6, 10))
    assert delays == [100] * 6 and len(seen) == 6


def test_pictures_are_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (7, 5, 3), dtype=np.uint8) for _ in range(3)]
    record(tmp_path / "film.png", frames)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f"film-{n:06d}.png" for n in range(3)]
    for frame, read in zip(frames, read_pictures(tmp_path), strict=True):
        np.testing.assert_array_equal(read, frame)


def test_pictures_of_an_earlier_film_go(tmp_path: Path) -> None:
    others = [
        "film-x.png",
        "film-000009.PNG",
        "film-9.png",
        "film-0000009.png",
        "film2-000009.png",
        "film.png",
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    record(tmp_path / "film.png", [scene(step) for step in range(6)])
    record(tmp_path / "film.png", [])
    assert len(list(tmp_path.iterdir())) == 6 + len(others)
    record(tmp_path / "film.png", [scene(0)] * 2)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(
        [*others, "film-000000.png", "film-000001.png"]
    )


def test_only_what_follows_the_last_picture_goes(tmp_path: Path) -> None:
    for number in (4, 5, 7, 500):
        (tmp_path / f"photo-{number:06d}.png").write_bytes(b"")
    record(tmp_path / "photo.png", [scene(step) for step in range(4)])
    left = sorted(int(path.stem[-6:]) for path in tmp_path.iterdir())
    assert left == [0, 1, 2, 3, 7, 500]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_frames_make_the_same_bytes(tmp_path: Path, kind: str) -> None:
    frames = [scene(step) for step in range(12)]
    for folder in ("one", "other"):
        record(tmp_path / folder / f"film{kind}", [np.asfortranarray(frame) for frame in frames])
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "other")
    )
    assert one == other
    assert len(one) == (12 if kind == ".png" else 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_breaks_off_is_kept(tmp_path: Path, kind: str, error: type[BaseException]) -> None:
    path = tmp_path / f"film{kind}"
    recording = film(path, 10)

    def play() -> None:
        with recording:
            for step in range(5):
                recording.write(scene(step))
            raise error

    with pytest.raises(error):
        play()
    read = {".mp4": lambda: read_mp4(path)[1], ".gif": lambda: read_gif(path)[1]}
    assert len(read.get(kind, lambda: read_pictures(tmp_path))()) == 5
    recording.close()
    with pytest.raises(ArenaError, match="has ended; start another film"):
        recording.write(scene(0))


@pytest.mark.parametrize("kind", [".mp4", ".gif"])
@pytest.mark.parametrize("whole", [0, 3])
def test_a_frame_that_breaks_off_is_left_out(tmp_path: Path, kind: str, whole: int) -> None:
    path = tmp_path / f"film{kind}"
    recording: Any = film(path, 10)
    for step in range(whole):
        recording.write(scene(step))
    if not whole:
        recording._process = recording._start(120, 90)
    recording._process.stdin.write(scene(9).tobytes()[:9999])  # then Ctrl-C comes
    recording.close()
    if whole:
        assert len(read_mp4(path)[1] if kind == ".mp4" else read_gif(path)[1]) == whole
    else:
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a group of processes")
def test_control_c_in_a_terminal_leaves_a_film(tmp_path: Path) -> None:
    code = (
        "import signal, sys, numpy as np; from pathlib import Path; from arena_viewer.recording import film\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # which a job in the background may lack
        "with film(Path(sys.argv[1]), 30) as f:\n"
        "    frame = np.zeros((400, 400, 3), np.uint8)\n"
        "    while True:\n"
        "        f.write(frame)\n"
        "        if f.frames == 50: print('on', flush=True)\n"
    )
    path = tmp_path / "film.mp4"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == b"on\n"
        os.killpg(child.pid, signal.SIGINT)  # as a terminal sends it, to everything
        _, said = child.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said
    assert len(read_mp4(path)[1]) >= 50
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_of_nothing_leaves_what_was(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"film{kind}"
    path.write_bytes(b"old")
    record(path, [])
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [".mp4", ".gif"])
def test_memory_does_not_grow(tmp_path: Path, kind: str) -> None:
    frames = [scene(step, 200, 200) for step in range(60)]
    held = []
    tracemalloc.start()
    try:
        with film(tmp_path / f"film{kind}", 30) as recording:
            for step in range(1000):
                recording.write(frames[step % 60])
                if step in (249, 999):
                    held.append(_peak_mib(recording))
        assert tracemalloc.get_traced_memory()[1] < 2**20  # 1,000 frames are 114 MiB
    finally:
        tracemalloc.stop()
    assert held[1] - held[0] < 16


def _peak_mib(recording: Any) -> float:
    """What ffmpeg has held at most."""
    try:
        status = Path(f"/proc/{recording._process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0  # only Linux tells
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1024


@pytest.mark.parametrize("name", ["-y.mp4", "a:b.gif", "%d ü'.mp4", "FILM.MP4"])
def test_names_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path(name), [scene(0)])
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_names_and_rates_that_are_none(tmp_path: Path) -> None:
    for name in ("film.avi", "film", ".mp4"):
        with pytest.raises(ArenaError, match=r"is no film; record to a file that ends in .mp4, .gif or .png"):
            film(tmp_path / name, 30)
    with pytest.raises(ArenaError, match="cannot show 0 frames a second; choose 1 or more"):
        film(tmp_path / "film.mp4", 0)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ArenaError, match="is a folder; choose another name"):
        film(tmp_path / "folder.mp4", 30)


@pytest.mark.parametrize("kind", KINDS)
def test_folders_that_cannot_be_written(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArenaError, match="cannot write .*film.*; choose another folder"):
        film(tmp_path / "file" / f"film{kind}", 30)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_are_none(tmp_path: Path, kind: str) -> None:
    with film(tmp_path / f"film{kind}", 30) as recording:
        for frame in (np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
            with pytest.raises(ArenaError, match=r"has the shape .*; give \(height, width, 3\) of uint8"):
                recording.write(frame)
        recording.write(np.zeros((20, 30, 3), np.uint8))
        with pytest.raises(ArenaError, match="shows 30×20 pixels; this frame is 20×30; keep to one size"):
            recording.write(np.zeros((30, 20, 3), np.uint8))


@pytest.mark.parametrize("kind", [".mp4", ".gif"])
def test_ffmpeg_is_killed(tmp_path: Path, kind: str) -> None:
    recording: Any = film(tmp_path / f"film{kind}", 30)
    recording.write(scene(0))
    recording._process.kill()
    recording._process.wait()
    with pytest.raises(ArenaError) as caught, recording:
        recording.write(scene(1))
    assert "killed by signal 9" in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    other: Any = film(tmp_path / f"film{kind}", 30)
    other.write(scene(0))
    other._process.kill()
    with pytest.raises(ArenaError, match="ffmpeg stopped writing"):  # seen at the end alone
        other.close()


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for ffmpeg")
def test_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\nhead -c 9 >/dev/null\necho 'moov: No space left on device' >&2\nexit 228\n")
    script.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    remedy = "moov: No space left on device; free some space there, or choose another folder"
    with pytest.raises(ArenaError, match=remedy):
        record(tmp_path / "film.mp4", [scene(0, 300, 300)] * 9)
    script.chmod(0o644)
    with pytest.raises(ArenaError, match=r"cannot run .*; pip install 'arena-rl\[video\]'"):
        record(tmp_path / "film.mp4", [scene(0)])
    assert [entry.name for entry in tmp_path.iterdir()] == ["ffmpeg"]


def test_the_module_is_light_and_its_needs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, arena_viewer.recording; print({'pygame', 'imageio_ffmpeg'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    for kind in (".mp4", ".gif"):
        with pytest.raises(
            ArenaError, match=r"imageio-ffmpeg, which is missing; pip install 'arena-rl\[video\]'"
        ):
            film(tmp_path / f"film{kind}", 30)
    film(tmp_path / "film.png", 30).close()
