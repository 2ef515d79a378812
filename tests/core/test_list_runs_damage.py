"""``arena list runs`` over folders that are damaged, unfinished or in training."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys

import filelock
import pytest
from run_folders import fake

from arena.cli import runs
from arena.cli.run_table import run_table
from arena.runs import records
from arena.runs.run import Run
from arena.storage.files import open_regular
from run_files import put


def test_a_run_that_failed_says_why(shown, listed, tmp_path):
    why = "training raised RuntimeError: the wheel came off, and rolled down the hill"
    for name, at in (("a", 300), ("b", 300), ("c", None)):
        fake(tmp_path / name, at=at)
    for name in ("a", "c"):
        put(tmp_path / name / "failed.json", {"error": why, "step": 300})
    rows = listed(tmp_path)
    assert [(row["status"], row["error"]) for row in rows] == [
        ("failed", why),
        ("unfinished", None),
        ("finished", None),  # it has been trained since
    ]
    assert rows[0]["best"] is not None
    assert listed(tmp_path, "--status", "failed") == rows[:1]
    text = shown(tmp_path)
    assert why in text
    assert text.endswith("3 runs: 1 finished, 1 unfinished, 1 failed\n")
    for width in (80, 60):
        lines = run_table([runs._read(tmp_path / "a", runs.Locks())], width).plain.splitlines()
        assert max(map(len, lines[:-1])) <= width
        assert any(why[:50] in line for line in lines)
    (tmp_path / "a" / "failed.json").write_text("{")
    assert listed(tmp_path)[0]["status"] == "damaged"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", runs.WRITTEN)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_damage_and_is_not_waited_for(listed, tmp_path, name, kind):
    folder = fake(tmp_path / "a", at=300)
    (folder / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to("/dev/zero")
    code = f"from arena.cli import main; main(['list', 'runs', {str(tmp_path)!r}, '--json'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    [row] = json.loads(done.stdout)["runs"]
    assert (row["status"], row["error"]) == ("damaged", f"cannot be read: {name} is not a regular file")
    if kind != "folder":
        with pytest.raises(OSError, match="not a regular file"):  # nor if it becomes one between two looks
            open_regular(folder / name, 1000)


def test_a_line_without_end_is_not_read_whole(listed, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MOST_LINE", 1000)
    folder = fake(tmp_path / "a", at=300)
    with open(folder / "metrics.jsonl", "ab") as file:
        file.write(b"x" * 5000)
    [row] = listed(tmp_path)
    assert (row["steps"], row["status"]) == (300, "unfinished")  # what is not noted yet is not read
    assert row["best"] == {"step": 300, "mean": -14.0}
    with open(folder / "timing.jsonl", "ab") as file:
        file.truncate(2**40)
    [row] = listed(tmp_path)
    assert (row["status"], row["error"]) == (
        "damaged",
        "cannot be read: timing.jsonl is larger than 4,096 MiB",
    )


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["agent", "options"], [1]),
        (["agent", "options"], None),
        (["env", "options"], "x"),
        (["num_envs"], "4"),
    ],
)
def test_what_is_malformed_is_damaged(listed, shown, tmp_path, keys, value):
    path = fake(tmp_path / "a") / "run.json"
    document = json.loads(path.read_text())
    place = document["experiment"]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    put(path, document)
    [row] = listed(tmp_path)
    assert row["status"] == "damaged"
    assert row["error"] in (
        "run.json has a value of the wrong type",
        "run.json is damaged: it is nested more than 100 deep",
    )
    if "deep" not in row["error"]:  # nothing of a file that is nested too deeply is used
        assert (row["agent"], row["seed"]) == ("sarsa", 0)
        assert listed(tmp_path, "--agent", "sarsa", "--status", "damaged") == [row]
    assert row["error"] in shown(tmp_path)


@pytest.mark.parametrize("deep", ['{"a":' * 400 + "1" + "}" * 400, "[" * 400 + "]" * 400])
def test_a_file_that_is_nested_too_deeply_is_not_read(listed, tmp_path, deep):
    path = fake(tmp_path / "a") / "run.json"
    document = json.loads(path.read_text())
    document["experiment"]["horizon"] = json.loads(deep)
    path.write_text(json.dumps(document))
    [row] = listed(tmp_path)
    assert (row["status"], row["error"], row["agent"]) == (
        "damaged",
        "run.json is damaged: it is nested more than 100 deep",
        None,
    )


def test_a_damaged_best_is_damage(listed, tmp_path):
    path = fake(tmp_path / "a") / "result.json"
    put(path, {**json.loads(path.read_text()), "best": [1]})
    assert listed(tmp_path)[0]["status"] == "damaged"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("timing.jsonl", b'{"step": 200, "seconds": 2}\n', "timing.jsonl does not match its own digest"),
        ("timing.jsonl", b"\xff{" * 9999 + b"\n", "timing.jsonl is truncated or damaged"),
        ("timing.jsonl", None, "timing.jsonl lacks lines"),
        ("metrics.jsonl", b'{"step": 100, "evaluation": -3}\n', "metrics.jsonl has 32 bytes instead of"),
        ("metrics.jsonl", None, "metrics.jsonl has 0 bytes instead of"),
    ],
)
def test_logs_that_are_not_what_was_written_are_damage(listed, tmp_path, name, content, error):
    path = fake(tmp_path / "a", at=300) / name
    path.unlink() if content is None else path.write_bytes(content)
    [row] = listed(tmp_path)
    assert row["status"] == "damaged" and error in row["error"]


def test_logs_may_be_torn(listed, tmp_path):
    folder = fake(tmp_path / "a", at=300)
    for name in ("timing", "metrics"):
        with open(folder / f"{name}.jsonl", "ab") as file:
            file.write(b'"evaluation": \xff')
    [row] = listed(tmp_path)
    assert (row["steps"], row["best"], row["status"]) == (300, {"step": 300, "mean": -14.0}, "unfinished")


def test_a_run_that_was_given_more_steps_is_unfinished(listed, tmp_path):
    path = fake(tmp_path / "a", total=1000) / "run.json"
    document = json.loads(path.read_text())
    document["experiment"]["steps"] = 5000
    put(path, document)
    [row] = listed(tmp_path)
    assert (row["status"], row["steps"], row["total"], row["mean"]) == ("unfinished", 1000, 5000, -13.0)
    assert row["best"] == Run(tmp_path / "a", None).best()


@pytest.mark.skipif(not runs.Locks().known, reason="this system does not tell who holds locks")
def test_a_run_whose_lock_is_held_is_training(listed, shown, tmp_path):
    held, free, done = (fake(tmp_path / name, at=at) for name, at in (("a", 300), ("b", 300), ("c", None)))
    code = (
        "import sys, filelock\n"
        "locks = [filelock.FileLock(path + '/lock', timeout=0) for path in sys.argv[1:]]\n"
        "for lock in locks: lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, held, done], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        wanted = {str(held): "training", str(free): "unfinished", str(done): "finished"}
        assert {row["path"]: row["status"] for row in listed(tmp_path)} == wanted
        assert [row["path"] for row in listed(tmp_path, "--status", "training")] == [str(held)]
        assert shown(tmp_path).endswith("3 runs: 1 finished, 1 unfinished, 1 training\n")
        process.stdin.close()
    assert {row["status"] for row in listed(tmp_path)} == {"unfinished", "finished"}


@pytest.mark.skipif(not runs.Locks().known, reason="this system does not tell who holds locks")
def test_a_lock_of_another_device_is_told_by_who_has_it_open(tmp_path):
    path = fake(tmp_path / "a", at=300) / "lock"
    locks = runs.Locks()
    with filelock.FileLock(path, timeout=0):
        mine, inode = str(os.getpid()), str(path.stat().st_ino)
        locks._held = {inode: [("ff:ff", mine)]}
        assert locks.holds(str(path))
        locks._held = {inode: [("ff:ff", "0")]}
        assert not locks.holds(str(path))
    locks._held = {inode: [("ff:ff", mine)]}
    assert not locks.holds(str(path))


def test_listing_touches_no_lock(listed, tmp_path, monkeypatch):
    folder = fake(tmp_path / "a", at=300)
    (folder / "lock").unlink()

    def refuse(*_):
        raise AssertionError("a lock was tried")

    fcntl = pytest.importorskip("fcntl")
    for name in ("flock", "lockf"):
        monkeypatch.setattr(fcntl, name, refuse)
    before = sorted(path.name for path in folder.iterdir())
    assert listed(tmp_path)[0]["status"] == "unfinished"
    assert sorted(path.name for path in folder.iterdir()) == before


def test_without_proc_there_is_no_training(listed, complaint, tmp_path, monkeypatch):
    fake(tmp_path / "a", at=300)
    true_open = builtins.open

    def no_proc(path, *arguments, **more):
        if str(path).startswith("/proc"):
            raise FileNotFoundError(path)
        return true_open(path, *arguments, **more)

    monkeypatch.setattr(builtins, "open", no_proc)
    with filelock.FileLock(tmp_path / "a" / "lock"):
        assert listed(tmp_path)[0]["status"] == "unfinished"
    assert "use --status unfinished" in complaint("runs", tmp_path, "--status", "training")
