"""Runs as their users see them: extended, free when finished, locked, damaged, stopped, broken, loaded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import arena
from arena.errors import ArenaError, Interrupted
from arena.launch.local import execute_all
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run, find_runs
from arena.streams.base import Stream
from arena.testing import contents, difference
from arena.testing.processes import child_environment
from arena.training import runner, session
from arena.training.runner import execute

CLIFF = "arena/CliffWalk-v0"


def experiment(agent="q-learning", env=CLIFF, **settings):
    defaults = {
        "steps": 2000,
        "seeds": [0],
        "horizon": 50,
        "episodes": 5,
        "evaluate_every": 500,
        "log_every": 50,
    }
    return resolve_experiment(agent, env, **{**defaults, **settings})


def prepared(folder, agent="q-learning", env=CLIFF, **settings):
    return Run.prepare(experiment(agent, env, **settings), 0, folder)


def files(run):
    """Every file's bytes and time of change."""
    found = (path for path in run.folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


class Told(Listener):
    """Stops after so many turns, and keeps what it was told."""

    def __init__(self, turns=None):
        self.turns, self.notices, self.steps = turns, [], []

    def progressed(self, run, progress, evaluation):
        self.steps.append(progress.steps)

    def noticed(self, run, text):
        self.notices.append(text)

    def stopping(self):
        return self.turns is not None and len(self.steps) >= self.turns


@pytest.fixture
def every_turn(monkeypatch):
    """A checkpoint after every turn."""
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)


# More steps, and no steps.


@pytest.mark.parametrize(
    ("agent", "env", "num_envs"),
    [
        ("q-learning", CLIFF, 1),
        ("sarsa", "FrozenLake-v1", 3),
        ("sarsa", "Blackjack-v1", 3),
        ("random", "CartPole-v1", 3),
        ("value-iteration", CLIFF, 1),
    ],
)
def test_more_steps_train_on(agent, env, num_envs, tmp_path):
    settings = {"agent": agent, "env": env, "num_envs": num_envs}
    short = prepared(tmp_path / "a", **settings, steps=2000)
    first = execute(short)
    longer = prepared(tmp_path / "a", **settings, steps=4000)
    assert longer.folder == short.folder
    assert longer.spec.steps == 4000
    result = execute(longer)
    whole = prepared(tmp_path / "b", **settings, steps=4000)
    assert execute(whole) == result
    assert result["steps"] >= first["steps"]
    assert difference(contents(whole), contents(longer)) is None


def test_a_run_keeps_its_cadences_and_never_shrinks(tmp_path):
    execute(prepared(tmp_path, steps=2000))
    run = prepared(tmp_path, steps=1000, evaluate_every=7, log_every=3)
    assert (run.spec.steps, run.spec.evaluate_every, run.spec.log_every) == (2000, 500, 50)
    assert Run.open(run.folder).spec == run.spec
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(50, 2001, 50))
    assert [line["step"] for line in lines if "evaluation" in line] == [500, 1000, 1500, 2000]


def test_asking_again_for_a_finished_run_is_free(tmp_path, monkeypatch):
    run = prepared(tmp_path)
    result = execute(run)
    before = files(run)
    monkeypatch.setattr(runner, "Session", None)
    assert execute(prepared(tmp_path)) == result
    assert execute(prepared(tmp_path, steps=500)) == result
    assert files(run) == before


def test_a_converged_planner_has_no_further_to_go(tmp_path):
    result = execute(prepared(tmp_path, "value-iteration", "FrozenLake-v1", steps=100_000))
    assert result["converged"]
    assert result["steps"] < 100_000
    again = prepared(tmp_path, "value-iteration", "FrozenLake-v1", steps=200_000)
    assert execute(again) == result


def test_metrics_are_json_whatever_numbers_an_agent_gives(tmp_path, monkeypatch):
    plain = Stream.progress
    odd = {"half": np.float32(0.5), "count": np.int64(3)}
    monkeypatch.setattr(Stream, "progress", lambda self, **metrics: plain(self, **odd))
    run = prepared(tmp_path, steps=100)
    execute(run)
    [line, *_] = map(json.loads, run.metrics.read_text().splitlines())
    assert (line["half"], line["count"], line["episode_return"]) == (0.5, 3.0, None)


