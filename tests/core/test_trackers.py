"""Trackers see every line of metrics, and nothing that one does reaches the run."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib
import io
import json
import math
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from arena.errors import ArenaError, Interrupted
from arena.plugins.discovery import Plugins, use_plugins
from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import TrackerSpec
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.runs.trackers import grouped, hyperparameters
from arena.testing import contents, difference
from arena.training.runner import execute

CLIFF = "arena/CliffWalk-v0"


class Recorder:
    """Remembers what it is told, the newest of all in `made`."""

    made: ClassVar[list[Recorder]] = []

    def __init__(self, run, step):
        self.calls = [("begin", step)]
        Recorder.made.append(self)

    def log(self, step, values):
        self.calls.append(("log", step, values))

    def finish(self, result):
        self.calls.append(("finish", result))

    def close(self):
        self.calls.append(("close",))

    @property
    def steps(self):
        return [call[1] for call in self.calls if call[0] == "log"]


class Meddler(Recorder):
    """Draws from and seeds every generator, prints, and changes whatever it is given."""

    def __init__(self, run, step):
        super().__init__(run, step)
        self._meddle({})

    def log(self, step, values):
        self._meddle(values)

    def finish(self, result):
        result["evaluation"].clear()
        self._meddle(result)

    def close(self):
        self._meddle({})

    def _meddle(self, values):
        print("I am on standard output")
        np.random.seed(random.randrange(100))
        values.clear()


def failing(method, error):
    """A tracker that raises in one method."""

    def fail(self, *arguments):
        if method == "__init__":
            self.calls = []
        self.calls.append((method,))
        raise error

    return type("Failing", (Recorder,), {method: fail})


def raising_a_warning(self, step, values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("old", DeprecationWarning, stacklevel=1)


@pytest.fixture(autouse=True)
def _nobody_recorded():
    Recorder.made = []


@contextlib.contextmanager
def tracked_by(**trackers):
    """The trackers under the names of the arguments."""
    here = sys.modules[__name__]

    class Plugin:
        @hookimpl
        def arena_trackers(self):
            for name, made in trackers.items():
                setattr(here, f"tracker_{name}", made)
                yield TrackerSpec(name=name, summary="for a test", target=f"{__name__}:tracker_{name}")

    with use_plugins(Plugins(extra={"trackers": Plugin()}, allow=[*ALLOWED, "trackers"])):
        yield


ALLOWED = ("arena_tabular", "arena_gridworld")


class Told(Listener):
    def __init__(self, turns=math.inf):
        self.notices, self.turns = [], turns

    def progressed(self, run, progress, evaluation):
        self.turns -= 1

    def noticed(self, run, text):
        self.notices.append(text)

    def stopping(self):
        return self.turns <= 0


def prepared(folder, *trackers, **settings):
    defaults = {
        "steps": 1000,
        "seeds": [0],
        "horizon": 50,
        "episodes": 3,
        "evaluate_every": 500,
        "log_every": 50,
    }
    experiment = resolve_experiment("q-learning", CLIFF, trackers=trackers, **{**defaults, **settings})
    return Run.prepare(experiment, 0, folder)


def test_a_tracker_is_told_everything_in_order(tmp_path):
    with tracked_by(one=Recorder, two=Recorder):
        run = prepared(tmp_path, "one", "two")
        result = execute(run)
    lines = [json.loads(text) for text in run.metrics.read_text().splitlines()]
    for tracker in Recorder.made:
        begin, *logs, finish, close = tracker.calls
        assert (begin, finish, close) == (("begin", 0), ("finish", result), ("close",))
        assert [(step, {**values, "seconds": 0.0}) for _, step, values in logs] == [
            (line["step"], {**{k: v for k, v in line.items() if v is not None}, "seconds": 0.0})
            for line in lines
        ]
    assert len(Recorder.made) == 2


def test_only_finite_numbers_are_told(tmp_path):
    with tracked_by(one=Recorder):
        run = prepared(tmp_path, "one", log_every=1, steps=30)
        execute(run)
    assert "null" in run.metrics.read_text()  # no episode had ended
    numbers = [value for call in Recorder.made[0].calls if call[0] == "log" for value in call[2].values()]
    assert all(type(value) is float and math.isfinite(value) for value in numbers)


FAILURES = {
    "factory": (failing("__init__", ArenaError("it needs x", "pip install x")), "it needs x; pip install x"),
    "log": (failing("log", RuntimeError("no network")), "RuntimeError: no network"),
    "finish": (failing("finish", KeyError("mean")), "KeyError: 'mean'"),
    "close": (failing("close", OSError(28, "No space left on device")), "No space left on device"),
    "exit": (failing("log", SystemExit(3)), "SystemExit: 3"),
    "warning": (type("Warning", (Recorder,), {"log": raising_a_warning}), "DeprecationWarning: old"),
    "protocol": (type("Empty", (), {"__init__": lambda self, run, step: None}), "has no attribute 'log'"),
    "module": (None, "is not callable"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_reported_once_and_changes_nothing(kind, tmp_path):
    broken, said = FAILURES[kind]
    with tracked_by(broken=broken, sound=Recorder):
        plain = prepared(tmp_path / "plain")
        execute(plain)
        run, told = prepared(tmp_path / "run", "broken", "sound"), Told()
        execute(run, told)
    [notice] = told.notices
    assert notice.startswith("tracker broken failed, and the run continues without it: ")
    assert said in notice
    assert len(notice.splitlines()) == 1
    assert difference(contents(plain), contents(run)) is None
    # The last that was made is the sound one.
    assert [call[0] for call in Recorder.made[-1].calls] == ["begin", *["log"] * 20, "finish", "close"]


@pytest.mark.parametrize("method", ["log", "finish"])
def test_one_that_failed_is_closed_at_once(method, tmp_path):
    with tracked_by(broken=failing(method, RuntimeError("first"))):
        execute(prepared(tmp_path, "broken"), Told())
    kinds = [call[0] for call in Recorder.made[0].calls]
    assert kinds[-2:] == [method, "close"]
    assert kinds.count("close") == kinds.count(method) == 1


def test_one_whose_closing_fails_too_is_reported_once(tmp_path):
    broken = type(
        "Broken", (failing("log", RuntimeError("first")), failing("close", RuntimeError("second"))), {}
    )
    told = Told()
    with tracked_by(broken=broken):
        execute(prepared(tmp_path, "broken"), told)
    [notice] = told.notices
    assert "first" in notice


def test_ctrl_c_in_a_tracker_stops_the_run(tmp_path):
    with tracked_by(one=failing("log", KeyboardInterrupt()), two=Recorder):
        with pytest.raises(KeyboardInterrupt):
            execute(prepared(tmp_path, "one", "two"))
    assert Recorder.made[-1].calls[-1] == ("close",)


def test_a_meddler_reaches_neither_the_run_nor_its_neighbour(tmp_path, capsys):
    with tracked_by(meddler=Meddler, recorder=Recorder):
        plain = prepared(tmp_path / "plain")
        expected = execute(plain)
        run, told = prepared(tmp_path / "run", "meddler", "recorder"), Told()
        before = random.getstate()
        result = execute(run, told)
        random.setstate(before)
    assert (result, told.notices) == (expected, [])
    assert difference(contents(plain), contents(run)) is None
    assert all(call[2] for call in Recorder.made[1].calls if call[0] == "log")
    said = capsys.readouterr()
    assert said.out == ""
    assert "I am on standard output" in said.err


def test_stdout_is_itself_again(tmp_path):
    with (
        tracked_by(one=failing("__init__", RuntimeError())),
        contextlib.redirect_stdout(io.StringIO()) as ours,
    ):
        execute(prepared(tmp_path, "one"))
        assert sys.stdout is ours


def test_a_resumed_run_says_where_it_stands(tmp_path):
    with tracked_by(one=Recorder):
        run = prepared(tmp_path, "one")
        with pytest.raises(Interrupted) as stopped:
            execute(run, Told(turns=7))
        execute(Run.open(run.folder))
    first, second = Recorder.made
    [stood] = [int(word.strip(",;")) for word in str(stopped.value).split() if word.strip(",;").isdecimal()][
        :1
    ]
    assert second.calls[0] == ("begin", stood)
    assert first.calls[-1] == ("close",)
    assert [*first.steps, *second.steps] == list(range(50, 1001, 50))


def test_a_finished_run_that_trains_on_does_so_too(tmp_path):
    with tracked_by(one=Recorder):
        execute(prepared(tmp_path, "one"))
        execute(prepared(tmp_path, "one", steps=1500))
        execute(prepared(tmp_path, "one", steps=1500))  # free: nobody is told
    _, second = Recorder.made
    assert second.calls[0] == ("begin", 1000)
    assert second.steps == list(range(1050, 1501, 50))


def test_a_tracker_that_is_not_installed_here_is_reported_once(tmp_path):
    with tracked_by(elsewhere=Recorder):
        folder = prepared(tmp_path, "elsewhere").folder
    told = Told()
    with tracked_by(recorder=Recorder):
        run = Run.open(folder)
        execute(run, told)
    assert run.spec.trackers == ("elsewhere",)
    [notice] = told.notices
    assert "no tracker is called 'elsewhere'" in notice


@pytest.mark.parametrize("names", [(), ("one",), ("one", "two")])
def test_which_trackers_is_kept_and_is_not_in_the_id(names, tmp_path):
    with tracked_by(one=Recorder, two=Recorder):
        run = prepared(tmp_path, *names)
        assert Run.open(run.folder).spec.trackers == names
        assert run.folder == prepared(tmp_path).folder
        assert prepared(tmp_path, *names[:1]).spec.trackers == names[:1]  # the last word counts


def test_an_unknown_tracker_is_refused_before_anything_is_trained():
    with tracked_by(one=Recorder), pytest.raises(ArenaError, match="did you mean 'one'"):
        resolve_experiment("q-learning", CLIFF, trackers=["onee"])


def test_grouped_names():
    values = {"step": 1, "evaluation": 2, "episode_return": 3, "episodes": 4, "seconds": 5, "td_error": 6}
    before = copy.copy(values)
    assert grouped(values) == {
        "evaluation/return": 2,
        "episode/return": 3,
        "training/episodes": 4,
        "training/seconds": 5,
        "agent/td_error": 6,
    }
    assert values == before


def test_hyperparameters_are_flat_and_plain():
    experiment = resolve_experiment(
        "q-learning", CLIFF, agent_options={"discount": 0.5}, env_options={"slip": 0.1}
    )
    chosen = hyperparameters(experiment)
    assert (chosen["agent"], chosen["env"], chosen["envs"]) == ("q-learning", CLIFF, 1)
    assert (chosen["agent.discount"], chosen["env.slip"]) == (0.5, 0.1)
    odd_factory = dataclasses.replace(
        experiment.factory, wrappers=("A",), options={"map": None, "sizes": (1, 2)}
    )
    odd = experiment.replaced(factory=odd_factory)
    assert hyperparameters(odd)["env.map"] == "None"
    assert (hyperparameters(odd)["env.sizes"], hyperparameters(odd)["wrap"]) == ("[1, 2]", '["A"]')
    assert all(isinstance(value, bool | int | float | str) for value in hyperparameters(odd).values())


def test_standard_output_is_one_object_whatever_a_tracker_prints(tmp_path):
    code = (
        f"import sys; sys.path[:0] = {[*sys.path]!r}\n"
        "import test_trackers\n"
        "from arena.cli import main\n"
        "with test_trackers.tracked_by(meddler=test_trackers.Meddler):\n"
        f"    sys.exit(main(['train', 'q-learning', {CLIFF!r}, '--steps', '200', '--seeds', '1', '--json',\n"
        f"        '--out', {str(tmp_path)!r}, '--track', 'meddler']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["runs"][0]["steps"] == 200
    assert "I am on standard output" in done.stderr


def test_the_documented_tracker_works(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "tracking.md"
    [text] = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "rows.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "rows", raising=False)
    plugin = importlib.import_module("rows")
    with use_plugins(Plugins(extra={"rows": plugin}, allow=[*ALLOWED, "rows"])):
        run, told = prepared(tmp_path / "runs", "rows"), Told()
        with pytest.raises(Interrupted):
            execute(run, Told(turns=5))
        with (run.folder / "rows.csv").open("a") as file:
            file.write("950,td_error,0.5\n")  # as a process that was killed leaves it
        execute(Run.open(run.folder), told)
    assert told.notices == []
    rows = [row.split(",") for row in (run.folder / "rows.csv").read_text().splitlines()]
    assert [int(step) for step, name, _ in rows if name == "episodes"] == list(range(50, 1001, 50))
    assert sum(name == "td_error" for _, name, _ in rows) == 20
