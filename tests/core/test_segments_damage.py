"""Checkpointed journals that are damaged, killed, out of room, or a stranger's: what loads was saved."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journalled import ROW_BYTES, ROWS, Writer

from arena.errors import ArenaError
from arena.storage import segments
from arena.storage.checkpoint import Checkpoints
from arena.storage.journal import Journal
from arena.storage.manifest import sealed


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", ROWS * ROW_BYTES)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nobody pulls the plug, and it is slow


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "checkpoint")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def link(path: Path) -> None:
    elsewhere = path.parent.parent.parent / "elsewhere"
    path.replace(elsewhere)
    path.symlink_to(elsewhere)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [
    flip,
    link,
    folder,
    Path.unlink,
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(path.read_bytes() + b"0"),
    lambda path: path.write_bytes(b""),
]


@pytest.mark.parametrize(
    "damage", DAMAGES, ids=["flip", "link", "folder", "unlink", "shorter", "longer", "empty"]
)
def test_damage_to_any_segment_is_never_taken_for_rows(
    writer: Writer, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    writer.save(30, 13)
    older = {Path(name).name for name in writer.listed_by(1)}
    shutil.copytree(writer.checkpoints.folder, tmp_path / "whole", symlinks=True)
    fell_back = 0
    for path in writer.segments():
        shutil.rmtree(writer.checkpoints.folder)
        shutil.copytree(tmp_path / "whole", writer.checkpoints.folder)
        damage(path)
        again = Writer(writer.checkpoints.folder)
        again.saved = dict(writer.saved)
        if path.name in older and path.name in writer.listed_by(2):
            with pytest.raises(ArenaError, match="no checkpoint .* can be used"):
                again.checkpoints.load()
            continue
        loaded = again.resume()
        if path.name in older:  # only the older one's: its tail
            assert loaded.info == {"step": 2} and loaded.skipped == []
        else:
            fell_back += 1
            assert loaded.info == {"step": 1}
            [reason] = loaded.skipped
            assert reason.startswith(f"00000002: {path.name} ") and "\n" not in reason
        for future in (0, 1):  # the same rows over the damaged file, and others beside it
            again.future = future
            again.save(13)
            again.assert_saved(Checkpoints(again.checkpoints.folder).load(), again.step)
        assert [path.name for path in again.segments()] == again.listed()
    assert fell_back >= 2


@pytest.mark.parametrize("damage", DAMAGES[2:])
def test_a_damaged_list_of_segments_is_skipped(writer: Writer, damage: Callable[[Path], None]) -> None:
    writer.save(30, 13)
    damage(writer.checkpoints.folder / "00000002" / "journals.json")
    loaded = writer.resume()
    assert loaded.info == {"step": 1} and "journals.json" in loaded.skipped[0]
    writer.save(13)
    assert [path.name for path in writer.segments()] == writer.listed()


def assert_no_flip_is_taken(writer: Writer, place: int, bit: int) -> None:
    files = writer.files()
    path = files[place % len(files)]
    data = path.read_bytes()
    damaged = bytearray(data)
    damaged[place // len(files) % len(data)] ^= bit
    path.write_bytes(damaged)
    try:
        writer.assert_saved(Checkpoints(writer.checkpoints.folder).load())
    except ArenaError as error:
        assert "can be used" in str(error)  # noqa: PT017
    finally:
        path.write_bytes(data)


def test_any_flipped_byte(writer: Writer) -> None:
    writer.save(30, 13)

    @settings(max_examples=300)
    @given(place=st.integers(0, 10**6), bit=st.integers(1, 255))
    def flipped(place: int, bit: int) -> None:
        assert_no_flip_is_taken(writer, place, bit)

    flipped()


def test_the_flip_law_catches_a_planted_defect(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.save(30, 13)
    monkeypatch.setattr(segments, "read_verified", lambda path, size, digest: path.read_bytes())
    with pytest.raises(AssertionError):
        any(assert_no_flip_is_taken(writer, place, 255) for place in range(0, 40_000, 7))


def test_another_future_after_a_fallback(writer: Writer) -> None:
    """What the abandoned future left, under whatever name, is neither taken for ours nor kept."""
    writer.save(30, 13)
    (writer.checkpoints.folder / "00000002" / "state.json").unlink()
    loaded = writer.resume()
    assert loaded.info == {"step": 1}
    writer.future = 1
    writer.save(13)
    writer.assert_saved(Checkpoints(writer.checkpoints.folder).load(), 2)
    assert [path.name for path in writer.segments()] == writer.listed()
    writer.save(3)
    writer.resume()


def test_passing_trouble_keeps_what_an_older_one_needs(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.save(30, 3)
    whole = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.parts[-2:] == ("00000002", "manifest.json"):
            raise OSError(errno.EIO, "Input/output error")
        return whole(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        writer.save(3)
    shutil.rmtree(writer.checkpoints.folder / "00000003")
    writer.assert_saved(writer.checkpoints.load(), 2)


# Kills and full disks

CALLS = ["write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir"]


class Killed(BaseException):
    """The process is no more."""


@contextmanager
def stopping(
    monkeypatch: pytest.MonkeyPatch, allowed: int, error: Callable[[], BaseException]
) -> Iterator[list[str]]:
    """Lets so many calls of the system through, and none after; of the last write a half."""
    calls: list[str] = []

    def stand_in(name: str, whole: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) <= allowed:
                return whole(*arguments, **options)
            if name == "write" and len(calls) == allowed + 1:
                whole(arguments[0], arguments[1][: len(arguments[1]) // 2])
            raise error()

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, stand_in(name, getattr(os, name)))
        yield calls


def check_kills(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Kills a save after each of its calls; the number of them."""
    for allowed in range(1000):
        writer = Writer(folder / str(allowed))
        writer.save(30, 13)
        try:
            with stopping(monkeypatch, allowed, Killed) as calls:
                writer.save(13)
        except Killed:
            pass
        else:
            assert len(calls) == allowed
            return allowed
        loaded = writer.resume()
        assert loaded.skipped == []
        assert loaded.info["step"] >= 2
        left = sorted(writer.checkpoints.folder.glob("0*"))
        assert loaded.path == left[-1]
        while len(left) > 1:  # also the ones behind it
            shutil.rmtree(left.pop())
            older = Checkpoints(writer.checkpoints.folder).load()
            writer.assert_saved(older, int(left[-1].name))
        writer.future = allowed % 2
        writer.save(13)
        writer.assert_saved(Checkpoints(writer.checkpoints.folder).load(), writer.step)
        assert [path.name for path in writer.segments()] == writer.listed()
        assert not [path for path in writer.checkpoints.folder.iterdir() if path.name.startswith(".")]
    raise AssertionError("no end of calls")


