"""What can be said wrongly of an encoder, by people, by files and by runs of others: one line each."""

import json
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import arena
from arena.api import train_experiment
from arena.errors import ArenaError
from arena.frames import collect
from arena.frames.fits import resolve_fit
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from run_files import put

ENV = "CartPole-v1"
SMALL = {
    "learning_starts": 32,
    "train_frequency": 16,
    "gradient_steps": 1,
    "hidden_sizes": [8],
    "batch_size": 8,
}


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Folders of fits by name: an autoencoder, another one, and principal components."""
    out = tmp_path_factory.mktemp("fits")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        made = {}
        for name, kind, options in (
            ("ae", "ae", {"latent": 4, "hidden_sizes": [8]}),
            ("other", "ae", {"latent": 6, "hidden_sizes": [8]}),
            ("pca", "pca", {"latent": 3}),
        ):
            fit = resolve_fit(kind, ENV, frames=200, steps=10, encoder_options=options)
            made[name] = train_experiment(fit, out=out, progress=False).runs[0]["path"]
        yield made


def experiment(**changes):
    settings = {"steps": 60, "episodes": 1, "horizon": 10, "seeds": 1, "agent_options": SMALL}
    return resolve_experiment("dqn", ENV, **{**settings, **changes})


def trained(out, **changes):
    return train_experiment(experiment(**changes), out=out, progress=False).runs[0]["path"]


def test_options_come_on_top_of_an_encoder_s_table(fits):
    table = experiment(encoder=fits["ae"]).to_dict()["encoder"]
    found = experiment(encoder=table, encoder_options={"mode": "finetune", "standardize": False}).encoder
    assert (found.mode, found.standardize, found.start.step) == ("finetune", False, 10)
    assert experiment(encoder=table).id(0) == experiment(encoder=fits["ae"]).id(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"encoder": {"name": "ae", "mode": "frozen"}},
            "ae is not fitted yet, and a frozen encoder does not learn",
        ),
        ({"encoder": {"name": "ae", "mode": "jiont"}}, "mode is 'jiont'"),
        ({"encoder": {"name": "ae", "latent": 4, "mode": "joint"}}, "latent"),
        ({"encoder": {"latent": 4}}, "encoder has no name, or its options or labels are not tables"),
        ({"encoder": 5}, "encoder is 5; give an encoder's name"),
        ({"encoder": "ae", "encoder_options": {"mode": "joint", "loss_weight": -1}}, "loss_weight is -1"),
        (
            {"encoder": "ae", "encoder_options": {"mode": "joint", "loss_weight": float("inf")}},
            "loss_weight is inf",
        ),
        (
            {"encoder": "pca", "encoder_options": {"mode": "finetune", "latent": 3}},
            "pca learns from a data set of frames",
        ),
        ({"novelty": "recurrent-ae"}, "recurrent-ae is recurrent, and novelty is computed for single"),
        ({"novelty": "vae", "novelty_options": {"batch_size": 10**9}}, "batch_size"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ArenaError, match=message):
        experiment(**settings)


def test_an_agent_begins_where_it_saw_the_same(fits, tmp_path):
    plain, seen = trained(tmp_path), trained(tmp_path, encoder=fits["ae"])
    tuned = trained(tmp_path, encoder=fits["ae"], encoder_options={"mode": "finetune"})
    again = experiment(start=seen, encoder=fits["ae"], agent_options={**SMALL, "discount": 0.9})
    assert again.start is not None
    joint = {"mode": "joint"}
    assert experiment(start=tuned, encoder=fits["ae"], encoder_options=joint).start is not None
    for settings in (
        {"start": plain, "encoder": fits["ae"]},
        {"start": seen},
        {"start": seen, "encoder": fits["other"]},
        {"start": seen, "encoder": fits["ae"], "encoder_options": {"standardize": False}},
        {"start": tuned, "encoder": "ae", "encoder_options": {**joint, "latent": 4, "hidden_sizes": [8]}},
        {"start": tuned, "encoder": fits["ae"]},
    ):
        with pytest.raises(ArenaError, match="used .*; use the same encoder in the same mode"):
            experiment(**settings)


def test_who_sees_through_an_encoder_does_not_act_for_frames(fits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArenaError, match="uses an encoder, and cannot collect frames"):
        collect(ENV, trained(tmp_path, encoder=fits["pca"]), 50)


@pytest.mark.parametrize(
    "damage",
    [
        lambda table: table["encoder"].update(labels=["state"]),
        lambda table: table["encoder"].update(mode=3),
        lambda table: table["encoder"]["options"].update(latent=5),
        lambda table: table["encoder"].update(name="vae"),
        lambda table: table.update(encoder="."),
        lambda table: table["encoder"]["start"].update(step="x"),
    ],
)
def test_a_run_that_says_otherwise_is_refused_in_one_line(fits, damage, tmp_path):
    path = Path(trained(tmp_path, encoder=fits["ae"]))
    copy = shutil.copytree(path, tmp_path / "copy")
    document = json.loads((copy / "run.json").read_text())
    damage(document["experiment"])
    put(copy / "run.json", document)
    with pytest.raises(ArenaError) as caught:
        arena.load(copy)
    assert "\n" not in str(caught.value)
    assert Run.open(path)  # the other one is as it was


class Forgetful(gym.Wrapper):
    """An environment of forty steps that cannot be replayed: what it shows depends on all episodes before."""

    def __init__(self, env):
        super().__init__(env)
        self.steps = self.total = 0

    def reset(self, **settings):
        self.steps = 0
        self.env.reset(**settings)
        return self.seen(), {}

    def step(self, action):
        self.steps, self.total = self.steps + 1, self.total + 1
        return self.seen(), 1.0, self.steps == 40, False, {}

    def seen(self):
        return np.full(4, self.total % 7, np.float32)


def test_an_episode_that_starts_anew_counts_from_there(tmp_path):
    settings = {
        "wrappers": f"{__name__}:Forgetful",
        "novelty": "pca",
        "novelty_options": {"latent": 2},
        "log_every": 10,
        "evaluate_every": 10**6,
        "num_envs": 1,
    }
    for steps in (30, 100, 190):
        run = trained(tmp_path, steps=steps, **settings)
    lines = [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]
    lengths = {line["episode_length"] for line in lines if line["episode_length"] is not None}
    assert lengths == {40.0}
