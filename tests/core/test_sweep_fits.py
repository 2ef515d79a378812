"""Sweeps that fit the encoders that they name: fits first and once, resumed, planned without a trace, and failing."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import tomllib
from pathlib import Path

import planted_encoders as planted
import pytest

from arena.cli import main
from arena.errors import ArenaError, Interrupted
from arena.experiments.fit import Fit
from arena.frames.fits import resolve_fit
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.runs.snapshots import snapshot_reference
from arena.sweeps.fits import find_finished_fit, key_of, with_frames
from arena.sweeps.grid import read_sweep
from arena.sweeps.sweep import count_finished, finished_fits, run_sweep, sweep
from arena.testing import contents, difference, registered
from arena.training.runner import execute

ROOMS = {
    "agent": "dqn",
    "env": "arena/FourRooms-v0",
    "env.observation": "pixels",
    "env.tile_size": 1,
}
AE = {"name": "ae", "options": {"latent": 3, "hidden_sizes": [], "channels": []}}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own for runs/ and frames/."""
    monkeypatch.chdir(tmp_path)


def study(*grids, fit=None, **shared):
    """A sweep of encoders that takes seconds."""
    table = {"frames": 200, "steps": 12, "evaluate_every": 4, "batch_size": 32, **(fit or {})}
    common = {"out": "out", "seeds": 1, "steps": 60, "episodes": 1, "horizon": 20, "trackers": []}
    made = [{**ROOMS, **{key.replace("__", "."): value for key, value in grid.items()}} for grid in grids]
    return {**common, **shared, "fit": table, "grid": made}


def folders(*parts):
    return sorted(path.parent for path in Path(*parts).glob("*/run.json"))


def times(folder="."):
    """When each file of runs and of frames was written."""
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*.json*")}


def failures(results):
    return {str(failure.error) for failure in results.failures}


def test_encoders_are_fitted_first_and_once():
    document = study({"encoder": ["none", "pca", AE], "encoder.mode": ["frozen", "joint"]}, seeds=2)
    results = sweep(document, progress=False)
    assert (results.failures, results.finished) == ([], 10), "without an encoder there are no two modes"
    fits = [Run.open(folder) for folder in folders("out/fits")]
    assert [run.spec.name for run in fits] == ["ae", "pca"]
    assert all(run.result() for run in fits)
    assert len([*Path("frames").iterdir()]) == 1, "all are fitted to the same frames"
    starts = {run.spec.name: snapshot_reference(run, "last").digest for run in fits}
    used = [Run.open(folder).spec.encoder for folder in folders("out")]
    assert sorted((one.name, one.mode) for one in used if one) == sorted(
        (name, mode) for name in starts for mode in ("frozen", "joint") for _ in range(2)
    )
    assert all(one.start.digest == starts[one.name] for one in used if one)
    assert [one.spec.encoder and one.spec.encoder.name for one in results.experiments] == [
        *(None, "pca", "pca", "ae", "ae")
    ]