def test_a_kill_after_any_call_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_kills(tmp_path, monkeypatch) > 20


def too_early(self: segments.Segments, journals: list[Journal]) -> Any:
    """Removes what older checkpoints need before the new one has its name."""
    self.sweep([])
    return whole_write(self, journals)


whole_write = segments.Segments.write


@pytest.mark.parametrize(
    ("owner", "name", "defect"),
    [
        (
            segments,
            "_name",
            lambda segment: f"{segment.start:064x}.safetensors",
        ),  # of a tail, again and again
        (segments.Segments, "write", too_early),
        (segments.Segments, "sweep", lambda self, entries: None),
    ],
)
def test_the_kill_law_catches_a_planted_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, defect: Any
) -> None:
    monkeypatch.setattr(owner, name, defect)
    with pytest.raises((AssertionError, ArenaError), match="can be used|assert "):
        check_kills(tmp_path, monkeypatch)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_the_older_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    for allowed in range(1000):
        writer = Writer(tmp_path / str(allowed))
        writer.save(30, 13)
        writes = 0
        whole = os.write

        def write(descriptor: int, data: Any, whole: Any = whole, allowed: int = allowed) -> int:
            nonlocal writes
            writes += 1
            if writes > allowed:
                raise OSError(number, os.strerror(number))
            return whole(descriptor, data)

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            try:
                writer.save(13)
            except ArenaError as error:
                assert str(writer.checkpoints.folder) in str(error)  # noqa: PT017
                assert [path.name for path in writer.segments()] == writer.listed()  # its room is free again
            else:
                break
        checkpoints = Checkpoints(writer.checkpoints.folder)
        writer.assert_saved(checkpoints.load(), 2)
        writer.assert_saved(checkpoints.load(lambda info: info["step"] == 1), 1)
        writer.save(1)  # the same process goes on
        writer.assert_saved(Checkpoints(writer.checkpoints.folder).load(), writer.step)
    assert allowed > 5


# Strangers' folders


def rewrite(writer: Writer, journals: Any) -> None:
    """Puts another list of journals into the newest checkpoint, which then verifies."""
    folder = writer.checkpoints.folder / "00000002"
    data = json.dumps(journals).encode()
    (folder / "journals.json").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["journals.json"] = {"size": len(data), "sha256": segments.digest(data)}
    manifest.pop("check")
    (folder / "manifest.json").write_text(json.dumps(sealed(manifest)))


