"""The channel between a run and whoever watches: wishes are answered, cheaply, and no byte of the run knows of it."""

from __future__ import annotations

import errno
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from agent_cases import AGENTS

from arena.errors import ArenaError
from arena.experiments.fit import Fit
from arena.frames import open_source
from arena.frames.references import data_reference
from arena.runs import live
from arena.runs.listener import Listener
from arena.runs.live import HEADER, KIND, LivePublisher, LiveSubscriber
from arena.runs.loaded_agent import LoadedAgent
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.storage import files
from arena.storage.codec import encode
from arena.streams.base import Progress
from arena.testing import Trial, contents, difference
from arena.training import session
from arena.training.runner import execute
from planted_clock import Clock

CLIFF = ("q-learning", "arena/CliffWalk-v0")
PROGRESS = Progress(1234, 5, {"loss": 0.5})

#: A table, a network, an actor and a critic by steps and by rollouts, and another library's.
WATCHED = [case for case in AGENTS if case.agent in ("q-learning", "dqn", "actor-critic", "ppo", "sb3-dqn")]


class Learner:
    """Something that can be watched, whose snapshot takes its time."""

    def __init__(self, clock, seconds=0.0):
        self.clock, self.seconds, self.asked = clock, seconds, 0

    def snapshot(self):
        self.asked += 1
        self.clock.now += self.seconds
        return {"q": np.arange(self.asked)}


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


@pytest.fixture
def run(tmp_path):
    return Run.prepare(experiment(*CLIFF), 0, tmp_path)


def experiment(agent, env, steps=120, **settings):
    small = {"evaluate_every": 60, "log_every": 10, "episodes": 2, "horizon": 20, "trackers": []}
    return resolve_experiment(agent, env, steps=steps, seeds=[0], **{**small, **settings})


def wished(run):
    (run.folder / "live").mkdir(exist_ok=True)
    (run.folder / "live" / "wanted").touch()


def written(run):
    folder = run.folder / "live"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


def acted(agent, batch):
    """What it does, not exploring."""
    return agent.act(batch, None, explore=False, generator=np.random.default_rng(0))[0]


def put(run, data):
    (run.folder / "live").mkdir(exist_ok=True)
    (run.folder / "live" / "agent").write_bytes(data)


def answered(run, learner, progress=PROGRESS, evaluation=-13.0):
    """The bytes of an answer."""
    wished(run)
    assert LivePublisher(run, learner).offer(progress, evaluation)
    return (run.folder / "live" / "agent").read_bytes()


def test_nothing_is_written_while_nobody_wishes(run, clock):
    learner = Learner(clock)
    broadcast = LivePublisher(run, learner)
    for _ in range(100):
        clock.now += 1
        assert not broadcast.offer(PROGRESS, None)
    assert learner.asked == 0
    assert written(run) is None


@pytest.mark.parametrize("case", WATCHED, ids=lambda case: case.agent)
def test_an_answer_is_what_the_agent_had(case, tmp_path):
    run = Run.prepare(experiment(*case), 0, tmp_path)
    with Trial(*case) as trial:
        trial.train(100)
        watcher = LiveSubscriber(run)
        watcher.wish()
        assert LivePublisher(run, trial.agent).offer(PROGRESS, -13.0)
        answer = watcher.newest()
        assert (answer.steps, answer.episodes, answer.evaluation) == (1234, 5, -13.0)
        assert answer.metrics == {"loss": 0.5}
        assert encode({"agent": answer.state}) == encode({"agent": trial.agent.snapshot()})
        fresh = LoadedAgent(run, None).agent
        fresh.load_snapshot(answer.state)
        assert encode({"agent": fresh.snapshot()}) == encode({"agent": trial.agent.snapshot()})
        batch = trial.observations(64)
        actions = [acted(one, batch) for one in (trial.agent, fresh)]
        np.testing.assert_array_equal(*actions)
        assert watcher.newest() is None, "it has been taken"
        watcher.close()


@pytest.mark.parametrize(("age", "stands"), [(0, True), (9, True), (11, False), (10_000, False)])
def test_a_wish_is_forgotten_after_ten_seconds(run, clock, age, stands):
    wished(run)
    then = clock.wall - age
    os.utime(run.folder / "live" / "wanted", (then, then))
    assert LivePublisher(run, Learner(clock)).offer(PROGRESS, None) == stands
    assert ("agent" in written(run)) == stands


def test_a_wish_is_renewed_every_second(run, clock, monkeypatch):
    watcher, touched = LiveSubscriber(run), []
    path = run.folder / "live" / "wanted"
    for _ in range(40):
        watcher.wish()
        touched.append(path.exists())
        path.unlink(missing_ok=True)
        clock.now += 0.125
    assert sum(touched) == 5


