"""Fits: runs like any other. Same bytes, resumed exactly, found in listings; frames that go, come back or change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import planted_encoders as planted
import pytest
import torch

from arena import testing
from arena.cli import main
from arena.encoders.base import OptimizationGroup
from arena.errors import ArenaError
from arena.experiments.fit import Fit
from arena.experiments.read import spec_from_dict
from arena.frames import Batches, open_source
from arena.frames.references import data_reference, open_data
from arena.runs.run import Run
from arena.testing import contents, difference, globals_untouched, registered
from arena.training.encoder import Minibatches
from arena.training.runner import execute

ROOMS = "arena/FourRooms-v0"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own for runs/ and frames/."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The digits as a data set; written once."""
    return data_reference(str(open_source("digits", out=tmp_path_factory.mktemp("frames") / "digits").folder))


@pytest.fixture
def arena(capsys):
    """Runs a command; status, standard output and standard error."""

    def call(*words):
        status = main([*map(str, words)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def fit(encoder, data, steps=24, **settings):
    small = {"ae": {"latent": 3, "hidden_sizes": [], "channels": []}, "pca": {"latent": 3}}
    settings.setdefault("encoder_options", small.get(encoder))
    settings = {"trackers": [], "evaluate_every": 9, "log_every": 4, **settings}
    return Fit.create(encoder, data, steps=steps, **settings)


def trained(experiment, folder="runs"):
    run = Run.prepare(experiment, experiment.seeds[0], Path(folder))
    return run, execute(run)


class Duel(planted.Sound):
    """Two players, of whom one makes three updates a turn."""

    def optimization_groups(self):
        down, up = [*self.down.parameters(), *self.code.parameters()], [*self.up.parameters()]
        return {"down": OptimizationGroup(down, self.loss, 3), "up": OptimizationGroup(up, self.loss)}

    def loss(self, batch):
        z = self.look(batch.observation)
        self.metrics = {"size": z.detach().square().mean()}
        noise = 0.01 * torch.randn_like(z)
        return (self.up(z + noise) - self.numbers(batch.observation).flatten(1)).square().mean()

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, {"class": None, "state": None})


class Diverges(Duel):
    def loss(self, batch):
        return super().loss(batch) * float("nan")


def test_one_seed_gives_the_same_bytes_and_another_others(digits, tmp_path):
    found = [
        contents(trained(fit("ae", digits, seeds=[s]), tmp_path / p)[0])
        for s, p in ((0, "a"), (0, "b"), (1, "c"))
    ]
    assert difference(found[0], found[1]) is None
    assert found[0]["metrics.jsonl"] != found[2]["metrics.jsonl"]


@pytest.mark.parametrize("plan", [[1, 1, 1], [2, 7]])
def test_interrupted_at_any_yield_and_resumed_is_uninterrupted(plan, digits, tmp_path):
    for name, steps in (("ae", 40), ("pca", 200), ("denoising", 20)):
        options = {"encoder_options": {"channels": [], "hidden_sizes": []}} if name == "denoising" else {}
        whole = testing.Uninterrupted(fit(name, digits, steps, **options), tmp_path / name)
        whole.check_interrupted(plan)


def test_turns_of_several_players_end_where_they_do_however_often_it_is_asked(digits, tmp_path):
    with registered(Duel) as name:
        whole = testing.Uninterrupted(fit(name, digits, 50), tmp_path)
        whole.check_interrupted([1, 3, 2])
        run, result = trained(fit(name, digits, 50), tmp_path / "again")
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert result["steps"] == 52, "turns are of four updates"
    assert [line["step"] for line in lines][:4] == [4, 8, 12, 16]
    assert {"down_loss", "up_loss", "size"} <= lines[0].keys()
    assert 0.5 < lines[0]["up_loss"] / lines[0]["down_loss"] < 1.5, "each over its own updates"


def test_a_killed_fit_ends_in_the_same_bytes(digits, tmp_path):
    whole = testing.Uninterrupted(fit("ae", digits, 100), tmp_path)
    assert whole.check_killed(1, seed=1) == 1


def test_more_steps_train_on(digits, tmp_path, arena):
    run, _ = trained(fit("ae", digits, 18), tmp_path / "a")
    status, out, _ = arena("resume", run.folder, "--steps", 36, "--quiet", "--json")
    assert (status, json.loads(out)["runs"][0]["steps"]) == (0, 36)
    straight, _ = trained(fit("ae", digits, 36), tmp_path / "b")
    assert run.metrics.read_bytes() == straight.metrics.read_bytes()
    assert difference(contents(straight)["checkpoint"]["state"], contents(run)["checkpoint"]["state"]) is None


def test_pca_is_finished_after_an_epoch_in_which_each_frame_comes_once(digits, tmp_path):
    experiment = fit("pca", digits, 10_000)
    run, result = trained(experiment)
    rows = Batches(open_data(experiment.data), 64, seed=0)
    assert result["converged"]
    assert result["steps"] == -(-rows.count // 64)
    encoder = experiment.build_encoder()
    encoder.load_state_dict(run.checkpoints.load().state["agent"]["encoder"])
    x = torch.cat([batch.observation for batch in rows.once()]).flatten(1).double() / 16
    assert int(encoder.stream.count) == rows.count
    assert torch.allclose(encoder.mean.double(), x.mean(0), atol=1e-6)
    assert result["evaluation"]["mean"] > 0
    assert execute(Run.open(run.folder)) == result


def test_one_epoch_has_to_fit_into_the_steps(digits):
    with pytest.raises(ArenaError, match="learns from every frame once, which takes 26 updates and not 10"):
        trained(fit("pca", digits, 10))


def test_an_encoder_in_which_nobody_plays_is_finished_at_once(digits):
    run, result = trained(fit("random-cnn", digits))
    assert (result["steps"], result["converged"]) == (0, True)
    assert [path.name for path in run.snapshots.iterdir()] == ["000000000000"]


def test_a_fit_that_diverges_says_so(digits):
    with registered(Diverges) as name, pytest.raises(ArenaError, match="down_loss is nan at update 1"):
        trained(fit(name, digits))


def test_the_id_is_of_contents_and_options_and_of_no_folder(digits, tmp_path):
    one = fit("ae", digits)
    shutil.copytree(digits.folder, tmp_path / "copy")
    copy = data_reference(str(tmp_path / "copy"))
    assert copy.digest == digits.digest
    assert fit("ae", copy).id(0) == one.id(0)
    other = data_reference(
        "arena/Pendulum-v0", n=200, env_options={"observation": "pixels", "image_size": 16}
    )
    ids = {
        one.id(0),
        one.id(1),
        fit("ae", other).id(0),
        fit("ae", digits, encoder_options={"latent": 4, "hidden_sizes": [], "channels": []}).id(0),
        fit("ae", digits, batch_size=32).id(0),
        fit("linear-ae", digits).id(0),
        fit("ae", digits, threads=2).id(0),
    }
    assert len(ids) == 7
    assert {fit("ae", digits, 99).id(0), fit("ae", digits, log_every=2).id(0)} == {one.id(0)}


def test_a_fit_survives_json(digits):
    one = fit("ae", digits, learning_rate=0.01, seeds=[3])
    back = spec_from_dict(json.loads(json.dumps(one.to_dict())))
    assert isinstance(back, Fit)
    assert (back.to_dict(), back.id(3)) == (one.to_dict(), one.id(3))
    with pytest.raises(ArenaError, match="no key of a fit is called 'batch'"):
        spec_from_dict({**one.to_dict(), "batch": 3})


def test_to_describe_a_fit_leaves_the_global_generators_alone(digits):
    with globals_untouched("creating a fit"):
        fit("ae", digits)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 0}, "fit.batch_size is 0"),
        ({"learning_rate": -1.0}, "fit.learning_rate is -1"),
        ({"holdout": 1.0}, "fit.holdout is 1"),
        ({"steps": 0}, "steps is 0"),
        ({"encoder_options": {"latent": 0}}, "encoder.latent is 0"),
        ({"encoder_options": {"latnt": 3}}, "latnt"),
    ],
)
def test_what_cannot_be_is_refused(settings, said, digits):
    with pytest.raises(ArenaError, match=said):
        fit("ae", digits, **settings)


