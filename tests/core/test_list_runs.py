"""``arena list runs`` against brute force over folders made up here, and ``arena list`` of trackers and launchers."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from run_folders import fake

import arena.experiments.experiment
import arena.runs.run
from arena.cli import main, run_index, runs
from arena.cli.run_filters import SORTS, Condition
from arena.cli.run_table import run_table
from arena.plugins.specs import LauncherSpec, TrackerSpec
from arena.runs.run import Run, find_runs
from run_files import put

KEYS = {
    *("path", "agent", "env", "seed", "steps", "total", "mean", "best", "status", "error"),
    *("seconds", "options", "num_envs", "modified"),
}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Some two hundred runs of all kinds, and what was put into them."""
    out, draw, truth = tmp_path_factory.mktemp("many"), random.Random(3), {}
    for i in range(200):
        one = {
            "agent": draw.choice(["sarsa", "q-learning", "expected-sarsa"]),
            "env": draw.choice(["arena/CliffWalk-v0", "arena/Grid-v0", "FrozenLake-v1"]),
            "seed": draw.randrange(4),
            "total": draw.choice([500, 1000, 2000]),
            "at": draw.choice([None, None, 0, 300]),
            "mean": draw.choice([-13.0, 0.25, 7, -100.5]),
            "num_envs": draw.choice([1, 4]),
            "agent_options": {
                "learning_rate": draw.choice([0.1, 0.5, 1]),
                "behavior": draw.choice(["ucb", "softmax"]),
            },
            "env_options": {
                "slip": draw.choice([0, 0.1]),
                "map": draw.choice([None, "a.txt"]),
                "big": i % 2 == 0,
            },
        }
        folder = fake(out / draw.choice(["a", "b/c", "b"]) / f"run{i:03}", **one)
        os.utime(folder / "run.json", (2e9 + i, 2e9 + i))
        truth[str(folder)] = one
    for name, text in {"x": "{", "y": '{"schema": 99}', "z": "[]"}.items():
        (out / "b" / name).mkdir(parents=True)
        (out / "b" / name / "run.json").write_text(text)
    put(out / "b" / "y" / "run.json", {"schema": 99})
    return out, truth


WHERE = [
    ("agent.learning_rate=0.1", lambda one: one["agent_options"]["learning_rate"] == 0.1),
    ("agent.learning-rate = 1.00", lambda one: one["agent_options"]["learning_rate"] == 1),
    ("agent.learning_rate!=.5", lambda one: one["agent_options"]["learning_rate"] != 0.5),
    ("agent.learning_rate<1", lambda one: one["agent_options"]["learning_rate"] < 1),
    ("agent.learning_rate<=5e-1", lambda one: one["agent_options"]["learning_rate"] <= 0.5),
    ("agent.learning_rate>0.1", lambda one: one["agent_options"]["learning_rate"] > 0.1),
    ("steps>=1k", lambda one: one["total"] >= 1000),
    ("steps==2e3", lambda one: one["total"] == 2000),
    ("env.slip=0", lambda one: one["env_options"]["slip"] == 0),
    ("env.map=None", lambda one: one["env_options"]["map"] is None),
    ("env.map!=a.txt", lambda one: one["env_options"]["map"] != "a.txt"),
    ("env.map>0", lambda one: False),
    ("env.big=TRUE", lambda one: one["env_options"]["big"]),
    ("agent.behavior=ucb", lambda one: one["agent_options"]["behavior"] == "ucb"),
    ("num_envs=4", lambda one: one["num_envs"] == 4),
    ("agent=sarsa", lambda one: one["agent"] == "sarsa"),
    ("seed<2", lambda one: one["seed"] < 2),
    ("wrappers=[]", lambda one: True),
]


@pytest.mark.parametrize(("text", "law"), WHERE, ids=[text for text, _ in WHERE])
def test_where_is_brute_force(listed, many, text, law):
    out, truth = many
    found = [row["path"] for row in listed(out, "--where", text)]
    assert sorted(found) == sorted(path for path, one in truth.items() if law(one))


