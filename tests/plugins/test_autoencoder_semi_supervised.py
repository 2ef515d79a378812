"""Class and style: bounds equal their enumeration over classes; few labels suffice for digits."""

import gymnasium as gym
import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from autoencoder_problems import (  # noqa: F401 (alone: used by every test)
    DIGITS,
    LINEAR,
    adam,
    alone,
    digits,
    make,
    vectors,
)

from arena.encoders.base import Batch
from arena.encoders.distributions import mode
from arena.errors import ArenaError
from arena_autoencoder import SemiSupervisedVAE
from arena_autoencoder.subset import Subset

CLASSES = {"room": gym.spaces.Discrete(3), "place": gym.spaces.Box(0, 1, (2,))}
SIGMA = 0.6


def linear(**options):
    return make(SemiSupervisedVAE, vectors(4), CLASSES, latent=1, sigma=SIGMA, **LINEAR, **options)


def parts(model):
    """Of a linear model: B of the style, the mean of x for every class, and q's maps."""
    weight, bias = (p.detach().numpy() for p in model.synthesis[0].parameters())
    return weight[:, 3:], weight[:, :3].T + bias


def enumerated(model, x):
    """U(x), and L(x, y) of every class, without a draw: shapes (batch,) and (batch, 3)."""
    style, means = parts(model)
    head, offset = (p.detach().numpy() for p in model.posterior.head.parameters())
    logits = model.classifier(x.double()).detach().numpy()
    bounds = np.empty_like(logits)
    for y in range(3):
        mu, log_deviation = (np.concatenate([x, np.tile(np.eye(3)[y], (len(x), 1))], 1) @ head.T + offset).T
        variance = np.exp(2 * log_deviation)
        miss = (
            np.square(x.numpy() - means[y] - mu[:, None] * style.T).sum(1) + variance * np.square(style).sum()
        )
        told = -2 * np.log(2 * np.pi * SIGMA**2) - miss / (2 * SIGMA**2)
        kl = (variance + mu**2 - 1) / 2 - log_deviation
        bounds[:, y] = told - np.log(3) - kl
    q = scipy.special.softmax(logits, 1)
    return (q * bounds).sum(1) + scipy.stats.entropy(q, axis=1), bounds


def averaged(model, x, times, given=None):
    """log_prob's mean over draws, all of them in one batch, and its error."""
    with torch.no_grad():
        given = None if given is None else given.repeat(times)
        draws = model.log_prob(x.repeat(times, 1), given=given).view(times, -1)
    return draws.mean(0).numpy(), (draws.std(0) / times**0.5).numpy()


def test_the_unlabelled_bound_is_its_enumeration():
    model, x = linear(), torch.randn(5, 4)
    bound, bounds = enumerated(model, x)
    found, error = averaged(model, x, 3000)
    assert (np.abs(found - bound) < 5 * error).all() and (error < 0.2).all()
    y = torch.tensor([0, 1, 2, 1, 0])
    found, error = averaged(model, x, 3000, given=y)
    assert (np.abs(found - np.log(3) - bounds[np.arange(5), y]) < 5 * error).all()


def exact_posterior(model):
    """Sets q(y | x) and q(z | x, y) to the model's own posteriors, which are linear; gives p(x)'s classes."""
    style, means = parts(model)
    covariance = style @ style.T + SIGMA**2 * np.eye(4)
    precision = np.linalg.inv(covariance)
    variance = 1 / (1 + np.square(style).sum() / SIGMA**2)
    inward = variance * style.T / SIGMA**2
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(means @ precision))
        model.classifier.bias.copy_(torch.from_numpy(-np.einsum("yi,ij,yj->y", means, precision, means) / 2))
        model.posterior.head.weight.zero_()
        model.posterior.head.weight[0] = torch.from_numpy(np.concatenate([inward[0], -(inward @ means.T)[0]]))
        model.posterior.head.bias.copy_(torch.tensor([0, np.log(variance) / 2]))
    return [scipy.stats.multivariate_normal(mean, covariance) for mean in means]


