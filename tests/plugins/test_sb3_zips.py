"""Models that Stable-Baselines3 saved: their weights are safe to read, the rest is code that nobody runs."""

import json
import shutil
import zipfile

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.save_util import data_to_json
from torch import nn

import arena
from arena.errors import ArenaError
from arena.testing import globals_untouched
from arena_sb3.zips import read_zip


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def saved(path, seed=0, **network):
    torch.manual_seed(seed)
    model = sb3.PPO("MlpPolicy", gym.make("CartPole-v1"), device="cpu", policy_kwargs=network)
    model.save(path)
    return model


def begun(path, out, **options):
    options = {"learning_rate": 1e-9, **options}
    short = {"steps": 8, "seeds": 1, "episodes": 1, "horizon": 5}
    return arena.train("sb3-ppo", "CartPole-v1", start=path, out=out, agent_options=options, **short)


def test_a_run_begins_with_a_saved_policy_and_keeps_it(tmp_path):
    path = tmp_path / "model.zip"
    model = saved(path, net_arch=[8], activation_fn=nn.ReLU)
    options = {"net_arch": [8], "activation": "relu"}
    results = begun(path, tmp_path / "runs", **options)
    run = arena.load(results.runs[0]["path"])
    batch = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    action, _ = run.agent.act(batch, None, explore=False, generator=np.random.default_rng(0))
    assert np.array_equal(action, model.predict(batch, deterministic=True)[0])

    # Another model in its place is another experiment; without the file the run goes on all the same.
    other = shutil.copytree(tmp_path / "runs", tmp_path / "copy")
    saved(path, seed=1, net_arch=[8], activation_fn=nn.ReLU)
    assert begun(path, other, **options).runs[0]["path"] != results.runs[0]["path"].replace("runs", "copy")
    path.unlink()
    assert arena.load(results.runs[0]["path"]).agent.model.num_timesteps >= 8


def test_another_network_is_refused_and_the_saved_one_described(tmp_path):
    path = tmp_path / "model.zip"
    saved(path, net_arch=[8], activation_fn=nn.ReLU)
    with pytest.raises(
        ArenaError, match=r"does not fit sb3-ppo's: Missing key.*net_arch \[8\], activation_fn .*ReLU.*; set"
    ):
        begun(path, tmp_path / "runs")


def test_nothing_is_ever_unpickled(tmp_path):
    path, evil, mark = tmp_path / "model.zip", tmp_path / "evil.zip", tmp_path / "mark"
    saved(path)
    for key in ("policy_kwargs", "lr_schedule"):
        with zipfile.ZipFile(path) as good, zipfile.ZipFile(evil, "w") as bad:
            data = json.loads(good.read("data"))
            data[key] = json.loads(data_to_json({key: Bomb(mark)}))[key]
            bad.writestr("data", json.dumps(data))
            bad.writestr("policy.pth", good.read("policy.pth"))
        begun(evil, tmp_path / key)
        assert not mark.exists()
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(evil, "w") as bad:
        bad.writestr("data", good.read("data"))
        with bad.open("policy.pth", "w") as file:
            torch.save({"weight": Bomb(mark)}, file)
    with pytest.raises(ArenaError, match="more than tensors"):
        read_zip(evil)
    assert not mark.exists()


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("data", "{}")
    for name, said in (("none.zip", "cannot be read"), ("text.zip", "no model"), ("other.zip", "no model")):
        with pytest.raises(ArenaError, match=said):
            read_zip(tmp_path / name)


def test_agents_that_read_no_files_say_so(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(
        ArenaError, match="is a file, and this agent cannot start from a file; give a run folder"
    ):
        arena.train("dqn", "CartPole-v1", start=tmp_path / "text.zip", out=tmp_path)


def test_reading_leaves_the_globals_alone(tmp_path):
    path = tmp_path / "model.zip"
    saved(path)
    with globals_untouched("read_zip"):
        read_zip(path)