def test_every_filter_is_brute_force(listed, many):
    out, truth = many
    rows = {row["path"]: row for row in listed(out)}
    assert rows.keys() > truth.keys()
    kinds = {
        "--agent": [["sarsa"], ["*sarsa"], ["q-*", "sarsa"], ["none"]],
        "--env": [["arena/*"], ["FrozenLake-v?", "arena/Grid-v0"]],
        "--seed": [[0], [1, 3]],
        "--status": [["finished"], ["unfinished", "damaged"], ["newer"], ["training"]],
    }
    if not runs.Locks().known:
        kinds["--status"].pop()
    laws = {
        "--agent": lambda row, globs: any(row["agent"] and fnmatchcase(row["agent"], g) for g in globs),
        "--env": lambda row, globs: any(row["env"] and fnmatchcase(row["env"], g) for g in globs),
        "--seed": lambda row, seeds: row["seed"] in seeds,
        "--status": lambda row, statuses: row["status"] in statuses,
    }
    cases = [((flag, value),) for flag, values in kinds.items() for value in values]
    for one, other in itertools.combinations(kinds, 2):
        cases += itertools.product(
            ((one, value) for value in kinds[one]), ((other, value) for value in kinds[other])
        )
    cases += [tuple((flag, values[i % len(values)]) for flag, values in kinds.items()) for i in range(4)]
    for chosen in cases:
        words = [word for flag, several in chosen for value in several for word in (flag, value)]
        wanted = [p for p, row in rows.items() if all(laws[f](row, several) for f, several in chosen)]
        assert [row["path"] for row in listed(*words, out)] == wanted, words


def test_a_row_says_what_was_put_in(listed, many):
    out, truth = many
    for row in listed(out):
        assert row.keys() == KEYS
        one = truth.get(row["path"])
        assert datetime.fromisoformat(row["modified"]).tzinfo is not None
        if one is None:
            assert row["status"] == {"x": "damaged", "y": "newer", "z": "damaged"}[Path(row["path"]).name]
            assert row["error"]
            assert row["options"] is row["best"] is row["seconds"] is None
            continue
        assert (row["agent"], row["env"], row["seed"]) == (one["agent"], one["env"], one["seed"])
        assert (row["total"], row["num_envs"], row["error"]) == (one["total"], one["num_envs"], None)
        assert row["options"] == {"agent": one["agent_options"], "env": one["env_options"]}
        assert row["status"] == ("finished" if one["at"] is None else "unfinished")
        assert row["steps"] == (one["total"] if one["at"] is None else one["at"])
        assert row["mean"] == (one["mean"] if one["at"] is None else None)
        assert row["best"] == Run(Path(row["path"]), None).best()
        run = Run(Path(row["path"]), None)
        assert (row["seconds"] or 0.0) == run.seconds


@pytest.mark.parametrize("by", SORTS)
def test_sorts(listed, many, by):
    out, _ = many
    rows = {row["path"]: row for row in listed(out)}
    found = [row["path"] for row in listed(out, "--sort", by)]
    back = [row["path"] for row in listed(out, "--sort", by, "--reverse")]
    assert sorted(found) == sorted(back) == sorted(rows)
    if by == "path":
        assert found == [*rows] == back[::-1]
        return
    value = {path: row[SORTS[by]] for path, row in rows.items()}
    known = [path for path in rows if value[path] is not None]
    unknown = [path for path in rows if value[path] is None]
    assert found == sorted(known, key=value.__getitem__) + unknown
    assert back == sorted(known, key=value.__getitem__, reverse=True) + unknown
    assert listed(out, "--sort", by, "--limit", 5) == [rows[path] for path in found[:5]]