def test_the_bound_is_below_ln_p_and_reaches_it():
    model, x = linear(), torch.randn(6, 4)
    before, _ = enumerated(model, x)
    classes = exact_posterior(model)
    exact = scipy.special.logsumexp([one.logpdf(x) for one in classes], axis=0) - np.log(3)
    assert (before < exact).all()
    np.testing.assert_allclose(enumerated(model, x)[0], exact, rtol=1e-9)
    found, error = averaged(model, x, 3000)
    assert (np.abs(found - exact) < 5 * error).all()


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_the_loss_is_made_of_both_bounds(fraction):
    model, x, y = linear(labeled_fraction=fraction, alpha=2.5), torch.randn(40, 4), torch.arange(40) % 3
    known = model.known(x)
    torch.manual_seed(1)
    labelled = model.log_prob(x, given=y) - np.log(3)
    torch.manual_seed(1)
    unlabelled = model.log_prob(x)
    telling = F.cross_entropy(model.classifier(x.double()), y, reduction="none")
    torch.manual_seed(1)
    loss = model.loss(Batch(x, {"room": y}))
    expected = torch.where(known, -labelled + 2.5 * telling, -unlabelled).mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(model.metrics["elbo"], torch.where(known, labelled, unlabelled).mean())
    assert model.metrics["labeled"].item() == pytest.approx(fraction, abs=0.25)


def test_without_labels_it_learns_as_if_none_were_known():
    model, x = linear(labeled_fraction=1.0), torch.randn(10, 4)
    torch.manual_seed(1)
    loss = model.loss(Batch(x))
    torch.manual_seed(1)
    torch.testing.assert_close(loss, -model.log_prob(x).mean())
    assert model.metrics["labeled"] == 0


def test_a_tenth_of_the_classes_tells_most_of_the_others():
    x, y = digits()
    labels = {"digit": gym.spaces.Discrete(10)}
    model = SemiSupervisedVAE(
        DIGITS, SemiSupervisedVAE.Config(latent=6, hidden_sizes=(64,), channels=(), alpha=20.0), labels
    )
    adam(model, x, 400, 0.005, {"digit": y}, batch=128)
    known = model.known(x)
    right = model.perceive(x)["digit"] == y
    assert known.float().mean().item() == pytest.approx(0.1, abs=0.03)
    assert right[~known].float().mean() > 0.85
    drawn = model.sample(30, given=torch.arange(10).repeat(3), generator=torch.Generator().manual_seed(0))
    assert (model.perceive(drawn)["digit"] == torch.arange(10).repeat(3)).float().mean() > 0.5


def test_a_code_is_a_class_and_a_style():
    model, x = linear(), torch.randn(5, 4)
    code = model.encode(x)
    z = mode(code)
    told = model.perceive(x)["room"]
    assert torch.equal(z[:, :3].argmax(1), told) and torch.equal(z[:, :3].sum(1), torch.ones(5).double())
    torch.testing.assert_close(z, mode(model.encode(x, given=told)))
    torch.testing.assert_close(code.mean[:, :3], model.classifier(x.double()).softmax(1))
    draws = code.sample((20_000,))
    torch.testing.assert_close(draws.mean(0), code.mean, atol=0.05, rtol=0)
    # ln q(y, z) of a draw: the mean over draws is minus the entropy, a class's and its style's.
    styles = torch.distributions.Normal(code.styles.mean, code.styles.stddev).entropy().sum(-1).T
    entropy = code.label.entropy() + (code.label.probs * styles).sum(1)
    torch.testing.assert_close(-code.log_prob(draws).mean(0), entropy, atol=0.05, rtol=0)


def test_a_class_may_start_anywhere_and_must_be_there():
    space = gym.spaces.Discrete(3, start=5)
    model = SemiSupervisedVAE(
        vectors(4), SemiSupervisedVAE.Config(latent=2, labeled_fraction=1.0), {"a": space}
    )
    y = torch.tensor([5, 7])
    model.loss(Batch(torch.randn(2, 4), {"a": y}))
    assert model.metrics["labeled"] == 1 and all(
        space.contains(int(v)) for v in model.perceive(torch.randn(9, 4))["a"]
    )
    assert mode(model.encode(torch.randn(2, 4), given=y))[:, :3].argmax(1).tolist() == [0, 2]
    with pytest.raises(ArenaError, match="no label is a class"):
        SemiSupervisedVAE(vectors(4), SemiSupervisedVAE.Config(), {})
    with pytest.raises(ArenaError, match="label 'place' is not a class.*here: room"):
        SemiSupervisedVAE(vectors(4), SemiSupervisedVAE.Config(label="place"), CLASSES)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_subset_has_its_share_and_is_the_same_in_every_batch(share):
    for x in (
        torch.randint(256, (4000, 5), dtype=torch.uint8),
        torch.randn(4000, 3),
        torch.arange(4000.0)[:, None],
    ):
        subset = Subset(x.shape[1], share)
        chosen = subset(x)
        assert chosen.float().mean().item() == pytest.approx(share, abs=0.03)
        order = torch.randperm(4000)
        assert torch.equal(subset(x[order]), chosen[order]) and torch.equal(subset(x[:1]), chosen[:1])
        assert not (chosen & ~Subset(x.shape[1], min(1.0, share + 0.2))(x)).any(), (
            "a larger share has them, too"
        )
