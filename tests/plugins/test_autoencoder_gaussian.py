"""Divergence of Gaussians, against scipy's integrals and torch's closed form."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from torch.distributions import Independent, Normal, kl_divergence

from arena_autoencoder.gaussian import diagonal_kl


def random_gaussian(rng, *shape):
    """A mean and a standard deviation, each of a shape."""
    return torch.from_numpy(rng.standard_normal(shape)), torch.from_numpy(rng.uniform(0.2, 2, shape))


def test_divergence_is_its_integral():
    p, q = scipy.stats.norm(0.3, 0.8), scipy.stats.norm(-0.5, 1.7)
    expected = scipy.integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -12, 12)[0]
    column = [torch.tensor([v], dtype=torch.float64) for v in (0.3, 0.8, -0.5, 1.7)]
    assert diagonal_kl(*column).item() == pytest.approx(expected, rel=1e-10)


def test_divergence_is_that_of_torch():
    rng = np.random.default_rng(1)
    p, q = random_gaussian(rng, 3, 5), random_gaussian(rng, 3, 5)
    expected = kl_divergence(Independent(Normal(*p), 1), Independent(Normal(*q), 1))
    torch.testing.assert_close(diagonal_kl(*p, *q), expected)
    assert (expected > 0).all()
    assert torch.equal(diagonal_kl(*p, *p), torch.zeros(3, dtype=torch.float64))


def test_batches_broadcast_and_types_stay():
    rng = np.random.default_rng(4)
    p, q = random_gaussian(rng, 3, 1, 4), random_gaussian(rng, 5, 4)
    whole = diagonal_kl(*p, *q)
    assert whole.shape == (3, 5)
    torch.testing.assert_close(whole[2, 4], diagonal_kl(p[0][2, 0], p[1][2, 0], q[0][4], q[1][4]))
    assert diagonal_kl(*(one.float() for one in (*p, *q))).dtype == torch.float32


def test_gradients_are_those_of_differences():
    rng = np.random.default_rng(5)
    arguments = [one.requires_grad_() for one in (*random_gaussian(rng, 3), *random_gaussian(rng, 3))]
    assert torch.autograd.gradcheck(diagonal_kl, arguments)
