"""Runs whose worker dies, whose environment misbehaves, or that fail in this process: none harms another."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest
from misbehaving import (
    LATE,
    Heard,
    counting,
    open_files,
    posix,
    prepared,
)

from arena.errors import ArenaError
from arena.launch.base import make_launcher
from arena.launch.local import execute_all, outcomes
from arena.launch.workers import Crash
from arena.testing import contents, difference
from arena.training.runner import execute

# Everything that goes wrong at once.


@pytest.fixture
def started(monkeypatch):
    """Workers that a test has started."""
    return counting(monkeypatch)


WRONG = (
    "Sound",
    "IsKilled(marker={marker!r})",
    "RaisesUnpicklable",
    "Quits",
    "Exits",
    "TellsThreads",
    "Sound",
    "Sound",
)


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """The runs, what became of them, what was heard, and how many workers and open files it took."""
    folder = tmp_path_factory.mktemp("batch")
    marker = str(folder / "marker")
    runs = [prepared(folder, seed, name.format(marker=marker)) for seed, name in enumerate(WRONG)]
    execute(runs[-2])
    heard = Heard()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MKL_NUM_THREADS", "3")
        before = dict(os.environ)
        begun = counting(monkeypatch)
        launcher = make_launcher("local", {"retries": 1}, workers=2)
        outcomes_ = launcher.launch(runs, heard)
        assert dict(os.environ) == before
    return runs, outcomes_, heard, begun


@posix
def test_every_run_has_its_outcome_in_order(batch):
    runs, found, _, _ = batch
    for job, (run, outcome) in enumerate(zip(runs, found, strict=True)):
        assert isinstance(outcome, ArenaError) == (job in (2, 3, 4, 5)), outcome
        assert run.result() == (None if isinstance(outcome, ArenaError) else outcome)


@posix
def test_a_killed_worker_is_replaced_and_its_run_goes_on_exactly(batch, tmp_path):
    runs, _, heard, _ = batch
    run = runs[1]
    assert heard.notices[run.seed] == [
        "its worker died by SIGKILL; restarted from its checkpoint, attempt 2 of 2"
    ]
    assert heard.steps[run.seed][0] >= LATE - 100
    whole = prepared(tmp_path, run.seed, "Sound")
    execute(whole)
    assert whole.metrics.read_bytes() == run.metrics.read_bytes()
    for name, content in contents(whole).items():
        if name != "checkpoint" and not name.endswith(
            "manifest.json"
        ):  # which have the id of the environment
            assert contents(run)[name] == content
    states = [contents(one)["checkpoint"]["state"] for one in (whole, run)]
    assert difference(states[0]["agent"], states[1]["agent"]) is None


@posix
def test_a_run_whose_worker_always_dies_fails_in_the_end(batch):
    runs, found, heard, begun = batch
    assert str(found[3]) == (
        f"the worker of {runs[3].folder} died 2 times, last with exit status 3; use fewer "
        "--workers if memory ran out; run the same command again to continue from its checkpoint"
    )
    assert len(heard.notices[3]) == 1
    assert 4 <= len(begun) <= 5  # two, and one for each death while the other was at work


@posix
def test_what_an_environment_raises_is_its_runs_outcome(batch):
    runs, found, _, _ = batch
    assert type(found[2]) is ArenaError
    assert "raised Unpicklable in environment 0" in found[2].problem
    assert "a lock broke" in found[2].problem
    assert type(found[4]) is Crash
    assert f"{runs[4].folder} failed: SystemExit: enough" in str(found[4])
    assert "in misbehave" in found[4].__notes__[0]


@posix
def test_a_worker_has_one_core_unless_somebody_said_otherwise(batch):
    assert "1 3 1 1" in str(batch[1][5])


@posix
def test_nothing_is_left_of_workers(batch, tmp_path, started):
    # The batch has started multiprocessing's resource tracker, which stays.
    before = open_files()
    found = outcomes([prepared(tmp_path, seed) for seed in (0, 1)], workers=5)
    assert all(isinstance(outcome, dict) for outcome in found)
    assert len(started) == 2  # not more than there are runs
    assert open_files() == before
    assert not multiprocessing.active_children()
    assert all(worker.connection.closed for worker in started)


@posix
def test_what_a_dead_worker_leaves_keeps_nobody_waiting(tmp_path):
    marker = str(tmp_path / "marker")
    runs = [prepared(tmp_path, 0, f"LeavesAChild(marker={marker!r})"), prepared(tmp_path, 1)]
    began, heard = time.monotonic(), Heard()
    found = outcomes(runs, heard, workers=2)
    (tmp_path / "over").touch()
    assert time.monotonic() < began + 60
    assert all(isinstance(outcome, dict) for outcome in found)
    assert heard.notices == {0: ["its worker died by SIGKILL; restarted from its checkpoint, attempt 2 of 3"]}


def test_finished_runs_need_no_worker(tmp_path, started):
    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    results = [execute(run) for run in runs]
    assert outcomes(runs, workers=2) == results
    assert execute_all(runs, workers=2) == results
    assert outcomes([], workers=2) == []
    assert not started


# In this process.


def test_without_workers_a_run_that_fails_harms_no_other_either(tmp_path, started):
    runs = [prepared(tmp_path, 0, "Raises"), prepared(tmp_path, 1)]
    failed, fine = outcomes(runs)
    assert isinstance(failed, Crash)
    assert isinstance(failed.__cause__, SystemExit)
    assert fine == runs[1].result()
    assert not started
    with pytest.raises(SystemExit, match="enough"):  # with its traceback, for whoever wrote it
        execute_all(runs)
