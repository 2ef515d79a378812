"""Denoising and inpainting: their linear optima, and what they look at."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from autoencoder_problems import LINEAR, alone, make, newton, vectors  # noqa: F401 (alone: used by every test)

from arena.encoders.base import Batch
from arena.encoders.distributions import mode
from arena_autoencoder import DenoisingAE, InpaintingAE
from arena_autoencoder.inpainting import block_mask


def gaussian(n, d):
    """Correlated rows, with their mean and covariance."""
    rng = np.random.default_rng(d)
    root = rng.standard_normal((d, d)) / np.sqrt(d)
    x = (rng.standard_normal((n, d)) @ root + rng.standard_normal(d)).astype(np.float32)
    return torch.from_numpy(x), x.mean(0, dtype=np.float64), np.cov(x.T.astype(np.float64), bias=True)


def affine(model, d):
    """The matrix and offset of a linear autoencoder of vectors."""
    with torch.no_grad():
        rows = torch.cat([torch.zeros(1, d), torch.eye(d)])
        out = model.decode(model.encode(rows).value).mean.numpy()
    return (out[1:] - out[0]).T, out[0]


def test_denoising_optimum_is_the_wiener_filter():
    x, mean, covariance = gaussian(100_000, 4)
    model = make(DenoisingAE, vectors(4), latent=4, mask_fraction=0.0, noise_std=0.7, **LINEAR)
    newton(model, x, seed=0)
    expected = covariance @ np.linalg.inv(covariance + 0.7**2 * np.eye(4))
    matrix, offset = affine(model, 4)
    np.testing.assert_allclose(matrix, expected, atol=0.01)
    np.testing.assert_allclose(offset, mean - expected @ mean, atol=0.01)


def test_denoising_optimum_with_numbers_left_out():
    x, mean, covariance = gaussian(100_000, 4)
    x, keep = x - torch.from_numpy(mean).float(), 0.6
    model = make(DenoisingAE, vectors(4), latent=4, mask_fraction=1 - keep, **LINEAR)
    newton(model, x, seed=0)
    seen = keep**2 * covariance + keep * (1 - keep) * np.diag(np.diag(covariance))
    np.testing.assert_allclose(affine(model, 4)[0], keep * covariance @ np.linalg.inv(seen), atol=0.02)


def test_corruption_leaves_out_whole_pixels_and_never_a_code():
    model = DenoisingAE(vectors(4), DenoisingAE.Config(latent=2, mask_fraction=0.25, noise_std=0.0))
    left = model.corrupt(torch.ones(500, 3, 8, 8))
    assert torch.equal(left[:, 0], left[:, 2]) and {*left.unique().tolist()} == {0, 1}
    assert left.mean().item() == pytest.approx(0.75, abs=0.01)
    x = torch.randn(3, 4)
    assert torch.equal(model.encode(x).value, model.encode(x).value)


def test_inpainting_optimum_is_the_conditional_mean():
    x, mean, covariance = gaussian(2000, 5)
    model = make(InpaintingAE, vectors(5), latent=5, mask="center", mask_fraction=0.4, **LINEAR)
    newton(model, x)
    hidden, seen = [1, 2], [0, 3, 4]
    gain = covariance[np.ix_(hidden, seen)] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    expected = mean[hidden] + (x[:, seen].numpy() - mean[seen]) @ gain.T
    covered = torch.zeros_like(x, dtype=torch.bool)
    covered[:, hidden] = True
    found = mode(model.decode(model.encode(torch.where(covered, 0, x)).value)).detach().numpy()
    np.testing.assert_allclose(found[:, hidden], expected, atol=1e-4)


@pytest.mark.parametrize("where", ["center", "block"])
def test_inpainting_has_no_gradient_off_the_mask(where, monkeypatch):
    drawn, written = [], []
    monkeypatch.setattr(
        "arena_autoencoder.inpainting.block_mask",
        lambda *args, **options: drawn.append(block_mask(*args, **options)) or drawn[-1],
    )
    frame = gym.spaces.Box(0, 255, (12, 10, 3), np.uint8)
    model = make(InpaintingAE, frame, latent=3, hidden_sizes=(5,), channels=(), mask=where)
    model.synthesis.register_forward_hook(lambda *call: call[2].retain_grad() or written.append(call[2]))
    x = torch.randint(256, (4, 12, 10, 3), dtype=torch.uint8)
    model.loss(Batch(x)).backward()
    gradient, covered = written[0].grad, drawn[0].expand(4, 3, 12, 10)
    assert torch.equal(gradient != 0, covered)
    changed = torch.where(covered.permute(0, 2, 3, 1), 255 - x, x)
    monkeypatch.setattr("arena_autoencoder.inpainting.block_mask", lambda *args, **options: drawn[0])
    model.loss(Batch(changed))
    assert torch.equal(written[0], written[1]), "what is covered is not seen"


@pytest.mark.parametrize("shape", [(7,), (2, 3), (3, 16, 9), (1, 8, 8)])
@pytest.mark.parametrize("share", [0.01, 0.25, 0.99])
def test_a_cover_is_a_block_neither_empty_nor_all(shape, share):
    for anywhere in (False, True):
        covered = block_mask(torch.zeros(200, *shape), share, anywhere=anywhere).expand(200, *shape)
        counts = covered.flatten(1).sum(1)
        assert (counts == counts[0]).all() and 0 < counts[0] < covered[0].numel()
        ever = covered.any(0)
        assert (ever.sum() > counts[0]) == anywhere
        if len(shape) < 3:
            assert ever.all() == anywhere
    if share == 0.25 and len(shape) == 3:
        assert counts[0] / covered[0].numel() == pytest.approx(0.25, abs=0.05)