def test_the_best_evaluation_is_kept_beside_the_last(tmp_path):
    run = prepared(tmp_path, steps=2000, evaluate_every=100)
    result = execute(run)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    evaluations = {line["step"]: line["evaluation"] for line in lines if "evaluation" in line}
    best = max(evaluations, key=evaluations.get)  # the first of equals
    assert result["best"] == run.best() == {"step": best, "mean": evaluations[best]}
    assert arena.load(run.folder, "best").steps == best
    assert arena.load(run.folder).steps == 2000
    assert arena.load(run.folder, "300").steps == 300
    with pytest.raises(ArenaError, match="has no snapshot '301'; give .* such as 100, 200, 300, 400, 500$"):
        arena.load(run.folder, "301")


def test_torch_uses_the_threads_of_the_experiment_while_it_trains(tmp_path, monkeypatch):
    import torch

    seen = []
    monkeypatch.setattr(Listener, "progressed", lambda *_: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    for threads in (1, 3):
        execute(prepared(tmp_path, threads=threads))
        assert set(seen) == {threads}
        assert torch.get_num_threads() == before
        seen.clear()


# Interruptions and damage.


def test_a_stopped_run_is_at_a_checkpoint_and_says_how_to_go_on(tmp_path):
    run = prepared(tmp_path)
    told = Told(5)
    with pytest.raises(Interrupted, match=f"stopped at step .*; continue with `arena resume {run.folder}`"):
        execute(run, told)
    loaded = run.checkpoints.load()
    assert loaded.info["step"] == told.steps[-1]
    assert loaded.info["metrics"][0] == run.metrics.stat().st_size
    assert run.result() is None
    resumed = Told()
    execute(run, resumed)
    assert resumed.steps[0] > told.steps[-1]
    assert not resumed.notices


def uninterrupted(tmp_path, **settings):
    run = prepared(tmp_path / "whole", **settings)
    execute(run)
    return contents(run)


def damage_length(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def damage_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [damage_length, damage_bit, os.remove], ids=["truncated", "flipped", "gone"]
)
@pytest.mark.parametrize("name", ["arrays.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over(damage, name, tmp_path, every_turn):
    run = prepared(tmp_path)
    with pytest.raises(Interrupted):
        execute(run, Told(12))
    _, newest = sorted((run.folder / "checkpoint").iterdir())
    damage(newest / name)
    told = Told()
    execute(run, told)
    [notice] = told.notices
    assert newest.name in notice
    assert "using the one before" in notice
    assert difference(uninterrupted(tmp_path), contents(run)) is None


def test_metrics_that_lost_lines_are_written_again(tmp_path, every_turn):
    run = prepared(tmp_path)
    with pytest.raises(Interrupted):
        execute(run, Told(12))
    os.truncate(run.metrics, run.metrics.stat().st_size - 5)
    told = Told()
    execute(run, told)
    assert "refused" in told.notices[0]
    assert difference(uninterrupted(tmp_path), contents(run)) is None


@pytest.mark.parametrize("left", [0, 40])
def test_without_metrics_a_run_starts_anew(left, tmp_path, every_turn):
    run = prepared(tmp_path)
    with pytest.raises(Interrupted):
        execute(run, Told(12))
    os.truncate(run.metrics, left)
    execute(run, Told())
    assert difference(uninterrupted(tmp_path), contents(run)) is None


def test_lines_behind_the_checkpoint_are_cut_off_and_counted_anew(tmp_path, every_turn, monkeypatch):
    """A checkpoint that follows the cut without a line between must note the length after it."""
    settings = {"log_every": 500}
    monkeypatch.setattr(session, "PACE_SECONDS", 0.0)  # one step a turn
    run = prepared(tmp_path, "random", **settings)
    with pytest.raises(Interrupted):
        execute(run, Told(520))
    noted = run.metrics.stat().st_size
    with open(run.metrics, "ab") as file:  # what a killed process had logged since
        file.write(b'{"step": 1000}\n')
    with pytest.raises(Interrupted):
        execute(run, Told(3))
    assert run.metrics.stat().st_size == run.checkpoints.load().info["metrics"][0] == noted
    monkeypatch.undo()
    execute(run, Told())
    assert difference(uninterrupted(tmp_path, agent="random", **settings), contents(run)) is None


def test_all_checkpoints_damaged_is_an_error_with_a_remedy(tmp_path, every_turn):
    run = prepared(tmp_path)
    with pytest.raises(Interrupted):
        execute(run, Told(5))
    for folder in (run.folder / "checkpoint").iterdir():
        damage_bit(folder / "state.json")
    with pytest.raises(ArenaError, match="no checkpoint in .* can be used"):
        execute(run)


# Other processes.


def child(run, *arguments):
    """A process that trains a run, a checkpoint a turn; returns once it is training."""
    command = [sys.executable, "-m", "arena.testing.child", str(run.folder), *arguments, ""]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environment(1))
    for line in process.stdout:
        if int(line) > 200:  # and so a checkpoint is there
            return process
    raise AssertionError("the child ended")


def test_one_process_at_a_time_and_a_killed_one_leaves_no_lock(tmp_path):
    run = prepared(tmp_path, "random", "CartPole-v1", steps=10**7, log_every=100, evaluate_every=10**6)
    with child(run) as process:
        with pytest.raises(ArenaError, match="another process is training"):
            execute(run)
        process.kill()
    told = Told(2)
    with pytest.raises(Interrupted):
        execute(run, told)
    assert not told.notices
    assert told.steps[0] > 1


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGTERM, 1),
        (signal.SIGINT, 2),
        pytest.param(signal.SIGINT, 1, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 2, marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_and_says_how_to_resume(number, workers, tmp_path):
    command = [sys.executable, "-m", "arena", "train", "random", "CartPole-v1", "--steps", "10000000"]
    command += ["--seeds", str(workers), "--workers", str(workers), "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=child_environment(1)
    ) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            runs = [Run(folder, None) for folder in find_runs(tmp_path)]
            if len(runs) == workers and all(run.timing.exists() for run in runs):
                break
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    assert "`arena resume " in errors.splitlines()[-1]
    for run in runs:
        assert run.checkpoints.load().info["step"] > 0


def test_workers_give_the_same_bytes(tmp_path):
    found = []
    for workers in (1, 2):
        results = arena.train(
            "sarsa",
            "FrozenLake-v1",
            steps=2000,
            seeds=3,
            workers=workers,
            out=tmp_path / str(workers),
            progress=False,
        )
        found.append({run["seed"]: contents(Run.open(Path(run["path"]))) for run in results.runs})
    assert difference(*found) is None
    assert difference(found[0][0], found[0][1]) is not None


# What goes wrong in an environment.


@pytest.mark.parametrize("num_envs", [1, 2])
def test_an_environment_that_raises_names_the_step_and_keeps_the_checkpoint(num_envs, tmp_path, every_turn):
    run = prepared(
        tmp_path, "sarsa", "Blackjack-v1", wrappers=["planted_environments:RaisesLate"], num_envs=num_envs
    )
    with pytest.raises(ArenaError, match="the motor is on fire") as caught:
        execute(run)
    assert isinstance(caught.value.__cause__, ValueError)
    assert run.checkpoints.load().info["step"] > 0
    assert run.result() is None


def test_one_failing_run_does_not_keep_the_others_from_training(tmp_path):
    broken = prepared(tmp_path, "random", "CartPole-v1", wrappers=["planted_environments:RaisesLate"])
    sound = prepared(tmp_path)
    with pytest.raises(ArenaError, match="the motor is on fire"):
        execute_all([broken, sound])
    assert sound.result() is not None


def test_an_environment_whose_state_outlives_its_episodes_is_noticed_at_the_start(tmp_path):
    run = prepared(tmp_path, "random", "CartPole-v1", wrappers=["NormalizeReward"], steps=100)
    told = Told(2)
    with pytest.raises(Interrupted):
        execute(run, told)
    assert "a resume restarts the current episodes" in told.notices[0]
    resumed = Told()
    execute(run, resumed)
    assert "its episodes are restarted" in resumed.notices[0]
