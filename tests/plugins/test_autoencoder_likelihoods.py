"""Distributions over observations: they sum to one, agree with scipy, and lie in the space."""

import gymnasium as gym
import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from autoencoder_problems import alone  # noqa: F401 (used by every test)

from arena.encoders.distributions import mode
from arena.encoders.preprocessing import Numbers
from arena.errors import ArenaError
from arena_autoencoder.base import Likelihood
from arena_autoencoder.likelihoods import BernoulliObservation, GaussianObservation, LogisticObservation
from arena_autoencoder.options import LikelihoodOptions

Box = gym.spaces.Box
FRAME = Box(0, 255, (6, 5, 3), np.uint8)
SPACES = {
    "frame": FRAME,
    "stack": Box(0, 255, (4, 6, 5), np.uint8),
    "cube": Box(0, 255, (4, 4, 4), np.uint8),
    "few levels": Box(0, 16, (8, 8, 1), np.uint8),
    "bytes": Box(0, 3, (7,), np.uint8),
    "vector": Box(0, 1, (3,), np.float32),
}
KINDS = {"gaussian": GaussianObservation, "bernoulli": BernoulliObservation, "logistic": LogisticObservation}
EVERY = [(k, s) for k in KINDS for s in SPACES if (k, s) != ("logistic", "vector")]


def scale(value):
    return torch.tensor(value, dtype=torch.float64)


def levels(n, locations, sigma):
    """ln P of all n levels for each location: shape (n, locations)."""
    space = Box(0, n - 1, (1,), np.uint8)
    distribution = LogisticObservation(torch.as_tensor(locations).double()[:, None], space, scale(sigma))
    return distribution, distribution.log_prob(torch.arange(n, dtype=torch.uint8).view(n, 1, 1))


LOCATIONS = np.array([-3.0, -0.01, 0.0, 0.1, 0.4999, 0.52, 1.0, 1.2, 40.0])


@pytest.mark.parametrize("n", [2, 3, 33, 256])
@pytest.mark.parametrize("sigma", [1e-3, 0.02, 0.3, 5.0])
def test_logistic_sums_to_one_and_is_that_of_scipy(n, sigma):
    distribution, log_prob = levels(n, LOCATIONS, sigma)
    np.testing.assert_allclose(log_prob.exp().sum(0), 1, rtol=1e-12)
    edges = np.concatenate([[-np.inf], (np.arange(1, n) - 0.5) / (n - 1), [np.inf]])
    expected = np.diff(scipy.stats.logistic.cdf((edges[:, None] - LOCATIONS) / sigma), axis=0)
    np.testing.assert_allclose(log_prob.exp(), expected, atol=1e-12)
    mean = (expected * np.arange(n)[:, None]).sum(0)
    np.testing.assert_allclose(distribution.mean[:, 0], mean, atol=1e-9 if n <= 33 else 0.5)
    best = log_prob.gather(0, distribution.mode.long().T)[0]
    torch.testing.assert_close(best, log_prob.max(0).values)


def test_logistic_stays_finite_where_probabilities_underflow():
    location = torch.tensor([[-50.0], [0.5], [50.0]], requires_grad=True)
    log_sigma = torch.tensor(-6.0, requires_grad=True)
    distribution = LogisticObservation(location, Box(0, 255, (1,), np.uint8), log_sigma.exp())
    log_prob = distribution.log_prob(torch.tensor([[255], [0], [128]], dtype=torch.uint8))
    log_prob.sum().backward()
    for value in (log_prob, location.grad, log_sigma.grad):
        assert value.isfinite().all()
    assert log_prob[0] < -1000


def test_gaussian_is_the_density_of_scaled_numbers():
    x = torch.randint(256, (4, 6, 5, 3), dtype=torch.uint8)
    location = torch.randn(4, 3, 6, 5, dtype=torch.float64)
    expected = scipy.stats.norm.logpdf(x.permute(0, 3, 1, 2) / 255, location, 0.3).sum((1, 2, 3))
    distribution = GaussianObservation(location, FRAME, scale(0.3))
    np.testing.assert_allclose(distribution.log_prob(x), expected, rtol=1e-6)
    torch.testing.assert_close(distribution.mean, location.permute(0, 2, 3, 1) * 255)


