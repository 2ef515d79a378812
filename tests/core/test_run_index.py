"""The index beside many runs: the rows are the same with it, without it, and whatever it holds."""

from __future__ import annotations

import os
import random
import shutil

import pytest
from run_folders import fake

from arena.cli import run_index, runs
from arena.cli.run_filters import Choice

RUNS = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(run_index, "MANY", 5)
    monkeypatch.setattr(run_index, "SETTLED", -1e9)
    for i in range(RUNS):
        fake(tmp_path / f"run{i}", seed=i, mean=-20.0 + i, at=500 if i % 4 == 3 else None)
    return tmp_path


@pytest.fixture
def opened(monkeypatch):
    """The run folders of which a file has been read."""
    found = []
    for name in ("read_run", "last_timing", "read_result"):
        read = getattr(runs, name)
        monkeypatch.setattr(runs, name, lambda folder, read=read: found.append(folder) or read(folder))
    return found


def rows(folder):
    return runs.list_runs([str(folder)], Choice())[0]["runs"]


def plain(folder):
    """The rows without an index."""
    (folder / run_index.NAME).unlink(missing_ok=True)
    found = rows(folder)
    (folder / run_index.NAME).unlink(missing_ok=True)
    return found


def test_rows_are_equal_and_finished_runs_are_not_read_again(folder, opened):
    expected = plain(folder)
    assert rows(folder) == expected and (folder / run_index.NAME).is_file()
    opened.clear()
    assert rows(folder) == expected
    assert {os.path.basename(one) for one in opened} == {"run3", "run7", "run11"}  # the unfinished ones


@pytest.mark.parametrize("name", run_index.SUMMARIZED)
def test_a_changed_file_is_read_again(folder, opened, name):
    rows(folder)
    path = folder / "run0" / name
    before = path.stat()
    text = path.read_text().replace("1000", "2000").replace("-20.0", "-99.0").replace('"x"', '"y"')
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # an equal time and size do not hide a change
    opened.clear()
    found = rows(folder)
    assert any(one.endswith("run0") for one in opened)
    assert found == plain(folder)


def test_a_copied_folder_is_read(folder, opened, tmp_path_factory):
    rows(folder)
    other = tmp_path_factory.mktemp("other")
    for i in range(RUNS):
        fake(other / f"run{i}", seed=i + 100)
    (other / run_index.NAME).write_bytes((folder / run_index.NAME).read_bytes())
    assert {row["seed"] for row in rows(other)} == {*range(100, 100 + RUNS)}


def test_a_deleted_run_leaves_the_list(folder):
    rows(folder)
    shutil.rmtree(folder / "run0")
    assert len(rows(folder)) == RUNS - 1


def test_whatever_the_index_holds_the_rows_are_those_of_the_files(folder):
    expected = plain(folder)
    rows(folder)
    good = (folder / run_index.NAME).read_bytes()
    draw = random.Random(0)
    hostile = [
        b"",
        b"\n" * 99,
        b"[" * 100_000,
        good[: len(good) // 2],
        good * 2,
        good.replace(b"-13", b"-12"),
    ]
    hostile += [good.replace(b"\t", b""), b'"run0"\t' + b"0" * 32 + b"\t{}\n", b"\xff\t\xfe\t\x00\n"]
    for _ in range(100):
        data = bytearray(good)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        hostile.append(bytes(data))
    for data in hostile:
        (folder / run_index.NAME).write_bytes(data)
        assert rows(folder) == expected


def test_an_index_that_is_no_file_or_too_large_is_ignored(folder, monkeypatch):
    expected = plain(folder)
    path = folder / run_index.NAME
    os.mkfifo(path)
    assert rows(folder) == expected
    path.unlink()
    path.mkdir()
    assert rows(folder) == expected
    path.rmdir()
    monkeypatch.setattr(run_index, "MOST", 100)
    assert rows(folder) == expected and not path.exists()


def test_a_link_in_its_place_is_replaced_and_not_followed(folder, tmp_path_factory):
    victim = tmp_path_factory.mktemp("victim") / "file"
    victim.write_text("precious")
    (folder / run_index.NAME).symlink_to(victim)
    rows(folder)
    assert victim.read_text() == "precious" and not (folder / run_index.NAME).is_symlink()


def test_a_run_that_has_just_changed_has_no_entry(folder, monkeypatch):
    monkeypatch.setattr(run_index, "SETTLED", 3600.0)
    rows(folder)
    assert not (folder / run_index.NAME).exists()


def test_few_runs_have_no_index(tmp_path):
    for i in range(3):
        fake(tmp_path / f"run{i}", seed=i)
    rows(tmp_path)
    assert not (tmp_path / run_index.NAME).exists()
