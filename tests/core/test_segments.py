"""The law of checkpointed journals: what loads was saved, at the cost of what is new, within bounds."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journalled import CAPACITY, ROW_BYTES, ROWS, Writer

from arena.storage import segments
from arena.storage.checkpoint import Checkpoints
from arena.storage.journal import Journal


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", ROWS * ROW_BYTES)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nobody pulls the plug, and it is slow


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "checkpoint")


turns = st.lists(st.one_of(st.integers(0, 30), st.integers(0, 150), st.just("resume")), max_size=12)


@settings(max_examples=60)
@given(turns=turns, capacity=st.integers(1, 60))
def test_what_loads_is_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, turns: list[Any], capacity: int
) -> None:
    writer = Writer(tmp_path_factory.mktemp("checkpoint"), capacity)
    writer.save(0)
    for turn in turns:
        if turn == "resume":
            writer.resume()
        else:
            writer.save(turn)
            writer.assert_saved(Checkpoints(writer.checkpoints.folder).load(), writer.step)
        assert [path.name for path in writer.segments()] == writer.listed()


def test_it_starts_wherever_a_journal_is(writer: Writer) -> None:
    writer.append(3 * CAPACITY + 5)  # rows that no checkpoint ever had
    writer.save(0, 3)
    writer.assert_saved(writer.checkpoints.load(), 2)


@contextmanager
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The size of every write to a file."""
    sizes: list[int] = []
    whole = os.write

    def write(descriptor: int, data: Any) -> int:
        sizes.append(whole(descriptor, data))
        return sizes[-1]

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        yield sizes


def cost(folder: Path, held: int, monkeypatch: pytest.MonkeyPatch, again: bool) -> tuple[int, int]:
    """Bytes that a save of 20 new rows after `held` writes: of the rows, and of the lists of files."""
    checkpoints = Checkpoints(folder)
    replay = Journal(10**6, {"x": ((3,), "float32"), "done": ((), "bool")})
    replay.append(x=np.ones((held, 3), np.float32), done=np.zeros(held, np.bool_))
    checkpoints.save({"replay": replay}, {})
    if again:
        checkpoints = Checkpoints(folder)
        loaded = checkpoints.load()
        assert loaded is not None
        replay = loaded.state["replay"]
    replay.append(x=np.ones((20, 3), np.float32), done=np.zeros(20, np.bool_))
    with written(monkeypatch) as sizes:
        path = checkpoints.save({"replay": replay}, {})
    lists = sum((path / name).stat().st_size for name in ("journals.json", "manifest.json"))
    return sum(sizes) - lists, lists


@pytest.mark.parametrize("again", [False, True], ids=["going on", "resumed"])
def test_a_save_costs_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1000 * ROW_BYTES)
    costs = [cost(tmp_path / str(held), held, monkeypatch, again) for held in (10**3, 10**4, 10**5)]
    [rows] = {rows for rows, _ in costs}
    assert rows < 20 * ROW_BYTES + 1000
    assert costs[-1][1] < 1000 + 100 * 100  # a hundred segments, each a line in a list


def test_a_tail_is_written_again_until_it_is_full(writer: Writer) -> None:
    names = []
    for _ in range(10):
        writer.save(2)
        names.append({path.name for path in writer.segments()})
    [entry, _] = writer.entries(10)
    full = [segment for segment in entry["segments"] if segment[1] - segment[0] == ROWS]
    assert [segment[:2] for segment in full] == [[0, ROWS], [ROWS, 2 * ROWS]]
    assert all(f"{full[0][3]}.safetensors" in names[i] for i in range(3, 10))


def test_files_are_bounded(writer: Writer) -> None:
    chance = np.random.default_rng(0)
    most = 15
    while writer.replay.total < 10 * CAPACITY:
        new = int(chance.integers(1, most))
        writer.save(new)
        if chance.random() < 0.2:
            writer.resume()
        paths = writer.segments()
        rows = CAPACITY + 2 * ROWS + most + 2 * ROWS  # live, at both ends, new, tails
        assert sum(path.stat().st_size for path in paths) < rows * ROW_BYTES + 2 * 5 * 16 + 200 * len(paths)
        assert len(paths) <= rows // ROWS + 4 + 2 * 5
        assert [path.name for path in paths] == writer.listed()


def test_a_state_without_journals_writes_what_it_always_did(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    path = checkpoints.save({"table": np.zeros(3)}, {"step": 1})
    assert [path.name for path in checkpoints.folder.iterdir()] == ["00000001"]
    manifest = json.loads((path / "manifest.json").read_text())
    assert sorted(manifest) == ["check", "files", "info", "schema"]
    assert manifest["schema"] == 1  # which an older arena reads


def test_journals_come_and_go(writer: Writer) -> None:
    writer.checkpoints.save({"step": 1}, {"step": -1})
    writer.save(20, 20)
    assert json.loads((writer.checkpoints.folder / "00000003" / "manifest.json").read_text())["schema"] == 2
    for step in (1, 2):
        writer.checkpoints.save({"step": step}, {"step": step})
    assert writer.segments() == []
    writer.save(1)
    writer.assert_saved(writer.checkpoints.load(), 3)


def test_another_folder_gets_all_of_it(writer: Writer, tmp_path: Path) -> None:
    writer.save(30, 3)
    writer.checkpoints = Checkpoints(tmp_path / "other")
    writer.save(3)
    shutil.rmtree(tmp_path / "checkpoint")
    writer.assert_saved(writer.checkpoints.load(), 3)


def test_what_vanished_is_written_again(writer: Writer) -> None:
    writer.save(30)
    before = writer.segments()
    before[0].unlink()
    writer.save(3)
    writer.assert_saved(writer.checkpoints.load(), 2)
    shutil.rmtree(writer.checkpoints.folder)
    writer.save(3)
    writer.assert_saved(writer.checkpoints.load(), 3)