def test_bernoulli_of_black_and_white_is_that_of_scipy():
    x = torch.randint(2, (4, 6, 5, 3), dtype=torch.uint8) * 255
    logit = torch.randn(4, 3, 6, 5, dtype=torch.float64) * 3
    probability = scipy.special.expit(logit.numpy())
    expected = scipy.stats.bernoulli.logpmf(x.permute(0, 3, 1, 2).numpy() // 255, probability)
    distribution = BernoulliObservation(logit, FRAME)
    np.testing.assert_allclose(distribution.log_prob(x), expected.sum((1, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(distribution.mean, probability.transpose(0, 2, 3, 1) * 255)


def test_bernoulli_scores_grey_as_a_share_and_is_then_no_density():
    logit, grey = torch.tensor([[0.7]], dtype=torch.float64), Box(0, 255, (1,), np.uint8)
    distribution = BernoulliObservation(logit, grey)
    black, white, middle = distribution.log_prob(torch.tensor([[0], [255], [51]], dtype=torch.uint8))
    assert middle.item() == pytest.approx(0.8 * black.item() + 0.2 * white.item())
    every = distribution.log_prob(torch.arange(256, dtype=torch.uint8)[:, None, None])
    assert every.exp().mean() < 0.9, "over grey values from 0 to 1 it integrates to less than one"


@pytest.mark.parametrize(("kind", "where"), EVERY)
def test_shapes_and_types_are_those_of_the_space(kind, where):
    space = SPACES[where]
    location = torch.randn(3, 2, *Numbers(space).shape)
    distribution = KINDS[kind](location, space, None if kind == "bernoulli" else torch.tensor(0.1))
    assert distribution.batch_shape == (3, 2) and distribution.event_shape == space.shape
    assert distribution.mean.shape == (3, 2, *space.shape)
    for x in (distribution.sample(), mode(distribution)):
        assert x.shape == (3, 2, *space.shape)
        assert all(space.contains(one.numpy()) for one in x.flatten(0, 1))
        assert distribution.log_prob(x).shape == (3, 2)
    best = distribution.log_prob(mode(distribution))
    assert (best >= distribution.log_prob(distribution.sample()) - 1e-4).all()
    draws = distribution.sample((4,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(draws, distribution.sample((4,), generator=torch.Generator().manual_seed(1)))
    assert draws.shape == (4, 3, 2, *space.shape)


@pytest.mark.parametrize(("kind", "where"), EVERY)
def test_what_a_frame_says_stands_where_the_numbers_do(kind, where):
    space = SPACES[where]
    space.seed(0)
    x = torch.from_numpy(space.sample())[None]
    numbers = Numbers(space)(x)
    location = torch.logit(numbers.clamp(1e-6, 1 - 1e-6)) if kind == "bernoulli" else numbers
    distribution = KINDS[kind](location, space, torch.tensor(1e-3))
    torch.testing.assert_close(distribution.mean, x.float(), atol=0.01 * float(space.high.max()), rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_distribution(kind):
    space = Box(0, 4, (1,), np.uint8)
    location = torch.tensor([[0.4]], dtype=torch.float64)
    distribution = KINDS[kind](location, space, scale(0.12))
    draws = distribution.sample((20_000,), generator=torch.Generator().manual_seed(0)).flatten()
    found = np.bincount(draws, minlength=5) / len(draws)
    if kind == "gaussian":
        expected = np.diff(scipy.stats.norm.cdf([-np.inf, 0.125, 0.375, 0.625, 0.875, np.inf], 0.4, 0.12))
    elif kind == "bernoulli":
        expected = np.array([1 - scipy.special.expit(0.4), 0, 0, 0, scipy.special.expit(0.4)])
    else:
        expected = (
            distribution.log_prob(torch.arange(5, dtype=torch.uint8)[:, None, None]).exp()[:, 0].numpy()
        )
    np.testing.assert_allclose(found, expected, atol=4 * 0.5 / np.sqrt(len(draws)))


def test_a_learned_spread_is_a_parameter_and_has_a_least_value():
    fixed = Likelihood(FRAME, LikelihoodOptions(sigma=0.25))
    assert list(fixed.parameters()) == [] and fixed.sigma.item() == pytest.approx(0.25)
    learned = Likelihood(FRAME, LikelihoodOptions(sigma=None))
    x = torch.zeros(1, 6, 5, 3, dtype=torch.uint8)
    (-learned(torch.zeros(1, 3, 6, 5)).log_prob(x)).sum().backward()
    assert learned.log_sigma.grad > 0, "what it tells exactly, it tells with a smaller spread"
    with torch.no_grad():
        learned.log_sigma.fill_(-100)
    assert learned.sigma.item() == pytest.approx(np.exp(-6))
    assert list(Likelihood(FRAME, LikelihoodOptions(likelihood="bernoulli", sigma=None)).parameters()) == []


def test_what_a_likelihood_cannot_score_is_refused():
    numbers = Box(-1, 1, (3,), np.float32)
    for kind, words in (("logistic", "needs bytes"), ("bernoulli", r"needs numbers in \[0, 1\]")):
        with pytest.raises(ArenaError, match=words):
            Likelihood(numbers, LikelihoodOptions(likelihood=kind))
