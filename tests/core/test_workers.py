"""Runs whose worker dies, whose environment misbehaves, or that somebody else trains: none harms another."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import gymnasium as gym
import pytest
from numba import njit

from arena.errors import ArenaError, BusyError, Interrupted
from arena.launch import local as parallel
from arena.launch import workers
from arena.launch.base import make_launcher
from arena.launch.local import execute_all, outcomes
from arena.launch.workers import Crash, Worker, attempted
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.testing import contents, difference
from arena.testing.processes import child_environment
from arena.training import session
from arena.training.runner import execute

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks")

#: Steps of one instance of an environment after which it misbehaves: more than probing takes.
LATE = 300


# Environments, which workers import from here.


class Misbehaves(gym.Wrapper):
    """Late, and in a worker only."""

    steps = 0

    def __init__(self, env, marker=""):
        super().__init__(env)
        self.marker = marker and Path(marker)
        self.in_worker = multiprocessing.parent_process() is not None
        if self.in_worker:
            session.CHECKPOINT_SECONDS = 0.0

    def step(self, action):
        self.steps += 1
        if self.in_worker and self.steps == LATE and not (self.marker and self.marker.exists()):
            if self.marker:
                self.marker.touch()
            self.misbehave()
        return self.env.step(action)


class Sound(Misbehaves):
    def misbehave(self):
        pass


class IsKilled(Misbehaves):
    def misbehave(self):
        os.kill(os.getpid(), signal.SIGKILL)


class LeavesAChild(IsKilled):
    """What it leaves holds the worker's pipe until the test is over."""

    def misbehave(self):
        if os.fork() == 0:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not self.marker.with_name("over").exists():
                time.sleep(0.05)
            os._exit(0)
        super().misbehave()


class Quits(Misbehaves):
    def misbehave(self):
        os._exit(3)


class Exits(Misbehaves):
    def misbehave(self):
        sys.exit("enough")


class Panic(BaseException):
    """As an extension's: no Exception."""


class Panics(Misbehaves):
    """Leaves a thread behind, for which an interpreter that ends would wait; in any process."""

    def __init__(self, env):
        super().__init__(env)
        self.in_worker = True

    def misbehave(self):
        threading.Thread(target=time.sleep, args=(30,)).start()
        raise Panic("at the disco")


class Unpicklable(ArenaError):
    def __init__(self, lock, problem):
        super().__init__(problem, "do without")
        self.lock = lock


class RaisesUnpicklable(Misbehaves):
    def misbehave(self):
        raise Unpicklable(threading.Lock(), "a lock broke")


class TellsThreads(Misbehaves):
    def misbehave(self):
        raise RuntimeError(" ".join(os.environ.get(name, "-") for name in workers.THREADS))


# Following them.


class Heard(Listener):
    def __init__(self):
        self.notices, self.steps, self.order = {}, {}, []

    def progressed(self, run, progress, evaluation):
        self.steps.setdefault(run.seed, []).append(progress.steps)
        if run.seed not in self.order:
            self.order.append(run.seed)

    def noticed(self, run, text):
        self.notices.setdefault(run.seed, []).append(text)
        # Whatever was heard before a notice is of another attempt.
        self.steps[run.seed] = []


def prepared(folder, seed, wrapper="", steps=1000, **settings):
    wrappers = [f"test_workers:{wrapper}"] if wrapper else ["TimeLimit(max_episode_steps=100)"]
    defaults = {"horizon": 50, "episodes": 2, "evaluate_every": 500, "log_every": 50, "trackers": []}
    experiment = resolve_experiment(
        "random", "FrozenLake-v1", wrappers=wrappers, steps=steps, seeds=[seed], **{**defaults, **settings}
    )
    return Run.prepare(experiment, seed, folder)


def open_files():
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


@pytest.fixture
def started(monkeypatch):
    """How many workers were."""
    return counting(monkeypatch)


def counting(monkeypatch):
    begun, start = [], Worker.start

    def counted(worker):
        begun.append(worker)
        start(worker)

    monkeypatch.setattr(Worker, "start", counted)
    return begun


# Everything that goes wrong at once.


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
        "its worker died by SIGKILL; begun again from its checkpoint, attempt 2 of 2"
    ]
    assert heard.steps[run.seed][0] >= LATE - 100
    whole = prepared(tmp_path, run.seed, "Sound")
    execute(whole)
    assert whole.metrics.read_bytes() == run.metrics.read_bytes()
    assert {**contents(whole), "checkpoint": None} == {**contents(run), "checkpoint": None}
    states = [contents(one)["checkpoint"]["state"] for one in (whole, run)]
    assert difference(states[0]["agent"], states[1]["agent"]) is None


@posix
def test_a_run_whose_worker_always_dies_fails_in_the_end(batch):
    runs, found, heard, begun = batch
    assert str(found[3]) == (
        f"the worker of {runs[3].folder} died 2 times, last with exit status 3; if memory ran out, use fewer "
        "--workers; the same command goes on from its checkpoint"
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
    assert heard.notices == {
        0: ["its worker died by SIGKILL; begun again from its checkpoint, attempt 2 of 3"]
    }


def test_finished_runs_need_no_worker(tmp_path, started):
    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    results = [execute(run) for run in runs]
    assert outcomes(runs, workers=2) == results
    assert execute_all(runs, workers=2) == results
    assert outcomes([], workers=2) == []
    assert not started


# In this process.


class Raises(gym.Wrapper):
    def step(self, action):
        sys.exit("enough")


def test_without_workers_a_run_that_fails_harms_no_other_either(tmp_path, started):
    runs = [prepared(tmp_path, 0, "Raises"), prepared(tmp_path, 1)]
    failed, fine = outcomes(runs)
    assert isinstance(failed, Crash)
    assert isinstance(failed.__cause__, SystemExit)
    assert fine == runs[1].result()
    assert not started
    with pytest.raises(SystemExit, match="enough"):  # with its traceback, for whoever wrote it
        execute_all(runs)


# Runs that somebody else trains.


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


@pytest.mark.parametrize("train", [outcomes, execute_all])
def test_a_stop_in_the_middle(train, tmp_path, started):
    runs = [prepared(tmp_path, seed, steps=10**8) for seed in range(3)]
    with pytest.raises(Interrupted, match="stopped at step .*, which is saved; `arena resume "):
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


@njit(cache=True)
def compiled(x):
    return x + 1


class Compiles(gym.Wrapper):
    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, reward + compiled(1), *rest


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

    crash = attempted(tmp_path, train)
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
    for workers_used in (1, 2):
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / str(workers_used)), str(workers_used)],
            capture_output=True,
            text=True,
            timeout=120,
            env={
                **child_environment(0),
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
            },
        )
        assert done.stdout.splitlines() == ["Crash True", "dict True"], done.stderr


#: In a process of its own, which the thread that is left behind must not keep from ending.
PANICS = """
import os, sys
from pathlib import Path
from arena.launch.local import outcomes
from test_workers import prepared
if __name__ == "__main__":
    folder, workers = Path(sys.argv[1]), int(sys.argv[2])
    found = outcomes([prepared(folder, 0, "Panics"), prepared(folder, 1)], workers=workers)
    print(type(found[0]).__name__, "Panic: at the disco" in str(found[0]))
    print(type(found[1]).__name__, found[1]["steps"] == 1000)
    sys.stdout.flush()
    os._exit(0)
"""
