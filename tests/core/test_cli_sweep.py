"""``arena sweep`` from the outside: run, run again, dry runs, failures, interrupts, and two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from arena.cli import main
from arena.testing.processes import child_environment

ROOT = Path(__file__).parents[2]

FILE = """
out = "here"
steps = 400
seeds = 2
horizon = 50
log_every = 100
evaluate_every = 200
trackers = []

[[grid]]
agent = ["q-learning", "sarsa"]
env = "arena/CliffWalk-v0"
"agent.learning_rate" = [0.1, 0.5]
"""

#: An environment that raises in the middle of training, where an option says so.
FRAGILE = """
import gymnasium

class Fragile(gymnasium.Wrapper):
    def __init__(self, env, fails):
        super().__init__(env)
        self.fails, self.steps = fails, 0

    def step(self, action):
        self.steps += 1
        if self.fails and self.steps > 50:
            raise RuntimeError("the wheel came off")
        return self.env.step(action)

def make(fails: bool = False) -> gymnasium.Env:
    return Fragile(gymnasium.make("FrozenLake-v1"), fails)
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with a sweep's file; status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(FILE)

    def call(*words):
        status = main([*map(str, words)])
        return status, *capsys.readouterr()

    return call


def folders(path):
    return sorted(file.parent for file in path.rglob("run.json"))


def test_run_and_run_again(run, tmp_path, monkeypatch):
    status, out, _ = run("sweep", "sweep.toml", "--workers", 2)
    assert status == 0
    for word in (
        "4 experiments · 8 runs",
        "95 % CI",
        "IQM",
        "optimum",
        "sarsa learning_rate=0.5",
        "arena report here",
    ):
        assert word in out
    assert len(folders(tmp_path / "here")) == 8

    def no_worker(*_):
        pytest.fail("a worker was started")

    monkeypatch.setattr("arena.launch.local.outcomes", no_worker)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run("sweep", "sweep.toml")[:2] == (0, out)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_only_what_is_missing_is_trained(run, tmp_path):
    assert run("sweep", "sweep.toml", "--workers", 1)[0] == 0
    text = FILE.replace("seeds = 2", "seeds = 3")
    (tmp_path / "sweep.toml").write_text(text)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("timing.jsonl")}
    assert "12 runs, 8 finished" in run("sweep", "sweep.toml", "--dry-run")[1]
    found = json.loads(run("sweep", "sweep.toml", "--workers", 1, "--json")[1])
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("timing.jsonl")}
    assert (found["runs"], found["finished"], len(after)) == (12, 12, 12)
    assert after.items() >= before.items()


def test_a_dry_run_makes_nothing(run, tmp_path):
    status, out, _ = run("sweep", "sweep.toml", "--dry-run", "--steps", "1k")
    assert status == 0
    for word in ("q-learning learning_rate=0.1", "1,000", "8 runs, 0 finished"):
        assert word in out
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"]
    found = json.loads(run("sweep", "sweep.toml", "--dry-run", "--json")[1])
    assert (found["runs"], found["finished"], found["skipped"]) == (8, 0, 0)
    assert [row["finished"] for row in found["experiments"]] == [0] * 4


def test_json(run, tmp_path):
    status, out, _ = run("sweep", "sweep.toml", "--workers", 1, "--json", "--out", "there", "--steps", 200)
    found = json.loads(out)
    assert status == 0
    assert found.keys() == {"experiments", "runs", "finished", "failed", "skipped"}
    assert (found["runs"], found["finished"], found["failed"]) == (8, 8, [])
    for row in found["experiments"]:
        assert row.keys() == {"experiment", "runs", "summary", "failed"}
        assert [one["steps"] for one in row["runs"]] == [200, 200]
        assert row["summary"]["optimum"] == -13
        assert all((tmp_path / one["path"] / "result.json").exists() for one in row["runs"])
    assert len(folders(tmp_path / "there")) == 8


def test_the_example(run):
    out = run("sweep", ROOT / "docs" / "examples" / "cliff_sweep.toml", "--dry-run")[1]
    assert "14 experiments · 42 runs" in out


def test_misfits_are_counted(run, tmp_path):
    (tmp_path / "sweep.toml").write_text(
        'steps = 10\nskip_misfits = true\n[[grid]]\nagent = ["random", "value-iteration"]\nenv = ["CartPole-v1"]\n'
    )
    out = run("sweep", "sweep.toml", "--dry-run")[1]
    assert "1 experiment · " in out
    assert "1 combination left out: the agent does not fit the environment" in out
    assert json.loads(run("sweep", "sweep.toml", "--workers", 1, "--json")[1])["skipped"] == 1


def test_trackers_of_the_command_line_replace_the_files(run, tmp_path):
    def trackers(*words):
        found = json.loads(run("sweep", "sweep.toml", "--dry-run", "--json", *words)[1])
        return {tuple(row["experiment"]["trackers"]) for row in found["experiments"]}

    assert trackers() == {()}
    assert trackers("--track", "tensorboard") == {("tensorboard",)}
    (tmp_path / "sweep.toml").write_text(FILE.replace("trackers = []", 'trackers = ["tensorboard"]'))
    assert trackers() == {("tensorboard",)}
    assert trackers("--track", "none") == {()}


