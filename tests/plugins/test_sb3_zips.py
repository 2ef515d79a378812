"""Models that Stable-Baselines3 saved: their weights are safe to read, the rest is code."""

import json
import zipfile

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.save_util import data_to_json
from torch import nn

from arena.errors import ArenaError
from arena.testing import Trial, globals_untouched
from arena_sb3 import load_zip


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def saved(path, **network):
    torch.manual_seed(0)
    model = sb3.PPO("MlpPolicy", gym.make("CartPole-v1"), device="cpu", policy_kwargs=network)
    model.save(path)
    return model


def acts_like(model, **options):
    with Trial("sb3-ppo", "CartPole-v1", agent_options=options) as trial:
        batch = trial.observations(64)
        action, _ = trial.agent.act(batch, None, explore=False, generator=np.random.default_rng(0))
        assert np.array_equal(action, model.predict(batch, deterministic=True)[0])
        assert trial.agent.model.num_timesteps == 0
        return trial.train(16 * trial.stream.num_envs).agent


def test_a_plain_network_needs_no_trust(tmp_path):
    path = tmp_path / "model.zip"
    model = saved(path, net_arch=[8, 8])
    agent = acts_like(model, zip=str(path))
    assert agent.model.policy.net_arch == [8, 8]
    assert load_zip(path).policy_kwargs == {"net_arch": [8, 8]}


def test_a_pickled_network_is_refused_without_trust(tmp_path):
    path = tmp_path / "model.zip"
    model = saved(path, net_arch=[8], activation_fn=nn.ReLU)
    with pytest.raises(ArenaError, match="can run code when it is loaded; say --agent.trust"):
        load_zip(path)
    with (
        pytest.raises(ArenaError, match="--agent.trust"),
        Trial("sb3-ppo", "CartPole-v1", agent_options={"zip": str(path)}),
    ):
        pass
    acts_like(model, zip=str(path), trust=True)
    assert load_zip(path, trust=True).policy_kwargs["activation_fn"] is nn.ReLU


def test_nothing_is_unpickled_without_trust_nor_more_than_the_network_with_it(tmp_path):
    path, evil, mark = tmp_path / "model.zip", tmp_path / "evil.zip", tmp_path / "mark"
    saved(path)
    for key in ("policy_kwargs", "lr_schedule"):
        with zipfile.ZipFile(path) as good, zipfile.ZipFile(evil, "w") as bad:
            data = json.loads(good.read("data"))
            data[key] = json.loads(data_to_json({key: Bomb(mark)}))[key]
            bad.writestr("data", json.dumps(data))
            bad.writestr("policy.pth", good.read("policy.pth"))
        if key == "policy_kwargs":
            with pytest.raises(ArenaError, match="trust"):
                load_zip(evil)
        else:
            load_zip(evil, trust=True)
        assert not mark.exists()
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(evil, "w") as bad:
        bad.writestr("data", good.read("data"))
        with bad.open("policy.pth", "w") as file:
            torch.save({"weight": Bomb(mark)}, file)
    with pytest.raises(ArenaError, match="more than tensors"):
        load_zip(evil, trust=True)
    assert not mark.exists()


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("data", "{}")
    for name, said in (("none.zip", "cannot be read"), ("text.zip", "no model"), ("other.zip", "no model")):
        with pytest.raises(ArenaError, match=said):
            load_zip(tmp_path / name, trust=True)


def test_another_network_is_refused(tmp_path):
    path = tmp_path / "model.zip"
    saved(path)
    with (
        pytest.raises(ArenaError, match="is not this agent's"),
        Trial("sb3-a2c", "Pendulum-v1", agent_options={"zip": str(path)}),
    ):
        pass


def test_reading_leaves_the_globals_alone(tmp_path):
    path = tmp_path / "model.zip"
    saved(path)
    with globals_untouched("load_zip"):
        load_zip(path)
