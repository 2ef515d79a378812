"""The checkpoints' law: whatever happens to the newest, what loads is a state that was saved."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ArenaError
from arena.storage import checkpoint
from arena.storage import manifest as manifests
from arena.storage.checkpoint import Checkpoints, Loaded
from arena.storage.manifest import sealed

NAMES = ["arrays.safetensors", "state.json", "manifest.json"]


def state(step: int) -> dict[str, Any]:
    return {"step": step, "table": np.full(5, step, np.float32), "moments": {0: (step, 1.5), 1: None}}


def save(checkpoints: Checkpoints, *steps: int) -> None:
    for step in steps:
        checkpoints.save(state(step), {"step": step})


def assert_is(loaded: Loaded | None, step: int) -> None:
    assert loaded is not None
    assert loaded.info == {"step": step}
    assert loaded.state.keys() == state(step).keys()
    assert loaded.state["step"] == step
    assert loaded.state["moments"] == {0: (step, 1.5), 1: None}
    assert loaded.state["table"].tolist() == [step] * 5


@pytest.fixture
def two(tmp_path: Path) -> Checkpoints:
    (tmp_path / "run").mkdir()
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoint")
    save(checkpoints, 1, 2)
    return checkpoints


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.iterdir())


def test_the_newest_loads_and_the_oldest_go(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    assert checkpoints.load() is None
    save(checkpoints, 7)
    assert_is(checkpoints.load(), 7)
    save(checkpoints, 8, 8, 3)  # a step saved twice, and a run that went back
    assert names(checkpoints) == ["00000003", "00000004"]
    loaded = Checkpoints(checkpoints.folder).load()
    assert_is(loaded, 3)
    assert loaded is not None
    assert loaded.path == checkpoints.folder / "00000004"
    assert loaded.skipped == []
    assert sorted(path.name for path in loaded.path.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("keep", [1, 3])
def test_keep(tmp_path: Path, keep: int) -> None:
    checkpoints = Checkpoints(tmp_path, keep)
    save(checkpoints, *range(5))
    assert len(names(checkpoints)) == keep
    assert_is(checkpoints.load(), 4)
    with pytest.raises(ArenaError, match="keep"):
        Checkpoints(tmp_path, 0)


def test_numbers_grow_past_eight_digits(tmp_path: Path) -> None:
    (tmp_path / "99999999").mkdir()
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, 2)
    assert names(checkpoints) == ["100000000", "100000001"]


def test_the_caller_may_refuse(two: Checkpoints) -> None:
    loaded = two.load(lambda info: info["step"] < 2)
    assert_is(loaded, 1)
    assert loaded is not None
    assert loaded.skipped == ["00000002: refused by the caller"]
    assert two.load(lambda info: False) is None
    save(two, 3)
    assert names(two) == ["00000002", "00000003"]  # a refusal is no damage


def newest(checkpoints: Checkpoints, name: str) -> Path:
    return checkpoints.folder / "00000002" / name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("left", [0, 1, 8, 0.3, 0.5, 0.9, -1, None, "longer", "folder"])
def test_damage_is_skipped(two: Checkpoints, name: str, left: Any) -> None:
    path = newest(two, name)
    data = path.read_bytes()
    if left is None or left == "folder":
        path.unlink()
        if left == "folder":
            path.mkdir()
    elif left == "longer":
        path.write_bytes(data + b"0")
    else:
        path.write_bytes(data[: int(left * len(data)) if isinstance(left, float) else left])
    loaded = two.load()
    assert_is(loaded, 1)
    assert loaded is not None
    [reason] = loaded.skipped
    assert reason.startswith(f"00000002: {name} ")
    assert "\n" not in reason
    save(two, 3)  # what was found damaged makes room, rather than the good one
    assert names(two) == ["00000001", "00000003"]


@settings(max_examples=100)
@given(name=st.sampled_from(NAMES), place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_any_flipped_byte(two: Checkpoints, name: str, place: int, flip: int) -> None:
    path = newest(two, name)
    data = path.read_bytes()
    damaged = bytearray(data)
    damaged[place % len(data)] ^= flip
    path.write_bytes(damaged)
    try:
        loaded = two.load()
        assert loaded is not None
        assert_is(loaded, 1 if loaded.skipped else 2)
        if name != "manifest.json":
            assert loaded.skipped
    finally:
        path.write_bytes(data)


def test_the_flip_law_catches_a_planted_defect(two: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    path = newest(two, NAMES[0])
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert_is(two.load(), 1)
    monkeypatch.setattr(checkpoint, "read_verified", lambda path, size, digest: path.read_bytes())
    with pytest.raises(AssertionError):
        assert_is(two.load(), 2)


def test_a_whole_folder_missing_or_replaced(two: Checkpoints) -> None:
    shutil.rmtree(two.folder / "00000002")
    (two.folder / "00000002").write_text("not a folder")
    assert_is(two.load(), 1)
    (two.folder / "notes").mkdir()  # not ours, not touched
    save(two, 3)
    assert names(two) == ["00000001", "00000003", "notes"]


def test_damage_to_all_is_an_error(two: Checkpoints) -> None:
    for number in ("00000001", "00000002"):
        (two.folder / number / "state.json").unlink()
    with pytest.raises(ArenaError, match=r"00000002: .*00000001: state.json is missing") as error:
        two.load()
    assert "\n" not in str(error.value)


def rewrite(path: Path, **changes: Any) -> None:
    manifest = json.loads(path.read_text()) | changes
    manifest.pop("check")
    path.write_text(json.dumps(sealed(manifest)))


def test_a_newer_schema_is_an_error(two: Checkpoints) -> None:
    rewrite(newest(two, "manifest.json"), schema=checkpoint.SCHEMA + 1)
    with pytest.raises(ArenaError, match=r"schema 3, newer .*; update arena-rl"):
        two.load()


@pytest.mark.parametrize(
    "changes", [{"schema": "1"}, {"files": {}}, {"files": None}, {"files": {NAMES[0]: 1}}]
)
def test_a_strange_manifest_is_skipped(two: Checkpoints, changes: dict[str, Any]) -> None:
    rewrite(newest(two, "manifest.json"), **changes)
    assert_is(two.load(), 1)


@pytest.mark.parametrize("text", ["[]", "null", "1", '{"check":1}', "[" * 10_000, "\xff"])
def test_a_manifest_of_something_else_is_skipped(two: Checkpoints, text: str) -> None:
    newest(two, "manifest.json").write_text(text, encoding="latin-1")
    assert_is(two.load(), 1)


def test_passing_trouble_is_not_removed(two: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = manifests.open_regular

    def open_regular(path: Path) -> Any:
        if "00000002" in path.parts:
            raise OSError(errno.EIO, "Input/output error")
        return whole(path)

    monkeypatch.setattr(manifests, "open_regular", open_regular)
    assert_is(two.load(), 1)
    save(two, 3)
    assert names(two) == ["00000002", "00000003"]


@pytest.mark.parametrize(
    "info", [{1: 2}, {"a": (1,)}, {"a": float("nan")}, {"a": object()}, [], {"a": np.int64(1)}]
)
def test_info_is_plain_json(two: Checkpoints, info: Any) -> None:
    with pytest.raises(ArenaError, match="plain JSON"):
        two.save(state(3), info)
    assert names(two) == ["00000001", "00000002"]


@pytest.mark.parametrize("call", ["write", "fsync", "mkdir", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failing_disk_leaves_the_older_ones(
    two: Checkpoints, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    for allowed in range(5):  # the first call fails, the second, …
        calls = 0
        whole = getattr(os, call)

        def failing(*arguments: Any, whole: Any = whole, allowed: int = allowed, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > allowed:
                raise OSError(number, os.strerror(number))
            return whole(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                two.save(state(3), {"step": 3})
            except ArenaError as error:
                assert str(two.folder) in str(error) and error.remedy  # noqa: PT017
        loaded = two.load()
        assert loaded is not None
        assert loaded.skipped == []
        assert_is(loaded, loaded.info["step"])
        assert not any(name.startswith(".saving") for name in names(two))
    save(two, 4)
    assert_is(two.load(), 4)
    assert len(names(two)) == 2


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from arena.storage.checkpoint import Checkpoints
from arena.errors import ArenaError
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    Checkpoints(Path(sys.argv[1])).save({"big": np.zeros(10_000)}, {"step": 3})
except ArenaError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_real_limit_on_size(two: Checkpoints) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(two.folder)], check=True, capture_output=True, text=True
    )
    assert (
        done.stdout
        == f"cannot write {two.folder}: File too large; free some space there, or choose another folder\n"
    )
    assert_is(two.load(), 2)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(two: Checkpoints) -> None:
    two.folder.chmod(0o500)
    try:
        with pytest.raises(ArenaError, match="writable"):
            save(two, 3)
        assert_is(two.load(), 2)
    finally:
        two.folder.chmod(0o700)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(ArenaError, match="cannot write"):
        save(Checkpoints(tmp_path / "checkpoint"), 1)


SAVER = """
import sys
from pathlib import Path
import numpy as np
from arena.storage.checkpoint import Checkpoints
checkpoints = Checkpoints(Path(sys.argv[1]))
step = checkpoints.load().info["step"]
print("ready", flush=True)
while True:
    step += 1
    checkpoints.save({"step": step, "table": np.full(5, step, np.float32),
                      "moments": {0: (step, 1.5), 1: None}}, {"step": step})
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_loses_nothing(two: Checkpoints, kills: int) -> None:
    random = np.random.default_rng(0)
    reached = 2
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", SAVER, str(two.folder)], stdout=subprocess.PIPE
        ) as saver:
            assert saver.stdout is not None
            saver.stdout.readline()
            try:
                saver.wait(timeout=random.uniform(0, 0.04))
            except subprocess.TimeoutExpired:
                saver.kill()
        loaded = two.load()
        assert loaded is not None
        assert loaded.skipped == []
        assert_is(loaded, loaded.info["step"])
        assert loaded.info["step"] >= reached
        reached = loaded.info["step"]
    save(two, reached + 1)
    assert len(names(two)) == 2  # leftovers are gone
