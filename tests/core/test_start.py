"""Runs that begin with what another run learned, and the best of a run beside its last."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from test_runner import CLIFF, experiment, prepared

import arena
from arena import testing
from arena.cli import main
from arena.errors import ArenaError
from arena.experiments.experiment import Experiment
from arena.runs.run import Run
from arena.training.runner import execute

LAKE = "FrozenLake-v1"


@pytest.fixture
def source(tmp_path):
    run = prepared(tmp_path / "source", steps=3000, evaluate_every=500)
    execute(run)
    return run


def test_it_begins_with_the_other_s_values_and_counts_its_own_steps(source, tmp_path):
    run = prepared(tmp_path, start=str(source.folder), steps=500, agent_options={"learning_rate": 1e-9})
    result = execute(run)
    assert result["steps"] == 500
    q, before = (arena.load(one.folder).agent.q for one in (run, source))
    np.testing.assert_allclose(q, before, rtol=1e-5)
    assert np.abs(q).max() > 1
    assert result["evaluation"]["mean"] == source.result()["evaluation"]["mean"]


def test_schedules_begin_anew(source, tmp_path):
    settings = {
        "agent_options": {"epsilon_final": 0.01, "epsilon_steps": 1000},
        "steps": 100,
        "log_every": 10,
    }
    fresh = prepared(tmp_path / "fresh", **settings)
    begun = prepared(tmp_path / "begun", start=str(source.folder), **settings)
    epsilons = []
    for run in (fresh, begun):
        execute(run)
        epsilons.append([json.loads(line)["epsilon"] for line in run.metrics.read_text().splitlines()])
    assert epsilons[0] == epsilons[1]


def test_the_id_knows_the_snapshot_by_content_and_the_folder_stands_alone(source, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "copy"
    shutil.copytree(source.folder, elsewhere)
    mine = [experiment(start=str(folder)).id(0) for folder in (source.folder, elsewhere)]
    assert mine[0] == mine[1] != experiment().id(0)
    assert experiment(start=f"{source.folder}@500").id(0) not in mine
    run = prepared(tmp_path / "runs", start=str(elsewhere), steps=400)
    shutil.rmtree(elsewhere)
    opened = Run.open(run.folder)
    assert opened.spec == run.spec
    execute(opened)


def test_a_copy_that_was_changed_is_refused(source, tmp_path):
    run = prepared(tmp_path, start=str(source.folder))
    arrays = run.start / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"!")
    with pytest.raises(ArenaError, match="start is damaged: arrays.safetensors does not match its digest"):
        execute(run)


def test_which_of_its_snapshots(source):
    best = source.best()
    for word, step in (("", 3000), ("@last", 3000), ("@best", best["step"]), ("@1500", 1500)):
        assert experiment(start=f"{source.folder}{word}").start.step == step


def test_an_experiment_that_begins_elsewhere_survives_its_dictionary(source):
    one = experiment(start=str(source.folder))
    assert Experiment.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize(
    ("agent", "env", "settings", "message"),
    [
        ("sarsa", CLIFF, {}, r"trained q-learning, and sarsa cannot start from it; train q-learning"),
        (
            "q-learning",
            LAKE,
            {},
            r"trained with observations of Discrete\(48\), and FrozenLake-v1 has Discrete\(16\)",
        ),
        ("q-learning", CLIFF, {"at": "@7"}, "has no snapshot '7'; give best, last, or a step such as"),
        ("q-learning", CLIFF, {"run": "nowhere"}, "nowhere is not a run"),
    ],
)
def test_a_start_that_does_not_fit_says_why(agent, env, settings, message, source):
    start = settings.get("run", f"{source.folder}{settings.get('at', '')}")
    with pytest.raises(ArenaError, match=message):
        experiment(agent, env, start=start)


@pytest.mark.parametrize(
    "start", [{}, {"run": "x", "step": -1, "digest": "0"}, {"run": "x", "step": 1, "digest": 3}]
)
def test_a_start_that_no_run_wrote_is_refused(start):
    with pytest.raises(ArenaError, match="which is malformed"):
        experiment(start=start)


def test_a_killed_run_that_began_elsewhere_resumes_exactly(source, tmp_path):
    whole = testing.Uninterrupted.of("q-learning", CLIFF, tmp_path / "u", start=str(source.folder))
    whole.check_interrupted([1, 2, 3])
    assert whole.check_killed(1) > 0


def test_from_and_at_on_the_command_line(source, tmp_path, capsys):
    out = str(tmp_path / "runs")
    command = ["train", "q-learning", CLIFF, "--steps", "300", "--seed", "1", "--out", out, "--json"]
    assert main([*command, "--from", f"{source.folder}@best"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["experiment"]["start"]["step"] == source.best()["step"]
    for at, steps in (("best", source.best()["step"]), ("last", 3000), ("500", 500)):
        assert main(["eval", str(source.folder), "--at", at, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["steps"] == steps