def test_the_line_beneath_counts(shown, many, tmp_path):
    out, truth = many
    finished = sum(one["at"] is None for one in truth.values())
    counts = f"{finished} finished, {200 - finished} unfinished, 2 damaged, 1 newer"
    assert shown(out).splitlines()[-1] == f"203 runs: {counts}"
    assert shown(out, "--limit", 9).splitlines()[-1] == f"203 runs, the first 9 shown: {counts}"
    assert shown(out, "--status", "newer").splitlines()[-1] == "1 of 203 runs: 1 newer"
    assert shown(out, "--agent", "nobody") == "none of 203 runs matches\n"
    assert shown(tmp_path) == f"no runs in {tmp_path}\n"


def test_options_that_differ_tell_runs_apart(shown, tmp_path):
    fake(tmp_path / "a", agent_options={"learning_rate": 0.5, "epsilon": 0.1, "text": None})
    fake(tmp_path / "b", agent_options={"learning_rate": 0.25, "epsilon": 0.1, "text": "x"})
    fake(tmp_path / "c", agent="q-learning", env_options={"slip": 0.1})
    fake(tmp_path / "d", agent="q-learning", env="FrozenLake-v1", agent_options={"learning_rate": 0.5})
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "run.json").write_text("{")
    head, a, b, c, d, e, *_ = shown(tmp_path).splitlines()
    assert head.split() == ["agent", "env", "seed", "steps", "return", "best", "status", "options", "run"]
    assert a.split()[-2:] == ["learning_rate=0.5", str(tmp_path / "a")]
    assert b.split()[-3:] == ["learning_rate=0.25", "text=x", str(tmp_path / "b")]
    assert c.split()[-2:] == ["finished", str(tmp_path / "c")]
    assert "=" not in d
    assert e.endswith(f"run.json is truncated or damaged  {tmp_path / 'e'}")
    assert "options" not in shown(tmp_path, "--agent", "q-learning").splitlines()[0]


def notes(text):
    """The options of each run in a table without a terminal, by the name of its folder."""
    head, *lines = text.partition("\n\n")[0].splitlines()
    start, end = head.index("options"), head.index("run")
    return {Path(line[end:]).name: line[start:end].strip() for line in lines}


def test_options_are_short_whole_and_distinct(shown, listed, tmp_path):
    for name, learning_rate, epsilon, big in (
        ("a", 0.12345678901234567, 0.5, True),
        ("b", 0.2718281828459045, 0.50001, False),
        ("c", 0.5, 0.500012, False),
    ):
        options = {"learning_rate": learning_rate, "epsilon": epsilon, "big": big, "layers": [64, 0.123456]}
        fake(tmp_path / name, agent_options=options, env_options={"map": f"{name}{'x' * 60}"})
    assert notes(shown(tmp_path)) == {
        "a": f"learning_rate=0.1235 epsilon=0.5 big=true env.map=a{'x' * 60}",
        "b": f"learning_rate=0.2718 epsilon=0.50001 big=false env.map=b{'x' * 60}",
        "c": f"learning_rate=0.5 epsilon=0.500012 big=false env.map=c{'x' * 60}",
    }
    assert listed(tmp_path)[0]["options"]["agent"]["learning_rate"] == 0.12345678901234567


def test_options_are_compared_within_an_environment(shown, tmp_path):
    # The presets of an agent differ from environment to environment.
    fake(tmp_path / "a", agent_options={"learning_rate": 0.5, "epsilon": 0.1})
    fake(tmp_path / "b", agent_options={"learning_rate": 0.5, "epsilon": 0.2})
    fake(tmp_path / "c", agent_options={"learning_rate": 0.1, "epsilon": 0.1}, env="FrozenLake-v1")
    assert notes(shown(tmp_path)) == {"a": "epsilon=0.1", "b": "epsilon=0.2", "c": ""}


def test_a_name_without_stars_that_would_match_with_them(shown, tmp_path):
    fake(tmp_path / "a")
    nothing = "none of 1 run matches"
    assert shown(tmp_path, "--env", "CliffWalk") == f"{nothing}; did you mean --env '*CliffWalk*'?\n"
    assert (
        shown(tmp_path, "--agent", "sars?", "--env", "arena") == f"{nothing}; did you mean --env '*arena*'?\n"
    )
    assert shown(tmp_path, "--agent", "sars") == f"{nothing}; did you mean --agent '*sars*'?\n"
    assert shown(tmp_path, "--env", "Frozen") == f"{nothing}\n"


