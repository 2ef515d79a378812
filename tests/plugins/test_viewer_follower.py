"""Following a run while it trains: newer agents take over, the last one stays, and the training never knows."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from arena.cli import main
from arena.runs import live
from arena.runs.listener import Listener
from arena.runs.live import LivePublisher, open_watch_window
from arena.runs.loaded_agent import LoadedAgent
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.storage.codec import encode
from arena.streams.base import Progress
from arena.testing import contents, difference
from arena.training.runner import execute
from arena_viewer import follower
from arena_viewer.follower import PATIENCE, POLL_INTERVAL, RunFollower
from arena_viewer.playback import HOLD, Playback
from arena_viewer.player import Player
from arena_viewer.roles import role_in_training
from planted_clock import Clock

CLIFF = ("q-learning", "arena/CliffWalk-v0")
STEPS = 400


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    for module in (live, follower):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def run(tmp_path):
    small = {"evaluate_every": 100, "log_every": 20, "episodes": 2, "horizon": 30, "trackers": []}
    return Run.prepare(resolve_experiment(*CLIFF, steps=STEPS, seeds=[0], **small), 0, tmp_path)


@pytest.fixture
def role(run):
    return role_in_training(run)


@pytest.fixture
def actors(role):
    """Of two who play side by side."""
    return [role.actor(place) for place in range(2)]


@pytest.fixture
def followed(role, actors):
    found = RunFollower(role, actors)
    yield found
    found.close()


@contextlib.contextmanager
def every_step(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("arena.training.session.PACE_SECONDS", 0.0)
        yield


def trained(run, clock, monkeypatch, context=lambda progress: None):
    """Trains to the end, a second a step, and looks after each."""

    class Looks(Listener):
        def progressed(self, run, progress, evaluation):
            clock.now += 1
            context(progress)

    with every_step(monkeypatch):
        return execute(run, Looks())


def knows(agent):
    return encode({"agent": agent.snapshot()})


def test_a_run_that_has_trained_nothing_can_be_followed(run, role, followed, clock):
    assert followed.status == "waiting for its first steps"
    fresh = knows(role.agent)
    for _ in range(50):
        clock.now += 1
        followed.pulse()
    followed.refresh()
    assert followed.status == "waiting for its first steps" and not followed.finished
    assert knows(role.agent) == fresh
    assert (run.folder / "live" / "wanted").exists()


def test_newer_agents_take_over_and_the_last_one_stays(run, role, actors, followed, clock, monkeypatch):
    steps, versions = [], []

    def context(progress):
        followed.pulse()
        if "training" in followed.status:
            steps.append(int(followed.status.split()[1].replace(",", "")))
        versions.append([actor.version for actor in actors])
        assert not followed.finished

    trained(run, clock, monkeypatch, context)
    assert len(set(steps)) > 5 and steps == sorted(steps)
    assert versions == sorted(versions) and versions[-1] == [len(set(steps))] * 2
    assert followed.status == f"training: {steps[-1]} of 400 steps"
    clock.now += 60
    for _ in range(3):
        followed.pulse()
        clock.now += 10
    assert followed.finished and followed.status == "trained: 400 steps"
    last = LoadedAgent(Run.open(run.folder)).agent
    assert knows(role.agent) == knows(last)
    assert followed.curve.at == 400
    assert list(followed.curve.steps) == [100, 200, 300, 400]
    assert not (run.folder / "live").exists(), "the watcher is closed"
    version = actors[0].version
    clock.now += 60
    followed.pulse()
    assert actors[0].version == version, "nothing is to come any more"
    assert not (run.folder / "live").exists()


def test_within_an_episode_it_waits_and_at_its_end_it_does_not(run, followed, clock, monkeypatch):
    """The newest answer is taken after PATIENCE, or at once by `refresh`."""
    broadcast = LivePublisher(run, role_in_training(run).agent)

    def answered(step):
        followed.pulse()
        clock.now += live.LOOK + 0.01
        assert broadcast.offer(Progress(step, 0, {}), None)

    with monkeypatch.context() as patch:
        patch.setattr(live, "SHARE", 0.0)
        answered(10)
        followed.refresh()
        began = clock.now
        assert followed.status == "training: 10 of 400 steps"
        while clock.now - began < PATIENCE - 1:
            answered(20)
            followed.pulse()
            assert followed.status == "training: 10 of 400 steps", clock.now - began
        followed.refresh()
        assert followed.status == "training: 20 of 400 steps", "its episode has ended"
        answered(30)
        clock.now += PATIENCE + 0.01
        followed.pulse()
        assert followed.status == "training: 30 of 400 steps"


def test_it_looks_once_a_second_when_there_is_nothing_new(run, followed, clock, monkeypatch):
    contexts = []
    monkeypatch.setattr(followed, "refresh", lambda: contexts.append(clock.now))
    for _ in range(1000):
        followed.pulse()
        clock.now += 0.01
    assert 9 <= len(contexts) <= 11
    assert min(b - a for a, b in itertools.pairwise(contexts)) >= POLL_INTERVAL


def test_a_show_takes_over_between_episodes_and_says_how_far_training_is(run, clock, monkeypatch):
    role = role_in_training(run)
    actor = role.actor(0)
    playback = Playback(
        [Player(role.factory, actor, seed=0, horizon=5)],
        title="",
        speed=8,
        follower=RunFollower(role, [actor]),
    )
    try:
        assert playback.status == "waiting for its first steps"
        playback.tick(0.1)
        trained(run, clock, monkeypatch)
        monkeypatch.setattr(follower, "PATIENCE", float("inf"))  # within an episode, never
        while not playback.over:
            playback.tick(0.1)
            assert playback.status == "waiting for its first steps"
        while not playback.tick(HOLD):
            pass
        assert playback.status.startswith("training: ")
        while not playback.tick(HOLD):
            pass
        assert playback.status == "trained: 400 steps"
    finally:
        playback.close()


def test_closing_takes_the_wish_back(run, clock):
    role = role_in_training(run)
    watching = RunFollower(role, [role.actor(0)])
    watching.pulse()
    watching.close()
    assert not (run.folder / "live").exists()


def test_a_run_that_was_followed_ends_in_the_same_bytes(run, followed, clock, monkeypatch, tmp_path):
    trained(run, clock, monkeypatch, lambda progress: followed.pulse())
    alone = Run.prepare(run.spec, 0, tmp_path / "alone")
    trained(alone, clock, monkeypatch)
    assert difference(contents(alone), contents(run)) is None


def test_what_does_not_fit_the_agent_is_no_answer(run, role, followed, clock):
    fresh = knows(role.agent)
    for state in ({"q": np.zeros(3)}, {}, {"other": 7}, [1, 2], "words", None):
        encoded = encode({"agent": state})
        told = json.dumps({"steps": 9, "episodes": 1, "metrics": {}, "evaluation": None}).encode()
        head = live.HEADER.pack(live.KIND, len(told), len(encoded.tree))
        (run.folder / "live" / "agent").write_bytes(head + told + encoded.tree + encoded.arrays)
        clock.now += PATIENCE + POLL_INTERVAL
        followed.pulse()
        followed.refresh()
        assert followed.status == "waiting for its first steps" and not followed.finished
        assert knows(role.agent) == fresh and role.curve.at == 0


def test_the_window_is_a_process_in_a_session_of_its_own(run, monkeypatch):
    called = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, **settings: called.append((words, settings)))
    open_watch_window(run)
    [(words, settings)] = called
    assert words == [sys.executable, "-m", "arena", "watch", str(run.folder), "--follow"]
    assert settings["start_new_session"] and settings["close_fds"]
    assert settings["stdin"] == subprocess.DEVNULL
    assert settings["stdout"] is settings["stderr"] and settings["stdout"].closed  # in this process
    assert (run.folder / "live" / "watch.log").exists()
    assert settings["stdout"].closed, "the training keeps no hand on it"
    assert (run.folder / "live" / "wanted").exists(), "it is wished for before the window is open"


def arena(*words):
    return [sys.executable, "-m", "arena", *words]


@pytest.fixture
def display():
    """A screen that nobody sees."""
    if which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as numbers:
        number = numbers.readline().strip()
    try:
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def window_of(folder):
    """The process that follows a run, or None."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if "--follow" in words and any(word.startswith(str(folder)) for word in words):
                return int(path.parent.name)
    return None


