"""Entropy, cross-entropy and divergence of Gaussians, against scipy, torch, and integrals."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch

from arena.encoders import gaussian


def random_gaussian(rng, *shape):
    """A mean (…, D) and a covariance (…, D, D) that is well conditioned."""
    root = rng.standard_normal((*shape, shape[-1]))
    covariance = root @ root.swapaxes(-1, -2) + 0.5 * np.eye(shape[-1])
    return torch.from_numpy(rng.standard_normal(shape)), torch.from_numpy(covariance)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_entropy_is_that_of_scipy(d):
    rng = np.random.default_rng(d)
    mean, covariance = random_gaussian(rng, 5, d)
    expected = [
        scipy.stats.multivariate_normal(m, c).entropy() for m, c in zip(mean, covariance, strict=True)
    ]
    np.testing.assert_allclose(gaussian.entropy(covariance), expected, rtol=1e-12)
    deviation = torch.from_numpy(rng.uniform(0.1, 3, (5, d)))
    np.testing.assert_allclose(
        gaussian.diagonal_entropy(deviation), scipy.stats.norm.entropy(scale=deviation).sum(-1), rtol=1e-12
    )


def test_cross_entropy_and_divergence_are_their_integrals():
    p, q = scipy.stats.norm(0.3, 0.8), scipy.stats.norm(-0.5, 1.7)
    cross = scipy.integrate.quad(lambda x: -p.pdf(x) * q.logpdf(x), -12, 12)[0]
    divergence = scipy.integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -12, 12)[0]
    column = [torch.tensor([v], dtype=torch.float64) for v in (0.3, 0.8, -0.5, 1.7)]
    assert gaussian.diagonal_cross_entropy(*column).item() == pytest.approx(cross, rel=1e-10)
    assert gaussian.diagonal_kl(*column).item() == pytest.approx(divergence, rel=1e-10)


def test_cross_entropy_is_the_mean_of_scipys_log_density():
    rng = np.random.default_rng(0)
    (mean, covariance), (m, c) = random_gaussian(rng, 4), random_gaussian(rng, 4)
    draws = rng.multivariate_normal(mean.numpy(), covariance.numpy(), 200_000)
    scores = -scipy.stats.multivariate_normal(m, c).logpdf(draws)
    error = scores.std() / np.sqrt(len(scores))
    assert gaussian.cross_entropy(mean, covariance, m, c).item() == pytest.approx(
        scores.mean(), abs=4 * error
    )


def test_divergence_is_that_of_torch():
    rng = np.random.default_rng(1)
    (mean, covariance), (m, c) = random_gaussian(rng, 3, 5), random_gaussian(rng, 3, 5)
    normal = torch.distributions.MultivariateNormal
    expected = torch.distributions.kl_divergence(normal(mean, covariance), normal(m, c))
    torch.testing.assert_close(gaussian.kl(mean, covariance, m, c), expected)
    assert (expected > 0).all()


def test_cross_entropy_is_entropy_plus_divergence():
    rng = np.random.default_rng(2)
    (mean, covariance), (m, c) = random_gaussian(rng, 3, 5), random_gaussian(rng, 3, 5)
    cross = gaussian.cross_entropy(mean, covariance, m, c)
    torch.testing.assert_close(cross, gaussian.entropy(covariance) + gaussian.kl(mean, covariance, m, c))
    torch.testing.assert_close(gaussian.kl(m, c, m, c), torch.zeros(3, dtype=torch.float64))


def test_diagonal_is_the_full_one_with_a_diagonal():
    rng = np.random.default_rng(3)
    mean, m = torch.from_numpy(rng.standard_normal((2, 6, 4)))
    deviation, scale = torch.from_numpy(rng.uniform(0.2, 2, (2, 6, 4)))
    full = (mean, torch.diag_embed(deviation**2), m, torch.diag_embed(scale**2))
    diagonal = (mean, deviation, m, scale)
    torch.testing.assert_close(gaussian.diagonal_entropy(deviation), gaussian.entropy(full[1]))
    torch.testing.assert_close(gaussian.diagonal_cross_entropy(*diagonal), gaussian.cross_entropy(*full))
    torch.testing.assert_close(gaussian.diagonal_kl(*diagonal), gaussian.kl(*full))


def test_batches_broadcast_and_types_stay():
    rng = np.random.default_rng(4)
    (mean, covariance), (m, c) = random_gaussian(rng, 3, 1, 4), random_gaussian(rng, 5, 4)
    whole = gaussian.kl(mean, covariance, m, c)
    assert whole.shape == (3, 5)
    torch.testing.assert_close(whole[2, 4], gaussian.kl(mean[2, 0], covariance[2, 0], m[4], c[4]))
    torch.testing.assert_close(gaussian.kl(mean, covariance, m[0], c[0])[2, 0], whole[2, 0])
    single = [one.float() for one in (mean, covariance, m, c)]
    assert gaussian.kl(*single).dtype == gaussian.entropy(single[1]).dtype == torch.float32


def test_gradients_are_those_of_differences():
    rng = np.random.default_rng(5)
    (mean, covariance), (m, c) = random_gaussian(rng, 3), random_gaussian(rng, 3)
    arguments = [one.requires_grad_() for one in (mean, covariance, m, c)]
    symmetric = lambda a, s, b, t: gaussian.kl(a, (s + s.mT) / 2, b, (t + t.mT) / 2)
    assert torch.autograd.gradcheck(symmetric, arguments)