def test_frames_that_were_deleted_are_collected_again_and_others_are_refused(arena):
    words = ("fit", "ae", ROOMS, "--frames", 60, "--horizon", 20, "--env.observation", "pixels", "--quiet")
    words += (
        "--encoder.hidden_sizes",
        "8",
        "--encoder.channels",
        "4",
        "8",
        "--fit.batch_size",
        8,
        "--json",
        "--track",
        "none",
    )
    status, out, _ = arena(*words, "--steps", 2)
    assert status == 0
    found = json.loads(out)
    run = Run.open(Path(found["runs"][0]["path"]))
    folder = open_data(run.spec.data).folder
    shutil.rmtree(folder)
    assert arena("resume", run.folder, "--steps", 4, "--quiet")[0] == 0
    assert open_data(run.spec.data).digest == found["experiment"]["frames"]["digest"]
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "unfinished.lock").touch()  # as an interrupted collection leaves it
    assert open_data(run.spec.data).folder == folder
    shutil.rmtree(folder)
    shutil.copytree(
        open_source(ROOMS, n=61, horizon=20, env_options={"observation": "pixels"}).folder, folder
    )
    status, _, err = arena("resume", run.folder, "--steps", 6, "--quiet")
    assert status == 2
    [line] = [line for line in err.splitlines() if "arena:" in line]
    assert "are not those of the fit; restore them, or fit the encoder again" in line


def test_a_data_set_that_is_gone_is_missed_in_one_line(tmp_path):
    shutil.copytree(open_source("digits").folder, tmp_path / "mine")
    experiment = fit("ae", data_reference(str(tmp_path / "mine")))
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(
        ArenaError, match="the frames of the fit were deleted: .*mine; restore them from a copy"
    ):
        trained(experiment)


