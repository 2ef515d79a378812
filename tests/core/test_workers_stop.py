"""Workers that are stopped or cannot be started, runs that another process trains, and messages of workers."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from misbehaving import (
    Heard,
    Unpicklable,
    counting,
    posix,
    prepared,
)

from arena.errors import ArenaError, BusyError, Interrupted
from arena.launch import local as parallel
from arena.launch import workers
from arena.launch.local import execute_all, outcomes
from arena.launch.workers import Crash, Worker, train_outcome
from arena.runs.listener import Listener
from arena.streams.base import Progress
from arena.testing.processes import child_environment
from arena.training.runner import execute

# Runs that another process trains.


@pytest.fixture
def started(monkeypatch):
    """Workers that a test has started."""
    return counting(monkeypatch)


class Elsewhere(Listener):
    """Another process, which holds a run's lock until we wait for it; it may finish the run or die."""

    def __init__(self, run, finishes):
        self.run, self.finishes, self.waits, self.trained = run, finishes, 0, []
        self.lock = contextlib.ExitStack()
        self.lock.enter_context(run.locked())

    def progressed(self, run, progress, evaluation):
        if run.seed not in self.trained:
            self.trained.append(run.seed)

    def noticed(self, run, text):
        assert (run, text) == (self.run, "another process trains it; waiting")
        self.waits += 1
        self.asked = time.monotonic()

    def stopping(self):
        if self.waits and 1 in self.trained and time.monotonic() > self.asked + 0.2:
            self.lock.close()
            if self.finishes:
                execute(self.run)
        return False


@pytest.mark.parametrize(("count", "finishes"), [(1, True), (1, False), (2, True)])
def test_a_run_that_another_process_trains_is_waited_for(count, finishes, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "BUSY_SECONDS", 0.05)
    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    other = Elsewhere(runs[0], finishes)
    found = outcomes(runs, other, count)
    assert found == [run.result() for run in runs]
    assert None not in found
    assert other.waits == 1
    assert other.trained == ([1] if finishes else [1, 0])


def test_a_single_command_does_not_wait(tmp_path):
    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    with runs[0].locked(), pytest.raises(BusyError, match="another process is training"):
        execute_all(runs)
    assert runs[1].result() is not None


# Stopping.


class Stops(Heard):
    def stopping(self):
        return {0, 1} <= self.steps.keys()


@pytest.mark.parametrize("train", [pytest.param(outcomes, marks=pytest.mark.slow), execute_all])
def test_a_stop_in_the_middle(train, tmp_path, started):
    runs = [prepared(tmp_path, seed, steps=10**8) for seed in range(3)]
    with pytest.raises(
        Interrupted, match="stopped at step .*; the state is saved; continue with `arena resume "
    ):
        train(runs, Stops(), workers=2)
    assert [run.checkpoints.load() is not None for run in runs] == [True, True, False]
    assert len(started) == 2
    assert not multiprocessing.active_children()


def test_a_stop_in_the_only_run_is_no_outcome_of_it(tmp_path):
    class Once(Listener):
        asked = 0

        def stopping(self):
            self.asked += 1
            return self.asked == 3

    run = prepared(tmp_path, 0, steps=10**8)
    with pytest.raises(Interrupted, match="stopped at step"):
        outcomes([run], Once())
    assert run.checkpoints.load() is not None


def test_a_stop_while_workers_start_does_not_wait_for_them(tmp_path, started):
    class StopsAtOnce(Listener):
        def stopping(self):
            return bool(started)

    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    with pytest.raises(Interrupted, match=f"stopped before {runs[0].folder} began"):
        outcomes(runs, StopsAtOnce(), workers=2)
    assert not any(run.metrics.exists() for run in runs)
    assert not multiprocessing.active_children()


# Starting.


def refusing(monkeypatch, room):
    """There is room for so many processes only."""
    start = Worker.start

    def refused(worker):
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(11, "Resource temporarily unavailable")
        start(worker)

    monkeypatch.setattr(Worker, "start", refused)


def test_fewer_workers_will_do(tmp_path, monkeypatch):
    refusing(monkeypatch, room=1)
    runs = [prepared(tmp_path, seed) for seed in range(3)]
    assert outcomes(runs, workers=3) == [run.result() for run in runs]


def test_no_worker_will_not(tmp_path, monkeypatch):
    refusing(monkeypatch, room=0)
    with pytest.raises(ArenaError, match="no worker can be started: Resource .*; use fewer --workers"):
        outcomes([prepared(tmp_path, 0)], workers=2)


@pytest.mark.slow  # test_faults.py makes two processes collide at the same point
def test_workers_that_begin_with_a_cold_cache_do_not_harm_each_other(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    cold = outcomes([prepared(tmp_path / "a", seed, "Compiles") for seed in (0, 1)], workers=2)
    assert [*(tmp_path / "cache").rglob("*.compiled-*.nbi")]
    assert cold == outcomes([prepared(tmp_path / "b", seed, "Compiles") for seed in (0, 1)])


# What goes through the pipe.


class Pipe(list):
    send = list.append


def test_progress_is_told_now_and_then_and_every_evaluation_and_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(workers.time, "monotonic", lambda: 1.0)
    pipe, run = Pipe(), prepared(tmp_path, 0)
    servant = workers._WorkerListener(pipe, os.getpid())
    for step in range(1, 101):
        servant.progressed(run, Progress(step, 0, {"x": step}), None if step < 50 else float(step // 50))
    servant._send_progress()
    servant._send_progress()
    assert [(name, progress.steps, value) for name, progress, value in pipe] == [
        ("progressed", 1, None),
        ("progressed", 50, 1.0),
        ("progressed", 100, 2.0),
    ]


def test_an_unforeseen_exception_names_its_place(tmp_path):
    def train():
        raise ZeroDivisionError("odd")

    crash = train_outcome(tmp_path, train)
    assert f"{tmp_path} failed: ZeroDivisionError: odd ({__file__}:" in str(crash)
    portable = workers._portable(crash)
    assert (type(portable), str(portable)) == (Crash, str(crash))
    assert portable.__notes__[0].endswith("ZeroDivisionError: odd\n")


def test_an_error_travels_as_one_that_its_parent_knows():
    for error, kind in (
        (Unpicklable(threading.Lock(), "a lock broke"), ArenaError),
        (BusyError("busy", "wait"), BusyError),
        (Interrupted("stopped", "go on"), Interrupted),
    ):
        found = pickle.loads(pickle.dumps(workers._portable(error)))
        assert (type(found), found.problem, found.remedy) == (kind, error.problem, error.remedy)
        assert str(found) == str(error)


@posix
def test_a_panic_is_its_runs_outcome_here_and_in_a_worker(tmp_path):
    script = tmp_path / "panics.py"
    script.write_text(PANICS)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **child_environment(0),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        },
    )
    assert done.stdout.splitlines() == ["Crash True", "dict True"] * 2, done.stderr


#: In a process of its own, which the thread that is left behind must not keep from ending.
PANICS = """
import os, sys
from pathlib import Path
from arena.launch.local import outcomes
from misbehaving import prepared
if __name__ == "__main__":
    for workers in (1, 2):
        folder = Path(sys.argv[1]) / str(workers)
        found = outcomes([prepared(folder, 0, "Panics"), prepared(folder, 1)], workers=workers)
        print(type(found[0]).__name__, "Panic: at the disco" in str(found[0]))
        print(type(found[1]).__name__, found[1]["steps"] == 1000)
    sys.stdout.flush()
    os._exit(0)
"""
