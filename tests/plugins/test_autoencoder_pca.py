"""Principal components, streamed and by gradients, against scikit-learn's."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import sklearn.decomposition
import torch
from autoencoder_problems import (  # noqa: F401 (alone: used by every test)
    DIGITS,
    alone,
    digits,
    make,
    newton,
    numbers_of_digits,
    vectors,
)

from arena.encoders.base import Batch
from arena_autoencoder import PCA, LinearAE

WHOLE = 64


def streamed(oversample=WHOLE, batch=100, order=None, latent=8):
    model, x = make(PCA, DIGITS, latent=latent, n_oversamples=oversample), digits()[0]
    for rows in (x if order is None else x[order]).split(batch):
        model.partial_fit(Batch(rows))
    model.finalize()
    return model


def reference(latent=8):
    return sklearn.decomposition.PCA(latent).fit(numbers_of_digits())


def residual(model):
    """The mean squared distance, in scaled numbers, between digits and their reconstructions."""
    x = digits()[0]
    with torch.no_grad():
        left = (model.decode(model.encode(x).value).mean - x) / 16
    return left.square().sum((1, 2, 3)).mean().item()


def reference_residual():
    pca, x = reference(), numbers_of_digits()
    return np.square(x - pca.inverse_transform(pca.transform(x))).sum(1).mean()


def test_it_is_scikit_learns():
    model, pca = streamed(), reference()
    np.testing.assert_allclose(model.mean, pca.mean_, atol=1e-12)
    np.testing.assert_allclose(model.variances, pca.explained_variance_, rtol=1e-10)
    assert model.noise.item() == pytest.approx(pca.noise_variance_, rel=1e-10)
    sign = np.sign((model.directions.numpy() * pca.components_).sum(1))[:, None]
    np.testing.assert_allclose(model.directions, sign * pca.components_, atol=1e-9)
    np.testing.assert_allclose(
        model.encode(digits()[0]).value, pca.transform(numbers_of_digits()) * sign.T, atol=1e-9
    )
    assert residual(model) == pytest.approx(reference_residual(), rel=1e-10)


def test_its_density_is_scikit_learns():
    model, pca, x = streamed(), reference(), digits()[0]
    np.testing.assert_allclose(model.log_prob(x), pca.score_samples(numbers_of_digits()), rtol=1e-9)
    model.loss(Batch(x))
    assert model.metrics["log_prob"].item() == pytest.approx(14.2098, abs=1e-4)
    assert model.metrics["reconstruction"].item() == pytest.approx(reference_residual(), rel=1e-9)


def test_with_little_memory_little_is_lost():
    best = reference_residual()
    for oversample, loss in ((0, 0.05), (8, 0.002), (32, 1e-5)):
        assert best <= residual(streamed(oversample)) * (1 + 1e-12) <= best * (1 + loss)


def test_order_and_batches_do_not_matter_where_it_is_exact():
    one, other = streamed(), streamed(batch=7, order=torch.randperm(1797))
    torch.testing.assert_close(one.directions, other.directions, atol=1e-8, rtol=0)
    torch.testing.assert_close(one.noise, other.noise)


def test_memory_does_not_grow_and_a_saved_stream_goes_on():
    x = digits()[0]
    whole, first = streamed(8), make(PCA, DIGITS, latent=8, n_oversamples=8)
    sizes = {name: value.shape for name, value in first.state_dict().items()}
    for rows in x.split(100)[:9]:
        first.partial_fit(Batch(rows))
    second = make(PCA, DIGITS, latent=8, n_oversamples=8)
    second.load_state_dict(first.state_dict())
    for rows in x.split(100)[9:]:
        second.partial_fit(Batch(rows))
    second.finalize()
    assert {name: value.shape for name, value in second.state_dict().items()} == sizes
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert second.optimization_groups() == {}


def test_it_draws_from_the_density_that_it_scores():
    rng = np.random.default_rng(0)
    seen = rng.multivariate_normal([1, -2, 0, 3], np.diag([4, 1, 0.3, 0.2]), 500).astype(np.float32)
    model = make(PCA, vectors(4), latent=2)
    model.partial_fit(Batch(torch.from_numpy(seen)))
    model.finalize()
    pca = sklearn.decomposition.PCA(2).fit(seen.astype(np.float64))
    exact = scipy.stats.multivariate_normal(pca.mean_, pca.get_covariance())
    draws = model.sample(40_000, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(model.log_prob(draws[:50]), exact.logpdf(draws[:50]), rtol=1e-9)
    np.testing.assert_allclose(np.cov(draws.T), pca.get_covariance(), atol=0.1)
    np.testing.assert_allclose(draws.mean(0), pca.mean_, atol=0.05)


def test_as_many_components_as_numbers_leave_nothing():
    x = torch.randn(100, 3)
    model = make(PCA, vectors(3), latent=3)
    model.partial_fit(Batch(x))
    model.finalize()
    torch.testing.assert_close(model.decode(model.encode(x).value).mean.float(), x)
    exact = scipy.stats.multivariate_normal(x.mean(0), np.cov(x.T))
    np.testing.assert_allclose(model.log_prob(x), exact.logpdf(x), rtol=1e-4)


def test_pictures_that_never_change_have_finite_densities():
    x = torch.full((10, 8, 8, 1), 7, dtype=torch.uint8)
    model = PCA(DIGITS, PCA.Config(latent=2))
    model.partial_fit(Batch(x))
    model.finalize()
    assert model.log_prob(x).isfinite().all()


def test_a_linear_autoencoder_spans_the_same_subspace():
    x, pca = digits()[0], reference()
    model = newton(make(LinearAE, DIGITS, latent=8), x)
    assert residual(model) == pytest.approx(reference_residual(), rel=1e-4)
    decoder = model.synthesis[0].weight.detach().numpy()
    angles = scipy.linalg.subspace_angles(decoder, pca.components_.T)
    assert np.degrees(angles.max()) < 2
    product = decoder @ model.code.weight.detach().numpy()
    np.testing.assert_allclose(product @ pca.components_.T, pca.components_.T, atol=0.05)
