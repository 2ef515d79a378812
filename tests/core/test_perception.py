"""Free functions over what encoders can do, against closed forms and scikit-learn."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal

from arena.encoders.base import Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.functional import (
    apply_in_batches,
    codes,
    evaluation_mode,
    interpolate,
    mean_observation,
    novelty,
    reconstruct,
)
from arena.errors import ArenaError

SPACE = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)


class Linear(Encoder):
    """z = Wx, x = Vz, and a layer that is another one in training."""

    latent = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)

    def __init__(self, space=SPACE, config=None, labels=None):
        super().__init__(space, config, labels)
        torch.manual_seed(0)
        self.w, self.v = nn.Linear(3, 2, bias=False), nn.Linear(2, 3, bias=False)
        self.noise = nn.Dropout(0.5)

    def loss(self, batch):
        return self.w(batch.observation).sum()

    def encode(self, x, *, given=None):
        return PointMass(self.noise(self.w(x)))


class Telling(Linear):
    def decode(self, z, *, given=None):
        return Independent(Normal(self.v(z), 1.0), 1)


class Scoring(Linear):
    bound = "exact"

    def log_prob(self, x, *, given=None):
        return -x.square().sum(1)


@pytest.fixture
def x():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32))


def test_a_code_has_the_same_bits_in_any_company(x):
    encoder = Telling()
    z = codes(encoder, x.numpy(), batch_size=4)
    assert z.shape == (7, 2)
    for row in range(7):
        assert np.array_equal(codes(encoder, x.numpy()[row : row + 1], batch_size=4)[0], z[row])
    rows = np.array([6, 0, 6])
    assert np.array_equal(codes(encoder, x, rows=rows, batch_size=4), z[rows])
    assert np.allclose(z, x.numpy() @ encoder.w.weight.detach().numpy().T, atol=1e-6)


def test_batches_have_one_shape_and_read_no_more_than_they_ask_about(x):
    shapes, read = [], []

    class Disk:
        def __len__(self):
            return 7

        def __getitem__(self, rows):
            read.append(len(rows))
            return x.numpy()[rows]

    def ask(batch):
        shapes.append(tuple(batch.shape))
        return batch.sum(1)

    assert np.allclose(apply_in_batches(ask, Disk(), batch_size=3), x.sum(1))
    assert shapes == [(3, 3)] * 3
    assert read == [3, 3, 3]
    with pytest.raises(ArenaError, match="no observations"):
        apply_in_batches(ask, x[:0])


def test_every_module_is_as_it_was_afterwards(x):
    encoder = Telling()
    encoder.train()
    encoder.noise.eval()
    z = codes(encoder, x)
    assert encoder.training and encoder.w.training and not encoder.noise.training
    with evaluation_mode(encoder):
        assert not encoder.training and not torch.is_grad_enabled()
    assert np.array_equal(codes(encoder.train(), x), z)  # no dropout


def test_reconstruction_and_walk_are_the_decoder_s(x):
    encoder = Telling().eval()
    with torch.no_grad():
        z = encoder.w(x)
        assert torch.equal(reconstruct(encoder, x), encoder.v(z))
        walk = interpolate(encoder, x[:3], x[3:6], 5)
        assert walk.shape == (5, 3, 3)
        for step in range(5):
            share = step / 4
            assert torch.allclose(walk[step], encoder.v((1 - share) * z[:3] + share * z[3:6]), atol=1e-6)
        assert torch.equal(walk[0], reconstruct(encoder, x[:3]))
        assert torch.equal(walk[-1], reconstruct(encoder, x[3:6]))


def test_novelty_is_a_score_or_else_an_error(x):
    assert torch.equal(novelty(Scoring(), x), x.square().sum(1))
    encoder = Telling()
    error = (reconstruct(encoder, x) - x).square().mean(1)
    assert torch.equal(novelty(encoder, x), error)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: novelty(Linear(), x), "Linear neither scores nor decodes observations"),
        (lambda x: reconstruct(Linear(), x), "Linear does not decode codes"),
        (lambda x: interpolate(Telling(), x, x, 1), "interpolation needs two steps"),
    ],
)
def test_what_cannot_be_is_said(x, call, said):
    with pytest.raises(ArenaError, match=said):
        call(x)


def test_expected_is_the_mean_brought_into_the_space():
    grey = gym.spaces.Box(0, 16, (2,), np.uint8)
    found = mean_observation(Independent(Normal(torch.tensor([[3.6, 20.0], [-1.0, 7.4]]), 1.0), 1), grey)
    assert found.dtype == torch.uint8
    assert found.tolist() == [[4, 16], [0, 7]]
    share = gym.spaces.Box(0, 1, (1,), np.float32)
    assert mean_observation(Independent(Bernoulli(torch.tensor([[0.25]])), 1), share).tolist() == [[0.25]]