def test_it_looks_four_times_a_second_at_most(run, clock, monkeypatch):
    looks = []
    monkeypatch.setattr(LivePublisher, "_wanted", lambda self: bool(looks.append(clock.now)))
    broadcast = LivePublisher(run, Learner(clock))
    for _ in range(1000):
        broadcast.offer(PROGRESS, None)
        clock.now += 0.01
    assert 39 <= len(looks) <= 41
    assert min(np.diff(looks)) >= live.LOOK - 1e-9


@pytest.mark.parametrize("seconds", [0.001, 0.1, 3.0])
def test_answers_take_a_fortieth_of_the_time_at_most(run, clock, seconds):
    wished(run)
    learner, began = Learner(clock, seconds), clock.now
    broadcast = LivePublisher(run, learner)
    while clock.now < began + 500 * seconds + 50:
        broadcast.offer(PROGRESS, None)
        clock.now += max(seconds / 10, 0.01)
    assert learner.asked >= 5
    # The first one is free, and the last one has not been paid for yet.
    assert (learner.asked - 1) * seconds <= (clock.now - began) / 40


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT])
@pytest.mark.parametrize("where", ["open", "replace"])
def test_a_disk_that_fails_does_not_reach_the_run(run, clock, monkeypatch, number, where):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    wished(run)
    monkeypatch.setattr(files.Folder, "create" if where == "open" else "rename", fail)
    learner = Learner(clock)
    LivePublisher(run, learner).offer(PROGRESS, None)
    assert learner.asked == 1
    monkeypatch.undo()
    assert written(run) == ["wanted"], "and leaves no part of a file"


def test_a_folder_that_was_deleted_does_not_reach_the_run(run, clock, monkeypatch):
    broadcast = LivePublisher(run, Learner(clock))
    monkeypatch.setattr(LivePublisher, "_wanted", lambda self: True)
    broadcast.offer(PROGRESS, None)
    assert written(run) is None


def test_nothing_is_written_through_a_link(run, tmp_path, clock):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "wanted").touch()
    (run.folder / "live").symlink_to(elsewhere)
    LivePublisher(run, Learner(clock)).offer(PROGRESS, None)
    assert os.listdir(elsewhere) == ["wanted"]
    with pytest.raises(ArenaError, match="link"):
        LiveSubscriber(run)


def test_a_folder_that_cannot_be_written_is_said_in_one_line(run, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.Folder, "make", fail)
    with pytest.raises(ArenaError, match=r"cannot write .*live: Permission denied; make it writable"):
        LiveSubscriber(run)


def test_a_torn_answer_is_none(run, clock):
    whole = answered(run, Learner(clock))
    watcher = LiveSubscriber(run)
    for end in [*range(0, HEADER.size + 2), *range(HEADER.size + 2, len(whole), 7), len(whole) - 1]:
        put(run, whole[:end])
        assert watcher.newest() is None, f"{end} of {len(whole)} bytes"
    put(run, whole)
    assert watcher.newest() is not None, "and does not stand in the way of a whole one"


HEAD = json.dumps({"steps": 1, "episodes": 0, "metrics": {}, "evaluation": None}).encode()
STATE = encode({"agent": {"q": np.zeros(3)}})


def file_of(head=HEAD, tree=STATE.tree, arrays=STATE.arrays, kind=KIND, lengths=None):
    return HEADER.pack(kind, *(lengths or (len(head), len(tree)))) + head + tree + arrays


HOSTILE = {
    "of another kind": file_of(kind=b"arena-l9"),
    "text": b"it is not for you " * 10,
    "a long head": file_of(lengths=(2**64 - 1, 2**64 - 1)),
    "a long tree": file_of(lengths=(len(HEAD), 2**63)),
    "a long header of arrays": file_of(arrays=(2**62).to_bytes(8, "little") + b"{}"),
    "arrays that are not there": file_of(
        arrays=(n := b'{"agent.q":{"dtype":"F64","shape":[1099511627776],"data_offsets":[0,8796093022208]}}')
        and len(n).to_bytes(8, "little") + n
    ),
    "a deep head": file_of(head=b"[" * 100_000),
    "a deep tree": file_of(tree=b"[" * 100_000),
    "a head that is a list": file_of(head=b"[1, 2]"),
    "a head that is a number": file_of(head=b"1"),
    "steps that are words": file_of(head=HEAD.replace(b'"steps": 1', b'"steps": "many"')),
    "steps without end": file_of(head=HEAD.replace(b'"steps": 1', b'"steps": Infinity')),
    "metrics that are a number": file_of(head=HEAD.replace(b"{}", b"7")),
    "a head that says less": file_of(head=b"{}"),
    "a state that is a list": file_of(tree=b'{"format":1,"state":[]}'),
    "another state": file_of(tree=encode({"other": {}}).tree, arrays=encode({"other": {}}).arrays),
}


