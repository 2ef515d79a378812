"""A chain of linear Gaussians has an exact likelihood, which the bounds approach from below."""

import numpy as np
import pytest
import scipy.stats
import torch
from autoencoder_problems import LINEAR, alone, make, vectors  # noqa: F401 (alone: used by every test)

from arena.encoders.base import Batch
from arena_autoencoder import HierarchicalVAE
from arena_autoencoder.bounds import importance_weighted
from arena_autoencoder.codes import DiagonalNormal
from arena_autoencoder.priors import Chain

SIGMA = 0.7


def chain(sizes=(3, 2, 1)):
    """A linear chain whose deviations do not depend on the layer above, and the joint Gaussian of its codes."""
    prior = Chain(sizes, ()).double()
    mean, covariance = np.zeros(sizes[-1]), np.eye(sizes[-1])
    for network, size in zip(reversed(prior.down), reversed(sizes[:-1]), strict=True):
        with torch.no_grad():
            network.head.weight[size:] = 0
        weight, bias = (p.detach().numpy()[:size] for p in network.head.parameters())
        weight = np.pad(weight, ((0, 0), (0, len(mean) - weight.shape[1])))
        deviation = np.exp(network.head.bias.detach().numpy()[size:])
        cross = weight @ covariance
        covariance = np.block([[cross @ weight.T + np.diag(deviation**2), cross], [cross.T, covariance]])
        mean = np.concatenate([weight @ mean + bias, mean])
    return prior, scipy.stats.multivariate_normal(mean, covariance)


def model():
    found = make(HierarchicalVAE, vectors(4), latents=(3, 2, 1), sigma=SIGMA, **LINEAR)
    found.prior, codes = chain()
    weight, bias = (p.detach().numpy() for p in found.synthesis[0].parameters())
    covariance = weight @ codes.cov[:3, :3] @ weight.T + SIGMA**2 * np.eye(4)
    return found, scipy.stats.multivariate_normal(weight @ codes.mean[:3] + bias, covariance)


def test_the_prior_is_the_joint_gaussian():
    prior, exact = chain()
    z = torch.randn(10, 6, dtype=torch.float64)
    np.testing.assert_allclose(prior.log_prob(z).detach(), exact.logpdf(z), rtol=1e-10)
    with torch.no_grad():
        draws = prior.sample(50_000, 6, z, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(np.cov(draws.T), exact.cov, atol=0.15)
    np.testing.assert_allclose(draws.mean(0), exact.mean, atol=0.05)


def test_the_divergence_is_the_mean_log_ratio():
    prior, _ = chain()
    q = DiagonalNormal(torch.randn(6).double(), torch.rand(6).double() + 0.2)
    with torch.no_grad():
        z = q.sample((100_000,))
        ratio, closed = q.log_prob(z) - prior.log_prob(z), prior.divergence(q, z)
    error = (ratio.var() + closed.var()).sqrt() / len(z) ** 0.5
    assert (ratio.mean() - closed.mean()).abs() < 5 * error
    assert closed.var() < ratio.var(), "closed forms leave less to chance"


def test_elbo_below_iwae_rising_to_the_exact_likelihood():
    vae, exact = model()
    x = torch.from_numpy(exact.rvs(6, random_state=0).astype(np.float32))
    truth = exact.logpdf(x)
    with torch.no_grad():
        weights = vae.log_weights(x, 100_000)
        elbos = []
        for _ in range(400):
            vae.loss(Batch(x))
            elbos.append(vae.metrics["elbo"].item())
        bounds = [
            importance_weighted(weights.view(k, -1, 6)).mean((0, 1)).item() for k in (1, 10, 100, 100_000)
        ]
    elbo, error = np.mean(elbos), np.std(elbos) / 20
    assert elbo == pytest.approx(bounds[0], abs=5 * error + 0.02), "two estimates of the ELBO"
    assert elbo < bounds[1] < bounds[2] < truth.mean()
    assert bounds[3] == pytest.approx(truth.mean(), abs=0.05)


def test_only_the_lowest_layer_tells_the_observation():
    vae, _ = model()
    z = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    vae.decode(z).mean.sum().backward()
    assert (z.grad[:, :3] != 0).all() and (z.grad[:, 3:] == 0).all()
    code = vae.encode(torch.randn(2, 4))
    assert [part.mean.shape[1] for part in code.split((3, 2, 1))] == [3, 2, 1]


def test_draws_are_those_of_the_model():
    vae, exact = model()
    draws = vae.sample(50_000, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(np.cov(draws.T), exact.cov, atol=0.05)


def test_one_layer_is_the_vae():
    from arena_autoencoder import VAE

    one = make(VAE, vectors(4), latent=2, sigma=SIGMA, **LINEAR)
    other = make(HierarchicalVAE, vectors(4), latents=(2,), sigma=SIGMA, **LINEAR)
    other.synthesis.load_state_dict(one.synthesis.state_dict())
    other.posteriors[0].load_state_dict(one.posterior.state_dict())
    losses = []
    for vae in (one, other):
        torch.manual_seed(1)
        losses.append(vae.loss(Batch(torch.ones(5, 4))))
    assert torch.equal(*losses)
