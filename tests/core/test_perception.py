"""Free functions over what encoders can do, against closed forms and scikit-learn."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
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
from arena.encoders.probe import probe
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
        (lambda x: probe(x, x[:5]), "there are 7 codes and 5 labels"),
        (lambda x: probe(x, np.ones(7)), "the label is constant"),
        (lambda x: probe(x, x, folds=8), "7 rows cannot be split into 8 folds; give 2 to 7 folds"),
        (lambda x: probe(x, x, folds=3, starts=np.array([0, 4])), "2 episodes cannot be split into 3 folds"),
        (lambda x: probe(x * np.nan, x), "codes has numbers that are not finite"),
        (lambda x: probe(x, x, penalty=0), "penalty is 0"),
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


@pytest.mark.parametrize("penalty", [1e-6, 0.1, 3.0])
def test_the_probe_is_scikit_learn_s_ridge(penalty):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(60, 5)) * np.array([1, 10, 0.1, 1, 0]) + 3
    y = z @ rng.normal(size=(5, 2)) + rng.normal(size=(60, 2)) * 0.5
    told = np.empty_like(y)
    for fold in range(4):
        test = np.arange(fold * 15, fold * 15 + 15)
        train = np.setdiff1d(np.arange(60), test)
        centre, scale = z[train].mean(0), z[train].std(0)
        scale[4] = np.inf
        ridge = Ridge(alpha=penalty * len(train)).fit((z[train] - centre) / scale, y[train])
        told[test] = ridge.predict((z[test] - centre) / scale)
    found = probe(z, y, folds=4, penalty=penalty)
    assert np.allclose(found.r2, r2_score(y, told, multioutput="raw_values"), atol=1e-9)
    assert found.mean == pytest.approx(r2_score(y, told))


def test_more_numbers_than_rows_are_the_same_ridge():
    rng = np.random.default_rng(5)
    z, y = rng.normal(size=(40, 70)), rng.normal(size=(40, 2))
    white = (z[:30] - z[:30].mean(0)) / z[:30].std(0)
    told = Ridge(alpha=0.3 * 30, solver="cholesky").fit(white, y[:30])
    told = told.predict((z[30:] - z[:30].mean(0)) / z[:30].std(0))
    found = probe(z[:30], y[:30], held_out=(z[30:], y[30:]), penalty=0.3)
    assert np.allclose(found.r2, r2_score(y[30:], told, multioutput="raw_values"), atol=1e-9)


def test_what_is_held_out_is_asked_about_and_not_fitted():
    rng = np.random.default_rng(4)
    z = rng.normal(size=(50, 2, 3))
    y = z[:, 0, :2] ** 3 + z[:, 1, :2]
    told = LinearRegression().fit(z[:30].reshape(30, 6), y[:30]).predict(z[30:].reshape(20, 6))
    found = probe(z[:30], y[:30], held_out=(z[30:], y[30:]))
    assert np.allclose(found.r2, r2_score(y[30:], told, multioutput="raw_values"), atol=1e-4)
    with pytest.raises(ArenaError, match="another shape"):
        probe(z[:30], y[:30], held_out=(z[30:, :1], y[30:]))


def test_the_smallest_penalty_is_least_squares_and_episodes_stay_whole():
    rng = np.random.default_rng(2)
    z, starts = rng.normal(size=(40, 3)), np.array([0, 7, 11, 30])
    y = np.sin(z @ rng.normal(size=(3, 1)))[:, 0]
    told = np.empty_like(y)
    for low, high in ((0, 11), (11, 40)):
        train = np.r_[0:low, high:40]
        told[low:high] = LinearRegression().fit(z[train], y[train]).predict(z[low:high])
    assert probe(z, y, folds=2, starts=starts).mean == pytest.approx(r2_score(y, told), abs=1e-4)


def test_a_line_reads_off_what_is_linear_and_nothing_else():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(200, 4))
    truth = np.stack([2 * z[:, 0] - 1, np.full(200, 5.0), rng.normal(size=200)], axis=1)
    found = probe(z, truth)
    assert found.r2[0] == pytest.approx(1, abs=1e-6)
    assert np.isnan(found.r2[1])
    assert found.r2[2] < 0.1
    assert found.mean == pytest.approx((found.r2[0] + found.r2[2]) / 2)
