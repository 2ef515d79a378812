"""Variational autoencoders: linear ones reach scikit-learn's likelihood; β; bounds."""

import itertools

import numpy as np
import pytest
import scipy.stats
import sklearn.decomposition
import torch
from autoencoder_problems import (  # noqa: F401 (alone: used by every test)
    DIGITS,
    LINEAR,
    adam,
    alone,
    digits,
    make,
    numbers_of_digits,
    vectors,
)

from arena.encoders.base import Batch
from arena_autoencoder import VAE, BetaVAE
from arena_autoencoder.bounds import importance_weighted


def reference():
    return sklearn.decomposition.PCA(8).fit(numbers_of_digits())


def elbo(model, x, times=20):
    found = []
    with torch.no_grad():
        for _ in range(times):
            model.loss(Batch(x))
            found.append(model.metrics["elbo"].item())
    return np.mean(found), np.std(found) / np.sqrt(times)


def write(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight))
        layer.bias.copy_(torch.as_tensor(bias))


def at_the_optimum():
    """The linear VAE that probabilistic PCA is: W = U(Λ − σ²I)^½, q = p(z | x) with covariance σ²Λ⁻¹."""
    pca = reference()
    variance, noise = pca.explained_variance_, pca.noise_variance_
    weight = pca.components_.T * np.sqrt(variance - noise)
    model = make(VAE, DIGITS, latent=8, **LINEAR)
    write(model.synthesis[0], weight, pca.mean_)
    inward = weight.T / variance[:, None]
    head = (
        np.concatenate([inward, np.zeros_like(inward)]),
        np.concatenate([-inward @ pca.mean_, np.log(noise / variance) / 2]),
    )
    write(model.posterior.head, *head)
    with torch.no_grad():
        model.likelihood.log_sigma.fill_(np.log(noise) / 2)
    return model


def test_a_linear_vae_at_the_optimum_has_no_gap():
    model, x = at_the_optimum(), digits()[0]
    exact = reference().score_samples(numbers_of_digits())
    # Where q is the posterior, every draw's weight is p(x) itself.
    np.testing.assert_allclose(model.log_prob(x).detach(), exact, rtol=1e-9)
    bound, error = elbo(model, x)
    assert bound == pytest.approx(exact.mean(), abs=5 * error)
    assert exact.mean() == pytest.approx(14.2098, abs=1e-4)


def test_a_linear_vae_learns_its_way_to_scikit_learns_score():
    model, x = make(VAE, DIGITS, latent=8, **LINEAR), digits()[0]
    adam(model, x, 2000, 0.04, batch=256)
    score = reference().score(numbers_of_digits())
    bound, error = elbo(model, x)
    assert score - 0.1 < bound < score + 5 * error
    assert model.likelihood.sigma.item() == pytest.approx(reference().noise_variance_ ** 0.5, rel=0.01)


def rows(n, deviations):
    """Uncorrelated rows whose sample variances are exact."""
    x = np.random.default_rng(0).standard_normal((n, len(deviations)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, bias=True))).T
    return torch.from_numpy((x * deviations).astype(np.float32))


def test_beta_1_is_the_vae():
    x = rows(50, [2.0, 1.0, 0.5])
    one, other = (
        make(VAE, vectors(3), latent=2, hidden_sizes=(4,), sigma=0.5),
        make(BetaVAE, vectors(3), latent=2, hidden_sizes=(4,), sigma=0.5, beta=1.0),
    )
    other.load_state_dict(one.state_dict())
    losses, gradients = [], []
    for model in (one, other):
        torch.manual_seed(1)
        loss = model.loss(Batch(x))
        loss.backward()
        losses.append(loss)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert torch.equal(*losses) and torch.equal(*gradients)
    assert -one.metrics["elbo"].item() == losses[0].item()


def test_kl_falls_with_beta_as_the_linear_model_says():
    deviations, sigma, found, expected = np.array([2.0, 1.0, 0.3]), 0.5, [], []
    x = rows(500, deviations)
    for beta in (0.5, 3.0, 20.0):
        torch.manual_seed(0)
        model = make(BetaVAE, vectors(3), latent=2, sigma=sigma, beta=beta, **LINEAR)
        adam(model, x, 600, 0.03)
        model.loss(Batch(x))
        found.append(model.metrics["kl"].item())
        # It is the VAE of noise βσ², whose code tells ½ ln λ/βσ² nats of every direction with more variance.
        expected.append(np.log(np.maximum(1, deviations[:2] ** 2 / (beta * sigma**2))).sum() / 2)
    assert all(np.diff(found) <= 1e-3)
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_more_draws_bound_more_tightly():
    torch.manual_seed(3)
    model, x = make(VAE, vectors(3), latent=2, sigma=0.4, **LINEAR), torch.randn(4, 3)
    write(model.synthesis[0], torch.randn(3, 2).double(), torch.zeros(3).double())
    weight = model.synthesis[0].weight.detach().numpy()
    exact = scipy.stats.multivariate_normal(np.zeros(3), weight @ weight.T + 0.16 * np.eye(3)).logpdf(x)
    with torch.no_grad():
        weights = model.log_weights(x, 200_000)
        bounds = [importance_weighted(weights.view(k, -1, 4)).mean(0).numpy() for k in (1, 10, 100, 200_000)]
    assert all((low < high).all() for low, high in itertools.pairwise(bounds))
    np.testing.assert_allclose(bounds[-1], exact, atol=0.1)
    assert (bounds[2] < exact).all()
    np.testing.assert_allclose(
        importance_weighted(torch.tensor([[0.0], [np.log(3)]])), [np.log(2)], rtol=1e-6
    )


def test_importance_is_how_many_draws_log_prob_weighs():
    x = digits()[0][:20]
    for importance in (1, 30):
        model = make(VAE, DIGITS, latent=4, importance_samples=importance)
        torch.manual_seed(5)
        found = model.log_prob(x)
        torch.manual_seed(5)
        torch.testing.assert_close(found, importance_weighted(model.log_weights(x, importance)))