@pytest.mark.parametrize("width", [70, 80])
def test_a_narrow_terminal_gets_two_lines_a_run(tmp_path, width):
    name = "expected-sarsa_arena-CliffWalk-v0_seed0_64c5eb40d26a"
    found = [
        runs._read(fake(tmp_path / name, agent="expected-sarsa", at=300), runs.Locks()),
        runs._read(fake(tmp_path / "b", agent_options={"x" * 90: 1}), runs.Locks()),
        runs._read(fake(tmp_path / "c", agent_options={"x" * 90: 2}), runs.Locks()),
    ]
    for number, run in enumerate(found):
        run.row["path"] = f"runs/{number}{name}"
    lines = run_table(found, width).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert [line.split()[-1] for line in lines if "runs/" in line] == [run.row["path"] for run in found]
    assert (
        len(run_table(found, None).plain.splitlines()) == len(run_table(found, 300).plain.splitlines()) == 4
    )


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("runs --where stepsize=1", "no field of these runs is called 'stepsize'; did you mean"),
        ("runs --where agent.learningrate=1", "did you mean 'agent.learning_rate'"),
        ("runs --where qqqqqqq=1", "see `arena list runs --json`"),
        ("runs --where slip", "'slip' is not a condition"),
        ("runs --where =3", "is not a condition"),
        ("runs --where env.slip<high", "'high', which is not a number"),
        ("runs --status done", "--status cannot be 'done'"),
        ("runs --sort stepz", "--sort cannot be 'stepz'; did you mean steps?"),
        ("runs --limit 0", "--limit is 0"),
        ("runs --seed x", "--seed is 'x'"),
        ("agents --agent sarsa", "--agent applies to runs alone; write `arena list runs --agent"),
        ("--seed 0", "--seed applies to runs alone"),
        ("plugins --reverse", "--reverse applies to runs alone"),
        ("runs nowhere", "there is no folder nowhere"),
    ],
)
def test_mistakes_are_a_line(complaint, tmp_path, monkeypatch, words, wanted):
    monkeypatch.chdir(tmp_path)
    fake(tmp_path / "runs" / "a")
    assert wanted in complaint(*words.split())


def test_a_condition_without_runs_is_no_mistake(listed, tmp_path):
    assert listed(tmp_path, "--where", "agent.learning_rate=1") == []


@pytest.mark.parametrize(
    ("value", "text", "equal"),
    [
        (["a", 2, None], "[a,2.0,none]", True),
        (["a", 2], "a, 2", True),
        (["a", 2], "a", False),
        (["TimeLimit(a=1, b=2)"], "TimeLimit(a=1, b=2)", True),
        ("5", "5", True),
        ("5", "5.0", False),
        (True, "1", False),
        (1, "true", False),
        (10**400, "1e400", False),
        (float("inf"), "inf", True),
        ("", "", True),
        ({}, "x", False),
    ],
)
def test_values_are_compared_as_what_they_are(value, text, equal):
    assert Condition.from_text(f"key={text}").holds({"key": value}) is equal
    assert Condition.from_text(f"key!={text}").holds({"key": value}) is not equal
    assert not Condition.from_text(f"key!={text}").holds({"other": value})