def test_a_narrow_terminal_drops_columns_and_folds_no_names(run, monkeypatch):
    whole = run("sweep", "sweep.toml", "--workers", 1)[1].splitlines()[2:7]
    lines = {}
    for width in (200, 100, 80, 70):
        screen = Console(highlight=False, emoji=False, markup=False, width=width, force_terminal=False)
        monkeypatch.setattr("arena.cli.sweep.console", lambda screen=screen: screen)
        screen.file = sys.stdout
        lines[width] = run("sweep", "sweep.toml")[1].splitlines()
        rows = [line for line in lines[width] if "arena/CliffWalk-v0" in line]
        assert [line.split()[:3] for line in rows] == [line.split()[:3] for line in whole[1:]]
        assert max(map(len, lines[width])) <= width
    assert not any("wider terminal" in line for line in lines[200])
    assert "columns hidden on this narrow terminal: IQM, optimum and 95 % CI" in lines[70]


def test_a_run_that_fails_harms_no_other(run, tmp_path, monkeypatch):
    (tmp_path / "fragile.py").write_text(FRAGILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "sweep.toml").write_text(
        'steps = 200\nseeds = 2\nhorizon = 20\ntrackers = []\n[[grid]]\nagent = "q-learning"\nenv = "fragile:make"\n'
        '"env.fails" = [false, true]\n'
    )
    status, out, err = run("sweep", "sweep.toml", "--workers", 1)
    assert status == 1
    for word in ("0, 2 failed", "failed: runs/q-learning_fragile-make_seed0_", "the wheel came off"):
        assert word in out
    assert "Traceback" not in out + err
    status, out, _ = run("sweep", "sweep.toml", "--workers", 1, "--json")
    found = json.loads(out)
    assert (status, found["runs"], found["finished"], len(found["failed"])) == (1, 4, 2, 2)
    assert found["failed"][0].keys() == {"path", "agent", "env", "seed", "error"}
    good, bad = found["experiments"]
    assert (len(good["runs"]), good["failed"]) == (2, [])
    assert (bad["runs"], bad["failed"]) == ([], found["failed"])
    assert bad["summary"]["mean"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("sweep", "arena sweep needs FILE"),
        ("sweep no.toml", "cannot read no.toml"),
        ("sweep bad.toml", "bad.toml is not TOML"),
        ("sweep sweep.toml --launcher loca", "no launcher is called 'loca'; did you mean 'local'?"),
        (
            "sweep sweep.toml --launcher.retry 1",
            "--launcher.retry is not an option of the launcher local; did you",
        ),
        ("sweep sweep.toml --launcher.retries 0.5", "launcher.retries is '0.5', which is not a whole number"),
        ("sweep sweep.toml --launcher.retries 1 2", "--launcher.retries takes one value, not 1 2"),
        ("sweep sweep.toml --address here", "--launcher.address is not an option of the launcher local"),
        ("sweep sweep.toml --agent.epsilon 1", "--agent.epsilon is not an option of arena sweep"),
        ("sweep sweep.toml --workers 0", "--workers is 0, which is less than 1"),
        ("sweep --launcher", "--launcher needs a value"),
        ("sweep --launcher --help", "--launcher needs a value"),
        ("sweep --launcher loca --help", "no launcher is called 'loca'"),
    ],
)
def test_mistakes(run, tmp_path, words, message):
    (tmp_path / "bad.toml").write_text("[[grid]]\nagent = q-learning\n")
    status, _, err = run(*words.split())
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "here").exists()


def test_options_of_the_launcher(run, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "arena.launch.local.Local.__init__",
        lambda self, config, workers: seen.append((config.retries, workers)),
    )
    (tmp_path / "sweep.toml").write_text(f"{FILE}\n[launcher]\nretries = 7\n")
    for words in ("", "--launcher local", "--launcher.retries 5 --workers 3", "--launcher.retries=5"):
        run("sweep", "sweep.toml", "--dry-run", *words.split())
    assert [retries for retries, _ in seen] == [7, 7, 5, 5]
    out = run("sweep", "--launcher", "local", "--help")[1]
    assert "--launcher.retries INT" in out
    assert "default: 2" in out


def started(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "arena", "sweep", "sweep.toml", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=child_environment(0),
        start_new_session=True,
    )


def test_two_at_once_share_the_work(tmp_path):
    longer = FILE.replace("= 400", "= 100_000").replace("= 200", "= 50_000").replace("= 100\n", "= 10_000\n")
    (tmp_path / "sweep.toml").write_text(longer)
    both = [started(tmp_path, "--workers", "1", "--json") for _ in range(2)]
    tables = []
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        tables.append(json.loads(out))
    for one, other in zip(*(table["experiments"] for table in tables), strict=True):
        assert one == other
        assert len(one["runs"]) == 2
    for folder in folders(tmp_path / "here"):
        steps = [json.loads(line)["step"] for line in (folder / "timing.jsonl").read_text().splitlines()]
        assert steps == sorted({*steps})  # trained by one of them, and only once
        assert steps[-1] == 100_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group")
def test_an_interrupt_says_how_far_it_came(tmp_path):
    (tmp_path / "sweep.toml").write_text(FILE.replace("steps = 400", "steps = 100_000_000"))
    with started(tmp_path, "--workers", "1") as process:
        deadline = time.monotonic() + 60
        while not [*tmp_path.rglob("metrics.jsonl")] and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "arena: interrupted: 0 of 8 runs are finished; run the same command again to continue" in err
    assert "Traceback" not in err