def test_again_trains_nothing_and_what_was_deleted_alone():
    document = study({"encoder": ["pca", AE]}, seeds=2)
    sweep(document, progress=False)
    before = times()
    again = sweep(document, progress=False)
    assert (times(), again.finished) == (before, 4)
    gone = folders("out")[0]
    for path in sorted(gone.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    whole = {path: when for path, when in before.items() if gone not in path.parents}
    assert sweep(document, progress=False).finished == 4
    after = times()
    assert after.keys() == before.keys()
    assert whole.items() <= after.items(), "the other runs, fits and frames are as they were"


def test_finished_fits_need_their_frames_no_more():
    document = study({"encoder": "pca"})
    sweep(document, progress=False)
    shutil.rmtree("frames")
    assert sweep(document, progress=False).finished == 1
    assert not Path("frames").exists()


def test_a_fit_is_what_arena_fit_makes():
    document = study({"encoder": AE}, fit={"labels": ["state"], "seed": 3})
    [plan] = read_sweep(document).fits
    options = {"observation": "pixels", "tile_size": 1}
    other = resolve_fit(
        "ae",
        "arena/FourRooms-v0",
        encoder_options=AE["options"],
        env_options=options,
        frames=200,
        labels=["state"],
        batch_size=32,
        seeds=[3],
    )
    made = with_frames(plan, Path("fits"))
    assert made.data.label_spaces.keys() == {"state"}
    assert made.data.labels == plan.data.labels, "what was said beforehand is what came"
    assert made.data.space == plan.data.space
    assert made.id(3) == other.id(3)


def test_one_fit_for_each_encoder_and_environment():
    found = read_sweep(
        study(
            {"agent": ["dqn", "ppo"], "encoder": ["pca"], "encoder.latent": [2, 4]},
            {"encoder": "pca", "encoder.latent": 2, "env.slip": [0.0, 0.1]},
            {"encoder": "pca", "encoder.latent": 2, "wrappers": [["TimeLimit(max_episode_steps=9)"]]},
            seeds=2,
        )
    )
    assert len(found.experiments) == 2 * 2 + 1 + 1
    said = [(fit.options["latent"], fit.env_options["slip"], fit.wrappers) for fit in found.fits]
    limited = ("TimeLimit(max_episode_steps=9)",)
    assert said == [(2, 0.0, ()), (4, 0.0, ()), (2, 0.1, ()), (2, 0.0, limited)]
    assert len({*map(key_of, found.fits)}) == 4


def test_steps_on_top_are_those_of_agents_and_trackers_those_of_all():
    found = read_sweep(study({"encoder": "pca"}, trackers=["tensorboard"]), steps=7)
    assert [one.steps for one in (*found.experiments, *found.fits)] == [7, 12]
    assert found.fits[0].trackers == ("tensorboard",)
    [fit] = read_sweep(study({"encoder": "pca"}, fit={"trackers": ["tensorboard"]}), trackers=[]).fits
    assert fit.trackers == ()


def test_a_run_stays_as_it_is():
    small = {"name": "pca", "options": {"latent": 16}}
    sweep(study({"encoder": small}), progress=False)
    [run] = folders("out/fits")
    found = read_sweep(study({"encoder": [small, str(run), f"{run}@best"]}))
    assert len(found.fits) == 1
    assert {one.encoder.start.run for one in found.experiments[1:]} == {str(run)}
    results = run_sweep(found, progress=False)
    assert (results.finished, results.failures) == (len(found), [])
    assert len(folders("out")) == 1, "they are all one run"


class Stops(Listener):
    """Asks to stop once some fit has gone so far."""

    def __init__(self, steps):
        self.steps, self.asked = steps, False

    def progressed(self, run, progress, evaluation):
        self.asked = self.asked or (isinstance(run.spec, Fit) and progress.steps >= self.steps)

    def stopping(self):
        return self.asked


def test_an_interrupted_fit_goes_on_to_the_same_snapshot():
    document = study({"encoder": AE}, fit={"steps": 60, "evaluate_every": 20})
    whole = sweep(document, out="whole", progress=False)
    with pytest.raises(
        Interrupted, match="interrupted: 0 of 1 fits are finished; run the same command again to continue"
    ):
        sweep(document, listener=Stops(20))
    assert folders("out") == [], "no agent has begun"
    results = sweep(document, progress=False)
    [one], [other] = folders("whole/fits"), folders("out/fits")
    assert difference(contents(Run.open(one)), contents(Run.open(other))) is None
    ids = [found.experiments[0].spec.id(0) for found in (whole, results)]
    assert ids[0] == ids[1]


def test_a_dry_run_leaves_no_trace(tmp_path, capsys):
    lines = [
        'out = "out"',
        "seeds = 1",
        "steps = 60",
        "episodes = 1",
        "horizon = 20",
        "trackers = []",
        "[fit]",
    ]
    lines += ["frames = 200", "steps = 8", "[[grid]]", 'agent = "dqn"', 'env = "arena/FourRooms-v0"']
    lines += [
        '"env.observation" = "pixels"',
        '"env.tile_size" = 1',
        'encoder = ["none", "pca", "random-cnn"]',
    ]
    (tmp_path / "study.toml").write_text("\n".join(lines))

    def dry(*words):
        assert main(["sweep", "study.toml", "--dry-run", *words]) == 0
        return capsys.readouterr().out

    assert "2 fits · 3 experiments · 3 runs, 0 finished; nothing is trained in a dry run" in dry()
    plan = json.loads(dry("--json"))
    assert [(row["fit"]["encoder"]["name"], row["finished"]) for row in plan["fits"]] == [
        ("pca", False),
        ("random-cnn", False),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]
    assert main(["sweep", "study.toml", "--workers", "1"]) == 0
    assert "2 fits · 3 experiments · 3 runs" in capsys.readouterr().out
    before = times()
    assert "3 runs, 3 finished" in dry()
    plan = json.loads(dry("--json"))
    assert [row["finished"] for row in plan["fits"]] == [True, True]
    assert [row["finished"] for row in plan["experiments"]] == [1, 1, 1]
    assert times() == before


def test_what_is_finished_is_known_without_frames():
    document = study({"encoder": ["pca", AE]})
    found = read_sweep(document)
    [pca, ae] = found.fits
    made = with_frames(pca, Path("out/fits"))
    execute(Run.prepare(made, 0, Path("out/fits")))
    for path in [*Path("frames").rglob("*")]:
        path.rename(path.parent / f"gone-{path.name}") if path.is_file() else None
    assert [run is not None for run in finished_fits(found)] == [True, False]
    assert count_finished(found) == [0, 0]
    more = dataclasses.replace(ae, steps=99)
    assert find_finished_fit(more, Path("out/fits")) is None


class Diverges(planted.Sound):
    """An encoder whose loss is no number."""

    needs = ()

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, {"class": None, "state": None})

    def loss(self, batch):
        return self.down(self.numbers(batch.observation).flatten(1)).sum() * float("nan")