def test_the_planted_answer_would_be_one(run):
    put(run, file_of())
    assert LiveSubscriber(run).newest().steps == 1


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_answer_of_ours_is_none(run, data):
    put(run, data)
    assert LiveSubscriber(run).newest() is None


def test_closing_leaves_nothing_behind(run, clock):
    before = sorted(path.name for path in run.folder.iterdir())
    watcher = LiveSubscriber(run)
    watcher.wish()
    answered(run, Learner(clock))
    watcher.log.touch()
    watcher.close()
    assert sorted(path.name for path in run.folder.iterdir()) == before
    watcher.close()  # again does no harm


def test_closing_keeps_complaints(run):
    watcher = LiveSubscriber(run)
    watcher.log.write_text("arena: there is no display\n")
    watcher.close()
    assert written(run) == ["watch.log"]


def test_closing_clears_away_what_a_killed_run_left(run):
    watcher = LiveSubscriber(run)
    (run.folder / "live" / ".saving-123").write_bytes(b"half")
    watcher.close()
    assert written(run) is None


def test_a_watcher_that_goes_leaves_the_other_one_watching(run, clock):
    one, other = LiveSubscriber(run), LiveSubscriber(run)
    learner = Learner(clock)
    broadcast = LivePublisher(run, learner)
    for watcher in (one, other):
        watcher.wish()
    assert broadcast.offer(PROGRESS, None)
    assert one.newest() is not None and other.newest() is not None, "an answer is for everybody"
    one.close()
    clock.now += 2
    other.wish()
    assert broadcast.offer(PROGRESS, None)
    assert other.newest().state["q"].tolist() == [0, 1]


def test_wishing_does_not_bring_back_a_run_that_was_deleted(run, clock):
    watcher = LiveSubscriber(run)
    for path in sorted(run.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run.folder.rmdir()
    watcher.wish()
    assert watcher.newest() is None
    watcher.close()
    assert not run.folder.exists()


@pytest.fixture
def eagerly(monkeypatch):
    """Every turn is a step long, and answered; how often that was."""
    counted = SimpleNamespace(answers=0)
    for name, value in (("LOOK", 0.0), ("SHARE", 0.0), ("FORGET", float("inf"))):
        monkeypatch.setattr(live, name, value)
    monkeypatch.setattr(session, "PACE_SECONDS", 0.0)
    offer = LivePublisher.offer

    def counting(self, *said):
        done = offer(self, *said)
        counted.answers += done
        return done

    monkeypatch.setattr(LivePublisher, "offer", counting)
    return counted


class _Stops(Listener):
    def __init__(self, turns):
        self.turns = turns

    def progressed(self, run, progress, evaluation):
        self.turns -= 1

    def stopping(self):
        return self.turns <= 0


def trained(one, folder, *, watched, stops=()):
    run = Run.prepare(one, 0, folder)
    if watched:
        wished(run)
    for turns in stops:
        with pytest.raises(ArenaError, match="stopped at step"):
            execute(run, _Stops(turns))
    execute(run, Listener())
    assert ("agent" in (written(run) or ())) == watched
    return contents(run)


@pytest.mark.parametrize("case", WATCHED, ids=lambda case: case.agent)
def test_a_watched_run_has_an_unwatched_one_s_bytes(case, tmp_path, eagerly):
    one = experiment(*case)
    alone = trained(one, tmp_path / "alone", watched=False)
    assert eagerly.answers == 0
    watched = trained(one, tmp_path / "watched", watched=True)
    assert eagerly.answers > 1
    assert difference(alone, watched) is None
    again = trained(one, tmp_path / "again", watched=True, stops=[1] if eagerly.answers < 10 else [3, 2])
    assert difference(alone, again) is None, "resumed while it was watched"


@pytest.mark.parametrize("encoder", ["ae", "pca"])
def test_a_watched_fit_has_an_unwatched_one_s_bytes(encoder, tmp_path, eagerly):
    data = data_reference(str(open_source("digits", out=tmp_path / "digits").folder))
    small = {"ae": {"latent": 3, "hidden_sizes": [], "channels": []}, "pca": {"latent": 3}}[encoder]
    settings = {"trackers": [], "evaluate_every": 9, "log_every": 4, "encoder_options": small}
    one = Fit.create(encoder, data, steps=28, **settings)
    alone = trained(one, tmp_path / "alone", watched=False)
    watched = trained(one, tmp_path / "watched", watched=True)
    assert eagerly.answers > 1
    assert difference(alone, watched) is None