def rewrite_first(writer: Writer, **changes: Any) -> None:
    """Changes what the newest checkpoint notes of its first journal."""
    first, *others = writer.entries(2)
    rewrite(writer, [{**first, **changes}, *others])


HOSTILE = "0" * 64


@pytest.mark.parametrize(
    "changes",
    [
        {"capacity": 0}, {"capacity": "40"}, {"capacity": 10**30}, {"capacity": True},
        {"total": 0}, {"total": 42}, {"total": -1}, {"total": 43.0}, {"fields": []}, {"fields": None},
        {"fields": [["x", [3], "float32"]]}, {"fields": [["x", [3], "object"], ["done", [], "bool"]]},
        {"fields": [["x", [3], "float64"], ["done", [], "bool"]]},
        {"fields": [["x", [10**9, 10**9], "float32"], ["done", [], "bool"]]},
        {"segments": []}, {"segments": None}, {"segments": [[0, 43, 1]]}, {"segments": {"a": 1}},
        {"segments": [[0, 43, 100, "../../../../etc/passwd"]]}, {"segments": [[0, 43, 100, "/etc/passwd"]]},
        {"segments": [[0, 43, 100, HOSTILE]]}, {"segments": [[0, 43, 100, HOSTILE + "\n"]]},
        {"segments": [[0, 43, 100, "A" * 64]]}, {"segments": [[0, 43, 100, 5]]},
        {"segments": [[5, 43, 100, HOSTILE]]}, {"segments": [[0, 20, 100, HOSTILE], [21, 43, 100, HOSTILE]]},
        {"segments": [[0, 20, 100, HOSTILE], [20, 20, 1, HOSTILE], [20, 43, 100, HOSTILE]]},
    ],
)  # fmt: skip
def test_hostile_entries_are_skipped(writer: Writer, changes: dict[str, Any]) -> None:
    writer.save(30, 13)
    assert writer.replay.total == 43
    rewrite_first(writer, **changes)
    loaded = writer.resume()
    assert loaded.info == {"step": 1}
    assert len(loaded.skipped) == 1 and "\n" not in loaded.skipped[0]
    writer.save(13)
    writer.assert_saved(Checkpoints(writer.checkpoints.folder).load(), 2)


@pytest.mark.parametrize("journals", [None, 1, {"a": 1}, ["x"], [], [None]])
def test_hostile_lists_of_journals_are_skipped(writer: Writer, journals: Any) -> None:
    writer.save(30, 13)
    rewrite(writer, journals)
    writer.assert_saved(writer.checkpoints.load(), 1)


@pytest.mark.parametrize("content", [b"", b"no tensors", None])
def test_a_stranger_s_segment_is_none(writer: Writer, content: bytes | None) -> None:
    """Its digest is right; what it holds is not."""
    writer.save(30, 13)
    data = segments.safetensors_numpy.save({"x": np.zeros(())}) if content is None else content
    name = segments.digest(data)
    (writer.checkpoints.folder / "journal" / f"{name}.safetensors").write_bytes(data)
    rewrite_first(writer, segments=[[0, 43, len(data), name]])
    writer.assert_saved(writer.checkpoints.load(), 1)


@pytest.mark.skipif(sys.platform == "win32", reason="links want a privilege")
def test_a_linked_folder_is_left_alone(writer: Writer, tmp_path: Path) -> None:
    writer.save(30, 13)
    inside, outside = writer.checkpoints.folder / "journal", tmp_path / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    (outside / f"{HOSTILE}.safetensors").write_bytes(b"somebody's")
    before = sorted(outside.iterdir())
    with pytest.raises(ArenaError, match="journal is a link"):
        writer.checkpoints.load()
    with pytest.raises(ArenaError, match="journal is a link, which may point outside"):
        writer.save(1)
    for step in (8, 9):
        writer.checkpoints.save({"step": step}, {"step": step})
    assert sorted(outside.iterdir()) == before


def test_what_is_not_ours_is_left_alone(writer: Writer) -> None:
    writer.save(30)
    for name in ("notes.txt", "x.safetensors", f"{'G' * 64}.safetensors"):
        (writer.checkpoints.folder / "journal" / name).write_text("mine")
    writer.save(*[20] * 4)
    assert len([path for path in writer.segments() if path.read_bytes() == b"mine"]) == 3