def test_a_fit_that_fails_harms_no_other():
    small = {"name": "pca", "options": {"latent": 2}}
    with registered(Diverges) as name:
        document = study({"env.observation": "xy", "encoder": [name, small, "none"]}, seeds=2)
        results = sweep(document, progress=False)
    assert [len(row.results.runs) for row in results.rows] == [0, 2, 2]
    [reason] = failures(results)
    assert re.match(rf"its encoder was not fitted: {name} on arena/FourRooms-v0: .*loss is nan", reason)
    assert [(failure.run.seed, failure.run.spec.name) for failure in results.failures] == [
        *((0, "dqn"), (1, "dqn"))
    ]
    assert {failure.run.folder.parent for failure in results.failures} == {Path("out/fits")}
    assert results.to_dict()["runs"] == 6
    assert "0, 2 failed" in repr(results)


def test_frames_that_cannot_be_had_are_said():
    results = sweep(study({"encoder": ["pca", "none"]}, fit={"policy": "runs/nobody"}), progress=False)
    assert [len(row.results.runs) for row in results.rows] == [0, 1]
    [reason] = failures(results)
    assert reason.startswith("its encoder was not fitted: pca on arena/FourRooms-v0: ")
    assert "nobody" in reason


def test_a_fit_that_has_too_few_updates_is_said():
    results = sweep(study({"encoder": "pca"}, fit={"steps": 1}), progress=False)
    assert "learns from every frame once, which takes" in str(failures(results))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (study({"encoder": "vae"}, fit={"framez": 3}), "no key of [fit] is called 'framez'; did you mean 'frames'"),
        (study({"encoder": "vae"}, fit={"latent": 3}), "an encoder's options stand in its [[grid]]"),
        (study({"encoder": "vae"}, fit={"frames": 0}), "[fit]: frames is 0, which is not a whole number from 1"),
        (study({"encoder": "vae"}, fit={"steps": [1, 2]}), "the fit of vae: steps is [1, 2], which is not"),
        (study({"encoder": "vae"}, fit={"holdout": 2}), "the fit of vae: fit.holdout is 2"),
        (study({"encoder": "vae"}, fit={"labels": "state"}), "labels is 'state', which is not a list"),
        (study({"encoder": "vae"}, fit={"labels": ["stat"]}), "the fit of vae: "),
        (study({"encoder": "vaee"}), "no encoder is called 'vaee'; did you mean 'vae'"),
        (study({"encoder": "vae", "encoder.latnt": 3}), "no option of vae is called 'latnt'; did you mean 'latent'"),
        (study({"encoder": ["vae", "random-cnn"], "encoder.latent": 3}), "move random-cnn to its own [[grid]]"),
        (study({"encoder": "vae", "encoder.mode": "frosen"}), "encoder.mode is 'frosen'"),
        (study({"encoder": ["vae"], "env.observation": "index"}), "an encoder takes arrays"),
        (study({"encoder": "runs/nobody"}), "runs/nobody is not a run"),
        (study({"encoder": "none"}), "there is a [fit], but no grid names an encoder; add encoder = "),
        ({**study({"encoder": "vae"}), "fit": 3}, "fit is 3, which is not a table; write [fit], and below it"),
        (study({"agent": "q-learning", "encoder": "vae"}), "q-learning "),
    ],
)  # fmt: skip
def test_mistakes_are_said_on_one_line(document, message):
    with pytest.raises(ArenaError) as error:
        read_sweep(document)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.remedy
    assert not [*Path().iterdir()]


