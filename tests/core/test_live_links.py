"""A run folder may be a stranger's: nothing is written through a link in it, and nothing waits for a pipe."""

import os
import subprocess
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from arena.errors import ArenaError
from arena.runs.live import LivePublisher, LiveSubscriber, open_watch_window
from arena.streams.base import Progress

if not hasattr(os, "O_NOFOLLOW"):
    pytest.skip("needs O_NOFOLLOW", allow_module_level=True)

LEARNER = SimpleNamespace(snapshot=lambda: {"q": np.zeros(3)})
PROGRESS = Progress(12, 3, {})


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run" / "live").mkdir(parents=True)
    return SimpleNamespace(folder=tmp_path / "run")


@pytest.fixture
def victim(tmp_path):
    """A file of somebody's, that is as it was at the end."""
    path = tmp_path / "victim"
    path.write_text("precious")
    os.utime(path, (1000, 1000))
    yield path
    assert path.read_text() == "precious" and path.stat().st_mtime == 1000


def test_a_wish_is_not_written_through_a_link(run, victim):
    (run.folder / "live" / "wanted").symlink_to(victim)
    LiveSubscriber(run).wish()


def test_complaints_are_not_written_through_a_link(run, victim, monkeypatch):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **settings: started.append(words))
    (run.folder / "live" / "watch.log").symlink_to(victim)
    with pytest.raises(ArenaError, match=r"watch\.log is a link"):
        open_watch_window(run)
    assert not started


def test_an_answer_is_not_written_through_a_link(run, victim):
    live = run.folder / "live"
    (live / "agent").symlink_to(victim)
    (live / "wanted").touch()
    assert LivePublisher(run, LEARNER).offer(PROGRESS, None), "an answer is a file of its own"
    assert LiveSubscriber(run).newest().steps == 12


def test_an_answer_behind_a_link_is_none(run, tmp_path):
    live = run.folder / "live"
    (live / "wanted").touch()
    assert LivePublisher(run, LEARNER).offer(PROGRESS, None)
    assert LiveSubscriber(run).newest() is not None
    (live / "agent").rename(tmp_path / "elsewhere")
    (live / "agent").symlink_to(tmp_path / "elsewhere")
    assert LiveSubscriber(run).newest() is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
@pytest.mark.parametrize("kind", ["agent", "wanted"])
def test_nobody_waits_at_a_pipe(run, kind):
    live = run.folder / "live"
    (live / "wanted").touch()
    (live / kind).unlink(missing_ok=True)
    os.mkfifo(live / kind)
    seen = []

    def both():
        watcher = LiveSubscriber(run)
        seen.append(watcher.newest())
        watcher.wish()
        LivePublisher(run, LEARNER).offer(PROGRESS, None)
        watcher.close()
        seen.append("done")

    thread = threading.Thread(target=both, daemon=True)
    thread.start()
    thread.join(10)
    assert seen == [None, "done"]
