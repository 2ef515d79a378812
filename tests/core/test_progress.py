"""The progress bar: lines, notices, and what it costs."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from arena.api import train
from arena.errors import ArenaError, Interrupted
from arena.launch.base import BUSY
from arena.results.progress_bar import MARGIN, MOST_LINES, _Bar, _Display, progress_bar
from arena.results.results import Results, results_text
from arena.results.text import format_count, format_duration, format_number
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.streams.base import Progress
from run_files import noted


@pytest.fixture
def runs(tmp_path):
    experiment = resolve_experiment("q-learning", "arena/CliffWalk-v0", seeds=3, steps=1000)
    return [Run.prepare(experiment, seed, tmp_path) for seed in experiment.seeds]


def picture(display, width=110):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(display)
    return console.file.getvalue()


def test_lines(runs):
    display = _Display(runs)
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


@pytest.fixture
def many(tmp_path):
    """Sixty runs of thirty experiments."""
    found = [
        resolve_experiment(agent, env, agent_options={"learning_rate": size}, seeds=2, steps=1000)
        for agent in ("q-learning", "sarsa")
        for env in ("arena/CliffWalk-v0", "FrozenLake-v1", "CliffWalking-v1")
        for size in (0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    return [Run.prepare(experiment, seed, tmp_path) for experiment in found for seed in experiment.seeds]


def test_many_runs_share_a_line(many):
    display = _Display(many)
    [line] = picture(display).splitlines()
    assert "0 of 60 runs" in line
    assert "compiling…" in line


@pytest.mark.parametrize("width", [80, 120, 200])
def test_of_many_runs_those_in_training_have_a_line(many, width):
    display = _Display(many, already=40)
    bar = _Bar(display, Console(file=io.StringIO()))
    for i, run in enumerate(many):
        bar.progressed(run, Progress(1000 if i < 30 else 500), -20.0)
    drawn = picture(display, width).splitlines()
    assert len(drawn) == 1 + MOST_LINES
    assert max(map(len, drawn)) <= min(width - MARGIN, 120)  # ^C must not fold a line
    assert "70 of 100 runs" in drawn[0]
    assert "85%" in drawn[0]
    for line in drawn[1:]:
        for word in ("sarsa learning_rate=0.", "seed ", "50%"):
            assert word in line
        assert "arena/CliffWalk-v0" in line or "CliffWalking-v1" in line


def test_failures_are_counted(many):
    display = _Display(many)
    bar = _Bar(display, Console(file=io.StringIO()))
    for run in many[:3]:
        bar.progressed(run, Progress(500), None)
    bar.ended(many[0], ArenaError("no"))
    bar.ended(many[1], {"converged": True})
    drawn = picture(display).splitlines()
    assert "1 of 60 runs" in drawn[0]
    assert "1 failed" in drawn[0]
    assert len(drawn) == 2


def test_what_is_interrupted_has_not_failed(many):
    display = _Display(many)
    bar = _Bar(display, Console(file=io.StringIO()))
    bar.progressed(many[0], Progress(500), None)
    bar.ended(many[0], Interrupted("stopped"))
    drawn = picture(display).splitlines()
    assert "0 of 60 runs" in drawn[0]
    assert "failed" not in drawn[0]


def test_runs_of_other_processes_are_counted_until_they_are_ours_or_end(many, runs):
    for display, three in ((_Display(many), many[:3]), (_Display(runs), runs)):
        bar = _Bar(display, Console(file=(notices := io.StringIO())))
        for run in three:
            bar.noticed(run, BUSY)
        assert picture(display).splitlines()[-1] == "  3 trained by another process"
        bar.progressed(three[0], Progress(1), None)
        bar.ended(three[1], {"converged": True})
        assert picture(display).splitlines()[-1] == "  1 trained by another process"
        bar.ended(three[2], {"converged": True})
        assert "another process" not in picture(display)
        assert notices.getvalue() == ""


def test_without_a_terminal_the_first_run_of_another_process_is_told(runs, capsys):
    with progress_bar(runs) as listener:
        for run in runs:
            listener.noticed(run, BUSY)
        listener.noticed(runs[0], "its worker died")
        listener.announced("starting a cluster…")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"q-learning on arena/CliffWalk-v0, seed 0: {BUSY}",
        "q-learning on arena/CliffWalk-v0, seed 0: its worker died",
        "starting a cluster…",
    ]


def test_what_is_going_on_before_the_first_news(many):
    display = _Display(many)
    bar = _Bar(display, Console(file=(notices := io.StringIO())))
    bar.announced("starting a cluster…")
    assert "starting a cluster…" in picture(display)
    bar.progressed(many[0], Progress(1), None)
    assert "starting" not in picture(display)
    assert notices.getvalue() == ""


def test_notices_are_not_folded(many):
    bar = _Bar(_Display(many), Console(file=(notices := io.StringIO()), width=40))
    bar.noticed(many[0], text := f"`arena resume runs/{'x' * 60}` goes on")
    assert text in notices.getvalue()


def test_what_another_process_finished_is_found(many):
    display = _Display(many)
    bar = _Bar(display, Console(file=io.StringIO()))
    bar.progressed(many[0], Progress(1), None)
    result = {
        "steps": 1000,
        "evaluation": {"mean": 1.0},
        "optimum": None,
        "policy_value": None,
        "metrics": noted(b""),
    }
    for run in many[-20:]:
        run.write_result(result)
    picture(display)  # a few folders at each redrawing
    assert "20 of 60 runs" in picture(display)


def test_a_redrawing_of_a_thousand_runs_reads_few_files(many, tmp_path, monkeypatch):
    runs = [Run(tmp_path / f"{i}", many[0].spec) for i in range(1000)]
    display = _Display(runs)
    looked = []
    monkeypatch.setattr(Run, "result", lambda run: looked.append(run))
    picture(display)
    assert len(looked) <= 50


def test_speed_and_time_left_are_those_of_this_session(runs, monkeypatch):
    runs[0].metrics.touch()  # it goes on from a checkpoint
    display = _Display(runs[:1], already=1)
    bar = _Bar(display, Console(file=io.StringIO()))
    now = 100.0
    monkeypatch.setattr("arena.results.progress_bar.time.monotonic", lambda: now)
    for steps in (500, 600):
        bar.progressed(runs[0], Progress(steps), None)
        drawn = picture(display)
        now += 2.0
    assert "50 steps/s" in drawn
    assert "80%" in drawn  # of both runs
    assert "8 s left" in drawn


def test_one_that_converges_early_is_done(runs):
    display = _Display(runs[:1])
    display.news[runs[0].folder] = (Progress(10), None)
    picture(display)
    result = {
        "converged": True,
        "steps": 10,
        "evaluation": {"mean": 1.0},
        "optimum": None,
        "policy_value": None,
        "metrics": noted(b""),
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
    display = _Display(runs[:1])
    bar = _Bar(display, Console(file=(drawn := io.StringIO())))
    for step in range(100):
        bar.progressed(runs[0], Progress(step), None)
    assert drawn.getvalue() == ""
    assert display.news == {runs[0].folder: (Progress(99), None)}


def test_results_as_text(tmp_path):
    results = train("q-learning", "arena/CliffWalk-v0", steps=1000, seeds=4, out=tmp_path, progress=False)
    assert isinstance(results, Results)
    text = repr(results)
    assert text == results_text(results)
    assert text.splitlines()[0] == "q-learning on arena/CliffWalk-v0 · 4 seeds"
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()[1]) == len(text.splitlines()[2])


def test_numbers_for_people():
    assert [format_number(x) for x in (None, -13.0, 0.7442, 1e-17, -0.0)] == ["–", "-13", "0.7442", "0", "0"]
    assert [format_count(x) for x in (950, 12_345, 4_210_000)] == ["950", "12.3 k", "4.21 M"]
    assert [format_duration(x) for x in (0.31, 42, 185, 7500)] == ["0.31 s", "42 s", "3:05 min", "2:05 h"]