def test_an_encoder_that_misses_its_labels_says_so_before_anything_is_collected():
    with (
        pytest.raises(ArenaError, match=r"the fit of Sound: .*class"),
        registered(planted.Sound) as name,
    ):
        read_sweep(study({"encoder": name, "env.observation": "xy"}))


def test_without_a_table_encoders_are_what_they_are_elsewhere():
    document = study({"encoder": "pca"})
    del document["fit"]
    with pytest.raises(ArenaError, match="pca is not fitted yet, and a frozen encoder does not learn"):
        read_sweep(document)
    document["grid"] = [{**ROOMS, "encoder": ["none", {"name": "ae", "options": {"latent": 2}}]}]
    found = read_sweep({**document, "encoder.mode": "joint"})
    assert [one.encoder and one.encoder.start for one in found.experiments] == [None, None]
    assert found.experiments[1].encoder.options["latent"] == 2


def test_the_documented_study_is_one():
    text = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    section = text[text.index("## Encoders in a sweep") :]
    [snippet, *_] = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    found = read_sweep(tomllib.loads(snippet))
    assert [(fit.name, fit.options.get("latent")) for fit in found.fits] == [
        *(("pca", 104), ("vae", 32), ("vae", 8), ("random-cnn", None))
    ]
    said = re.search(r"(\w+) fits and (\d+) runs", section)
    assert said and (said[1], int(said[2])) == ("four", len(found))


def test_a_fit_that_is_to_go_further_makes_other_runs_and_one_that_has_is_said_to_have(capsys):
    grid = {"encoder": AE}
    sweep(study(grid), progress=False)
    sweep(study(grid, fit={"steps": 24}), progress=False)
    assert (len(folders("out/fits")), len(folders("out"))) == (1, 2)
    assert capsys.readouterr().err == ""
    sweep(study(grid), progress=False)
    assert "ae on arena/FourRooms-v0, seed 0: trained to 24 steps before" in capsys.readouterr().err
    assert len(folders("out")) == 2
