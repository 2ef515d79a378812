"""A run folder is what it says: nothing of another run is taken for its own, and nothing is repeated in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import arena
from arena.errors import ArenaError
from arena.experiments.experiment_file import arguments_of
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.training.runner import execute
from run_files import put, taken

ENV = "FrozenLake-v1"


class Notes(Listener):
    def __init__(self):
        self.notes = []

    def noticed(self, run, text):
        self.notes.append(text)


def trained(out, agent="q-learning", steps=2000, seeds=1, listener=None, **options):
    return arena.train(
        agent,
        ENV,
        steps=steps,
        seeds=seeds,
        out=out,
        episodes=2,
        progress=False,
        listener=listener,
        agent_options=options,
    )


def folder_of(results):
    return Path(results.runs[0]["path"])


def rerun(folder):
    (folder / "result.json").unlink()
    notes = Notes()
    return execute(Run.open(folder), notes), notes.notes


def test_a_checkpoint_of_another_run_is_not_taken(tmp_path):
    folder, other = folder_of(trained(tmp_path)), folder_of(trained(tmp_path, epsilon=0.9))
    expected = taken(folder / "result.json")
    shutil.rmtree(folder / "checkpoint")
    shutil.copytree(other / "checkpoint", folder / "checkpoint")
    shutil.copy(other / "metrics.jsonl", folder / "metrics.jsonl")
    result, notes = rerun(folder)
    assert notes == ["its newest checkpoint belongs to another run, so training starts from the beginning"]
    assert result == expected
    shutil.rmtree(folder / "checkpoint")
    shutil.copytree(other / "checkpoint", folder / "checkpoint")
    assert arena.load(folder).steps == 2000  # from its snapshot: the checkpoint is not its own


@pytest.mark.parametrize("what", ["shorter", "gone"])
def test_metrics_that_are_missing_are_said_to_be(tmp_path, what):
    folder = folder_of(trained(tmp_path))
    whole = (folder / "metrics.jsonl").read_bytes()
    if what == "gone":
        (folder / "metrics.jsonl").unlink()
    else:
        (folder / "metrics.jsonl").write_bytes(whole[:-1])
    _, notes = rerun(folder)
    assert "has other metrics than metrics.jsonl" in notes[0]
    assert (folder / "metrics.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda e: e["agent"].update(name="sarsa"), "does not match the trained run"),
        (lambda e: e["agent"]["options"].update(epsilon=0.7), "does not match the trained run"),
        (lambda e: e.update(seeds=[0, 1]), "has 2 seeds"),
        (lambda e: e.update(seeds=1.5), "not a whole number"),
        (lambda e: e["env"].update(id=3), "env is 3, which is not an id"),
        (lambda e: e["env"].update(wrappers=[1]), "wrappers is"),
        (lambda e: e["agent"].update(options=3), "agent.options is 3"),
        (lambda e: e.update(steps="some"), "steps is 'some'"),
    ],
)
def test_an_edited_run_is_refused(tmp_path, edit, message):
    folder = folder_of(trained(tmp_path))
    document = json.loads((folder / "run.json").read_text())
    edit(document["experiment"])
    put(folder / "run.json", document)
    with pytest.raises(ArenaError, match=message):
        Run.open(folder)


def test_runs_of_several_lengths_are_not_summarised(tmp_path):
    trained(tmp_path, steps=4000)
    with pytest.raises(ArenaError, match="some runs were trained to 4,000 steps before"):
        trained(tmp_path, steps=2000, seeds=2)
    notes = Notes()
    assert trained(tmp_path, steps=2000, listener=notes).runs[0]["steps"] == 4000
    assert notes.notes == ["trained to 4,000 steps before: the results are for 4,000 steps"]
    assert {run["steps"] for run in trained(tmp_path, steps=4000, seeds=2).runs} == {4000}


def test_a_torn_line_of_timing_costs_nothing_else(tmp_path):
    run = Run.open(folder_of(trained(tmp_path)))
    before = run.seconds
    with run.timing.open("ab") as file:
        file.write(b'{"step": 3, "seco')
    assert run.seconds == before > 0


@pytest.mark.parametrize("content", ["{}", '{"evaluation": {"mean": "x"}}', "[]", "{"])
def test_a_damaged_result_is_no_result(tmp_path, content):
    folder = folder_of(trained(tmp_path))
    (folder / "result.json").write_text(content)
    with pytest.raises(ArenaError, match=r"damaged"):
        Run.open(folder).result()


def test_nothing_is_written_through_a_link(tmp_path):
    folder, target = folder_of(trained(tmp_path / "runs")), tmp_path / "precious"
    target.write_text("mine")
    (folder / "metrics.jsonl").unlink()
    (folder / "metrics.jsonl").symlink_to(target)
    with pytest.raises(ArenaError, match="is a link"):
        rerun(folder)
    assert target.read_text() == "mine"


def test_a_state_of_another_layout_is_one_line(tmp_path, monkeypatch):
    folder = folder_of(trained(tmp_path))
    from arena_tabular import QLearning

    def newer(self, state):
        return state["a_key_of_the_future"]

    monkeypatch.setattr(QLearning, "load_state_dict", newer)
    with pytest.raises(ArenaError, match="does not fit this version of q-learning"):
        rerun(folder)
    with pytest.raises(ArenaError, match="does not fit this version of q-learning"):
        arena.load(folder)


def test_numpy_counts_and_seeds_are_counts_and_seeds():
    import numpy as np

    experiment = resolve_experiment("q-learning", ENV, steps=np.int64(100), seeds=np.arange(3))
    assert (experiment.steps, experiment.seeds) == (100, (0, 1, 2))
    assert resolve_experiment("q-learning", ENV, wrappers="TimeLimit(max_episode_steps=5)").wrappers == (
        "TimeLimit(max_episode_steps=5)",
    )
    for seeds in (1.5, 10**12, [1, 1], []):
        with pytest.raises(ArenaError, match="seeds"):
            resolve_experiment("q-learning", ENV, seeds=seeds)
    with pytest.raises(ArenaError, match="env is None"):
        resolve_experiment("q-learning", None)
    with pytest.raises(ArenaError, match="wrappers is 3"):
        arguments_of({"env": {"id": ENV, "wrappers": 3}})