def test_the_labels_that_an_encoder_asks_for_are_collected(arena):
    words = (
        "fit",
        "unet",
        ROOMS,
        "--frames",
        40,
        "--horizon",
        10,
        "--env.observation",
        "pixels",
        "--steps",
        1,
    )
    small = ("--encoder.channels", 2, "--encoder.depth", 1, "--fit.batch_size", 2, "--quiet", "--json")
    status, out, _ = arena(*words, *small)
    assert status == 0
    assert [*json.loads(out)["experiment"]["frames"]["labels"]] == ["semantic"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pcs", "digits"), "no encoder is called 'pcs'; did you mean 'pca'?"),
        (("pca", "digits", "--encoder.latnt", "3"), "did you mean --encoder.latent?"),
        (("pca", "digits", "--fit.batch", "3"), "--fit.batch is not an option"),
        (("pca", "nowhere"), "no environment is called 'nowhere'"),
        (
            ("lenet", "digits", "--encoder.label", "cat"),
            "the label 'cat', and the data have the labels digit",
        ),
        (("pca", "digits", "--labels", "digit"), "no option of digits is called 'labels'"),
        (("pca", "digits", "--env.slip", "0.1"), "--env.slip"),
        (("vae", "arena/CliffWalk-v0"), "frames must be arrays"),
        (("pca",), "arena fit needs SOURCE"),
    ],
)
def test_mistakes_are_told_in_one_line(words, said, arena):
    status, out, err = arena("fit", *words)
    assert (status, out) == (2, "")
    [line] = [line for line in err.splitlines() if line.startswith("arena:")]
    assert said in line


def test_help_knows_the_options_of_a_pair(arena):
    for words, known, unknown in (
        ((), "--frames N", "--encoder.latent"),
        (("vae", "digits"), "--encoder.latent", "--env.slip"),
        (("vae", ROOMS), "--env.slip", "--agent."),
    ):
        status, out, _ = arena("fit", *words, "--help")
        assert status == 0
        assert known in out
        assert unknown not in out


def test_runs_of_fits_among_runs_of_agents(digits, arena):
    run, _ = trained(fit("pca", digits, 50))
    assert arena("train", "q-learning", "arena/CliffWalk-v0", "--steps", "1k", "--seed", 0, "--quiet")[0] == 0
    rows = {row["agent"]: row for row in json.loads(arena("list", "runs", "--json")[1])["runs"]}
    assert rows.keys() == {"pca", "q-learning"}
    assert (rows["pca"]["env"], rows["pca"]["status"], rows["pca"]["steps"]) == (
        digits.source,
        "finished",
        26,
    )
    assert rows["pca"]["options"]["encoder"]["latent"] == 3
    some = json.loads(arena("list", "runs", "--where", "encoder.latent=3", "--agent", "pca", "--json")[1])[
        "runs"
    ]
    assert [row["agent"] for row in some] == ["pca"]
    status, out, _ = arena("report")
    assert status == 0
    assert "1 run is left out: 1 fit of encoders (no returns)" in out
    assert "1 run → report.html" in out
    status, _, err = arena("eval", run.folder)
    assert status == 2
    assert "does not act" in err
    assert "arena gallery" in err
    assert "arena gallery" in arena("eval", run.folder, "--env.slip", 0.1)[2]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_table_of_a_fit_names_the_gallery(arena, workers):
    words = ("--seeds", 2, "--workers", workers, "--quiet", "--track", "none")
    status, out, _ = arena("fit", "pca", "digits", *words)
    assert status == 0
    assert "held-out loss" in out
    assert "next: arena gallery runs/pca_digits_seed0_" in out
    assert (
        "frames"
        in Run.open(next(path for path in __import__("pathlib").Path("runs").iterdir())).spec.to_dict()
    )


def test_encoders_are_listed_with_what_they_can_do(arena):
    found = {row["name"]: row for row in json.loads(arena("list", "encoders", "--json")[1])["encoders"]}
    assert found["pca"]["can"] == ["encodes", "decodes", "samples", "scores (exact)", "fits in one pass"]
    assert "encodes, decodes" in arena("list", "encoders")[1]


def test_an_encoder_is_checked(arena):
    with registered(planted.Sound):
        status, out, _ = arena("check", "Sound", "--json")
    assert (status, json.loads(out)["kind"]) == (0, "encoder")
    with registered(planted.LooseTensor):
        status, out, _ = arena("check", "LooseTensor")
    assert status == 1
    assert "the attribute shift is a tensor" in out


def test_means_are_over_the_updates_that_said_something():
    class Source:
        epoch = 0.0

    source = Minibatches(Source())
    source.note(a=1.0)
    source.note(a=3.0, b=5.0)
    assert source.take_log() == {"a": 2.0, "b": 5.0}
    assert source.take_log() == {}