def test_a_thousand_runs_cost_a_few_files_each(listed, tmp_path, monkeypatch):
    for i in range(1000):
        folder = fake(tmp_path / f"run{i:04}", at=100 if i % 2 else None, total=200)
        (folder / "snapshots" / "000000000100").mkdir(parents=True)
    opened, scanned, true_open, true_scan = {}, [], os.open, os.scandir

    def count(path, *arguments, **more):
        place = os.path.dirname(str(path))
        opened[place] = opened.get(place, 0) + 1
        return true_open(path, *arguments, **more)

    monkeypatch.setattr(run_index, "MANY", 10_000)  # no index
    monkeypatch.setattr(os, "open", count)
    monkeypatch.setattr(os, "scandir", lambda path: (scanned.append(path), true_scan(path))[1])
    assert len(listed(tmp_path)) == 1000
    assert {opened.pop(str(tmp_path / f"run{i:04}")) for i in range(1000)} == {3, 5}
    assert len(scanned) == 1  # the folder of runs, and no run
    opened.clear()
    assert len(listed(tmp_path, "--limit", 10, "--where", "steps=200")) == 10
    assert max(opened.values()) == 5
    # Metrics are read of what is shown alone: of the first ten, five are unfinished.
    assert sum(opened[str(tmp_path / f"run{i:04}")] for i in range(1000)) == 500 * 3 + 500 * 2 + 5 * 3


def test_runs_are_found_at_any_depth_and_links_do_not_lead_in_circles(listed, tmp_path):
    wanted = sorted(fake(tmp_path / name) for name in ("a", "b/c/d", "b/a-b", "b/a/b", "é/x y"))
    fake(tmp_path / "a" / "start" / "inner")  # what lies in a run is that run's
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "self").symlink_to("self")
    (tmp_path / "b" / "gone").symlink_to("nowhere")
    (tmp_path / "linked").symlink_to("b")
    assert find_runs(tmp_path) == wanted
    assert find_runs(tmp_path / "a") == [tmp_path / "a"]
    assert find_runs(tmp_path / "nowhere") == []
    assert [row["path"] for row in listed(tmp_path)] == [str(path) for path in wanted]
    linked = [row["path"] for row in listed(tmp_path / "linked")]
    assert linked == [str(tmp_path / "linked" / name) for name in ("a/b", "a-b", "c/d")]
    assert len(listed(tmp_path / "a", tmp_path / "a", tmp_path)) == len(wanted)


def test_folders_stand_between_flags(listed, many):
    out, _ = many
    both = listed(out / "a", out / "b", "--agent", "sarsa")
    assert both == listed(out / "a", "--agent", "sarsa", out / "b")
    assert both == listed("--agent", "sarsa", out / "a", out / "b")


def test_trackers_and_launchers(capsys):
    import types

    from arena.plugins.discovery import Plugins, use_plugins

    plugin = types.SimpleNamespace(
        arena_trackers=arena.hookimpl(
            lambda: [TrackerSpec("tensorboard", "t", default=True), TrackerSpec("csv", "c")]
        ),
        arena_launchers=arena.hookimpl(lambda: [LauncherSpec("cluster", "far away")]),
    )
    with use_plugins(Plugins(installed=False, extra={"mine": plugin})):
        assert main(["list", "trackers", "--json"]) == main(["list", "trackers"]) == 0
        found, _, text = capsys.readouterr().out.partition("\n}\n")
        trackers = {spec["name"]: spec for spec in json.loads(found + "}")["trackers"]}
        assert {name: spec["default"] for name, spec in trackers.items()} == {
            "csv": False,
            "tensorboard": True,
        }
        assert trackers["csv"].keys() == {"name", "summary", "reference", "plugin", "default"}
        assert text.count("(default)") == 1
        assert main(["list", "launchers", "--json"]) == 0
        launchers = json.loads(capsys.readouterr().out)["launchers"]
        assert [spec["name"] for spec in launchers] == ["local", "cluster"]
    with use_plugins(Plugins(installed=False)):
        assert main(["list", "trackers"]) == main(["list", "launchers"]) == 0
        out = capsys.readouterr().out
        assert "no trackers are installed" in out
        assert "Worker processes on this machine" in out


@pytest.mark.parametrize(
    "words", [["runs"], ["runs", "--json", "--where", "seed=0"], ["trackers"], ["launchers"]]
)
def test_nothing_heavy_is_imported(tmp_path, words):
    fake(tmp_path / "runs" / "a", at=300)
    code = f"import sys; from arena.cli import main; main({['list', *words]}); print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert not {"numpy", "gymnasium", "torch", "numba", "pygame"} & {*done.stdout.split("\n")}
