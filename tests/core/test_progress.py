"""The progress bar: lines, notices, and what it costs."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from arena.agent import Progress
from arena.api import Results, train
from arena.experiment import Experiment
from arena.progress import _Bar, _Display, _Line, progress_bar
from arena.run import Run
from arena.tables_text import count, duration, number, results_text


@pytest.fixture
def runs(tmp_path):
    experiment = Experiment.create("q-learning", "arena/CliffWalk-v0", seeds=3, steps=1000)
    return [Run.prepare(experiment, seed, tmp_path) for seed in experiment.seeds]


def picture(display):
    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    console.print(display)
    return console.file.getvalue()


def test_lines(runs):
    display = _Display([_Line(run) for run in runs])
    bar = _Bar(display, Console(file=io.StringIO()))
    assert "compiling…" in picture(display)
    bar.progressed(runs[0], Progress(250), -20.0)
    picture(display)
    time.sleep(0.01)
    bar.progressed(runs[0], Progress(500), -13.0)
    drawn = picture(display)
    for word in ("q-learning on arena/CliffWalk-v0", "seed 0", "50%", "steps/s", "return -13", "0 of 3 runs"):
        assert word in drawn
    bar.progressed(runs[0], Progress(1000), -13.0)
    assert "1 of 3 runs" in picture(display)


def test_many_runs_share_a_line(runs):
    display = _Display([_Line(run) for run in runs] * 3)
    assert len(picture(display).splitlines()) == 1


def test_one_that_converges_early_is_done(runs):
    display = _Display([_Line(runs[0])])
    display.latest[runs[0].folder] = (Progress(10), None)
    picture(display)
    result = {
        "converged": True,
        "steps": 10,
        "evaluation": {"mean": 1.0},
        "optimum": None,
        "policy_value": None,
    }
    runs[0].write_result(result)
    time.sleep(0.6)
    drawn = picture(display)
    assert "done" in drawn
    assert "100%" in drawn


def test_without_a_terminal_only_notices(runs, capsys):
    with progress_bar(runs) as listener:
        listener.progressed(runs[0], Progress(1), None)
        listener.noticed(runs[1], "look here")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "q-learning on arena/CliffWalk-v0, seed 1: look here\n"


def test_news_is_noted_and_not_drawn(runs):
    display = _Display([_Line(runs[0])])
    bar = _Bar(display, Console(file=(drawn := io.StringIO())))
    for step in range(100):
        bar.progressed(runs[0], Progress(step), None)
    assert drawn.getvalue() == ""
    assert display.latest == {runs[0].folder: (Progress(99), None)}


def test_results_as_text(tmp_path):
    results = train("q-learning", "arena/CliffWalk-v0", steps=1000, seeds=4, out=tmp_path, progress=False)
    assert isinstance(results, Results)
    text = repr(results)
    assert text == results_text(results)
    assert text.splitlines()[0] == "q-learning on arena/CliffWalk-v0 · 4 seeds"
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()[1]) == len(text.splitlines()[2])


def test_numbers_for_people():
    assert [number(x) for x in (None, -13.0, 0.7442, 1e-17, -0.0)] == ["–", "-13", "0.7442", "0", "0"]
    assert [count(x) for x in (950, 12_345, 4_210_000)] == ["950", "12.3 k", "4.21 M"]
    assert [duration(x) for x in (0.31, 42, 185, 7500)] == ["0.31 s", "42 s", "3:05 min", "2:05 h"]
