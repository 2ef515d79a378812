"""The encoder protocols, the point mass and the mode that every distribution has."""

import gymnasium as gym
import pytest
import torch
from torch import distributions as d

from arena.encoders.base import Batch, Decodes, Encoder, Encodes, Inverts, Remembers, Samples, Scores
from arena.encoders.distributions import PointMass, mode


class Doubling(Encoder):
    """Encodes without noise: z = 2x."""

    latent = gym.spaces.Box(-2, 2, (3,))

    def loss(self, batch):
        x = batch.observation
        return (self.decode(2 * x).mean - x).pow(2).mean()

    def encode(self, x, *, given=None):
        return PointMass(2 * x)

    def decode(self, z, *, given=None):
        return PointMass(z / 2)


def test_protocols_are_told_by_their_methods():
    encoder = Doubling(gym.spaces.Box(-1, 1, (3,)), Encoder.Config())
    assert isinstance(encoder, Encodes)
    assert isinstance(encoder, Decodes)
    for protocol in (Samples, Scores, Inverts, Remembers):
        assert not isinstance(encoder, protocol)
    assert encoder.loss(Batch(torch.rand(4, 3))).item() == 0


def test_an_encoder_must_have_a_loss():
    with pytest.raises(TypeError, match="loss"):
        Encoder(gym.spaces.Box(-1, 1, (3,)), Encoder.Config())


def test_point_mass():
    value = torch.arange(6.0).reshape(2, 3).requires_grad_()
    point = PointMass(value)
    assert (point.batch_shape, point.event_shape) == ((2,), (3,))
    assert point.rsample((5,)).shape == (5, 2, 3)
    point.rsample().sum().backward()
    assert torch.equal(value.grad, torch.ones(2, 3))
    assert torch.equal(point.log_prob(value), torch.zeros(2))
    assert torch.equal(point.log_prob(value + torch.tensor([0.0, 0, 1])), torch.full((2,), -torch.inf))
    assert torch.equal(point.entropy(), torch.zeros(2))
    assert torch.equal(mode(point), value)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (d.Normal(torch.tensor([1.0, 2.0]), 1.0), [1.0, 2.0]),
        (d.Independent(d.Normal(torch.tensor([1.0, 2.0]), 1.0), 1), [1.0, 2.0]),
        (d.Bernoulli(torch.tensor([0.2, 0.5, 0.9])), [0.0, 0.0, 1.0]),
        (d.Independent(d.Bernoulli(torch.tensor([0.2, 0.5, 0.9])), 1), [0.0, 0.0, 1.0]),
        (d.Categorical(torch.tensor([0.2, 0.5, 0.3])), 1),
        (d.OneHotCategorical(torch.tensor([0.2, 0.5, 0.3])), [0.0, 1.0, 0.0]),
        (
            d.TransformedDistribution(d.Normal(0.5, 1.0), [d.TanhTransform()]),
            torch.tanh(torch.tensor(0.5)).item(),
        ),
    ],
)
def test_every_distribution_has_a_mode(distribution, expected):
    torch.testing.assert_close(mode(distribution), torch.tensor(expected, dtype=mode(distribution).dtype))
