"""Codes shifted and scaled: by what, and that agents see the same in every mode."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import arena
from arena.api import train_experiment
from arena.encoders.base import Batch, Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.encoded_stream import ObservationEncoder
from arena.encoders.features_extractor import Features
from arena.encoders.standardization import BATCHES, CodeStandardization
from arena.frames import Batches
from arena.frames.fits import resolve_fit
from arena.frames.references import open_data
from arena.runs.resolve import resolve_experiment

Box = gym.spaces.Box
SPACE = Box(0, 1, (3,), np.float32)


class Affine(Encoder):
    """A code far from 0 whose numbers vary by 1, 0.1 and not at all."""

    latent = Box(np.float32([-1, -np.inf, 2]), np.float32([9, np.inf, 2]))

    def loss(self, batch):
        return torch.zeros(())

    def encode(self, x, *, given=None):
        return PointMass(x * torch.tensor([1.0, 0.1, 0.0]) + torch.tensor([5.0, 7.0, 2.0]))


def batches(count, seed=0):
    random = np.random.default_rng(seed)
    return [Batch(torch.from_numpy(random.normal(size=(20, 3)).astype(np.float32))) for _ in range(count)]


def test_codes_have_mean_0_and_mean_square_1():
    seen = batches(BATCHES)
    encoder = Affine(SPACE, Affine.Config())
    scale = CodeStandardization.from_batches(encoder, [*seen, *batches(3, seed=1)])  # these are not looked at
    codes = torch.cat([encoder.encode(batch.observation).mode for batch in seen])
    applied, codes = scale.apply(codes).numpy(), codes.numpy()
    np.testing.assert_allclose(applied.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose((applied**2).mean(), 1, rtol=1e-5)
    np.testing.assert_allclose(scale.spread, np.sqrt(((codes - codes.mean(0)) ** 2).mean()), rtol=1e-5)
    deviations = applied.std(0)
    np.testing.assert_allclose(
        deviations[0] / deviations[1], codes[:, 0].std() / codes[:, 1].std(), rtol=1e-4
    )


def test_codes_that_never_vary_are_shifted_only():
    encoder = Affine(SPACE, Affine.Config())
    scale = CodeStandardization.from_batches(encoder, [Batch(torch.ones(4, 3))] * 2)
    assert float(scale.spread) == 1
    torch.testing.assert_close(scale.apply(torch.tensor([6.0, 7.1, 2.0])), torch.zeros(3), atol=1e-6, rtol=0)


def test_the_space_goes_along():
    scale = CodeStandardization(torch.tensor([4.0, 0.0, 2.0]), torch.tensor(0.5))
    found = scale.space(Affine.latent)
    np.testing.assert_array_equal(found.low, np.float32([-10, -np.inf, 0]))
    np.testing.assert_array_equal(found.high, np.float32([10, np.inf, 0]))


def test_who_gives_no_codes_has_no_scale():
    assert CodeStandardization.from_batches(_Mute(SPACE, Encoder.Config()), batches(1)) is None


class _Mute(Encoder):
    def loss(self, batch):
        return torch.zeros(())


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The folder of an autoencoder's fit."""
    out = tmp_path_factory.mktemp("fit")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        state, small = {"observation": "state"}, {"latent": 4, "hidden_sizes": [16]}
        fit = resolve_fit(
            "ae", "arena/CartPole-v0", env_options=state, frames=300, steps=20, encoder_options=small
        )
        path = train_experiment(fit, out=out, progress=False).runs[0]["path"]
        yield path, Batches(open_data(fit.data), 64, part="validation")


def lens_of(path, tmp_path, **options):
    small = {
        "learning_starts": 32,
        "train_frequency": 16,
        "gradient_steps": 1,
        "hidden_sizes": [8],
        "batch_size": 8,
    }
    settings = {"steps": 40, "episodes": 2, "horizon": 20, "seeds": 1, "agent_options": small}
    experiment = resolve_experiment(
        "dqn", "arena/CartPole-v0", encoder=path, encoder_options=options, **settings
    )
    run = train_experiment(experiment, out=tmp_path, progress=False).runs[0]["path"]
    return arena.load(run)


def test_agents_see_them_so_and_in_every_mode(fitted, tmp_path):
    path, held_out = fitted
    held = np.concatenate([batch.observation.numpy() for batch in held_out.once()])
    loaded = lens_of(path, tmp_path)
    codes = loaded.environment.encoder.encode(held)
    np.testing.assert_allclose(codes.mean(0), 0, atol=1e-4)
    assert float((codes**2).mean()) == pytest.approx(1, rel=1e-3)
    tuned = lens_of(path, tmp_path, mode="finetune").agent.problem.features
    fresh = Features(arena.load(path).encoder, None, CodeStandardization(tuned.mean, tuned.spread))
    np.testing.assert_allclose(fresh(torch.from_numpy(held)).detach(), codes, rtol=1e-4, atol=1e-4)
    raw = lens_of(path, tmp_path, standardize=False)
    plain = ObservationEncoder(arena.load(path).encoder, raw.environment.encoder.inner, "cpu").encode(held)
    np.testing.assert_array_equal(raw.environment.encoder.encode(held), plain)
    assert len({one.run.spec.id(0) for one in (loaded, raw)}) == 2
