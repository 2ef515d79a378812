"""Environments that misbehave in worker processes, which import them from here, and runs in them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path

import gymnasium as gym
import pytest
from numba import njit

from arena.errors import ArenaError
from arena.launch import workers
from arena.launch.workers import Worker
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.training import session

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


class Raises(gym.Wrapper):
    def step(self, action):
        sys.exit("enough")


@njit(cache=True)
def compiled(x):
    return x + 1


class Compiles(gym.Wrapper):
    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, reward + compiled(1), *rest


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
    wrappers = [f"misbehaving:{wrapper}"] if wrapper else ["TimeLimit(max_episode_steps=100)"]
    defaults = {"horizon": 50, "episodes": 2, "evaluate_every": 500, "log_every": 50, "trackers": []}
    experiment = resolve_experiment(
        "random", "FrozenLake-v1", wrappers=wrappers, steps=steps, seeds=[seed], **{**defaults, **settings}
    )
    return Run.prepare(experiment, seed, folder)


def open_files():
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


def counting(monkeypatch):
    begun, start = [], Worker.start

    def counted(worker):
        begun.append(worker)
        start(worker)

    monkeypatch.setattr(Worker, "start", counted)
    return begun