def wait_for(what):
    until = time.monotonic() + 30
    while not (found := what()):
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.01)
    return found


def test_killing_the_window_is_nothing_to_the_training(display, tmp_path, capsys):
    settings = ["--steps", "1M", "--seed", "0", "--evaluate-every", "500k", "--log-every", "100k", "--json"]
    screen = {name: value for name, value in os.environ.items() if name != "SDL_VIDEODRIVER"}
    words = arena("train", *CLIFF, *settings, "--out", str(tmp_path / "watched"), "--watch")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    window = None
    with subprocess.Popen(words, env={**screen, "DISPLAY": display}, **pipes) as training:
        try:
            window = wait_for(lambda: window_of(tmp_path / "watched"))
            training.send_signal(signal.SIGSTOP)  # until the window is open, however long that takes
            assert os.getsid(window) == window, "a session of its own: Ctrl-C in the terminal leaves it"
            [wanted] = (tmp_path / "watched").glob("*/live/wanted")
            before = wanted.stat().st_mtime_ns
            wait_for(lambda: wanted.stat().st_mtime_ns > before)
            assert training.poll() is None
        finally:
            if window is not None:
                os.kill(window, signal.SIGKILL)
            training.send_signal(signal.SIGCONT)
        out, complaints = training.communicate(timeout=60)
    assert training.returncode == 0, complaints.decode()
    assert main(["train", *CLIFF, *settings, "--out", str(tmp_path / "alone")]) == 0
    runs = [json.loads(text)["runs"][0] for text in (out, capsys.readouterr().out)]
    assert runs[0]["evaluation"] == runs[1]["evaluation"]
    folders = [next((tmp_path / name).iterdir()) for name in ("alone", "watched")]
    assert difference(*(contents(Run.open(folder)) for folder in folders)) is None
    assert (folders[1] / "live" / "agent").exists(), "it was watched"
    assert (folders[1] / "live" / "watch.log").read_text() == "", "and nothing was to complain of"
