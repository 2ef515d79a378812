"""Base class of autoencoders: an encoder network, a decoder network, and a likelihood of observations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from arena.encoders.base import Encoder
from arena.encoders.preprocessing import Numbers, image_shape
from arena.errors import ArenaError
from arena_autoencoder.likelihoods import (
    BernoulliObservation,
    GaussianObservation,
    LogisticObservation,
    Observation,
)
from arena_autoencoder.networks import Analysis, Synthesis
from arena_autoencoder.options import LikelihoodOptions

__all__ = ["Autoencoder", "Likelihood"]

LIKELIHOODS: dict[str, type[Observation]] = {
    "gaussian": GaussianObservation,
    "bernoulli": BernoulliObservation,
    "logistic": LogisticObservation,
}

#: Initial value of a learned σ: small enough that the code reduces the loss, large enough for a stable start.
FIRST_SIGMA = 0.5

#: Smallest ln σ of a learned σ: for a number that never changes, the density would grow without bound.
LEAST_LOG_SIGMA = -6.0


class Likelihood(nn.Module):
    """Likelihood p(x | ·): maps the decoder network's output to a distribution over observations.

    Args:
        space: space of one observation.
        options: kind of distribution, and σ.

    Raises:
        ArenaError: the distribution cannot describe observations of the space.
    """

    def __init__(self, space: gym.spaces.Box, options: LikelihoodOptions) -> None:
        super().__init__()
        self.space, self.kind, self.numbers = space, LIKELIHOODS[options.likelihood], Numbers(space)
        _refuse(space, options.likelihood)
        sigma = torch.tensor(math.log(FIRST_SIGMA if options.sigma is None else options.sigma))
        self.log_sigma: Tensor
        if options.sigma is None and options.likelihood != "bernoulli":
            self.log_sigma = nn.Parameter(sigma)
        else:
            self.register_buffer("log_sigma", sigma)

    @property
    def sigma(self) -> Tensor:
        """Standard deviation σ in scaled numbers, a scalar."""
        learned = isinstance(self.log_sigma, nn.Parameter)
        return (self.log_sigma.clamp(min=LEAST_LOG_SIGMA) if learned else self.log_sigma).exp()

    def forward(self, numbers: Tensor) -> Observation:
        """Distribution over (…, *space.shape), from the decoder's output of shape (…, *Numbers(space).shape)."""
        return self.kind(numbers, self.space, self.sigma, self.numbers)


class Autoencoder(Encoder):
    """Base class of autoencoders: both networks and the likelihood; a subclass adds the code and the loss.

    Args:
        space: space of one observation, a `Box`.
        config: an instance of its `Config`.
        labels: spaces of the labels, by name.
        width: size of the decoder's input.

    Attributes:
        layers: layers of both networks.
        analysis: encoder network, from numbers to features.
        synthesis: decoder network, from a code to numbers.
        likelihood: distribution over observations, from the decoder's output.
        latent: space of codes; a subclass sets it.
    """

    latent: gym.spaces.Box

    def __init__(
        self,
        space: gym.Space[Any],
        config: LikelihoodOptions,
        labels: Mapping[str, gym.Space[Any]] | None,
        width: int,
    ) -> None:
        super().__init__(space, config, labels)
        self.numbers = Numbers(space)
        assert isinstance(space, gym.spaces.Box), "numbers are read from nothing else"
        shape = self.numbers.shape
        self.layers = config.layers if image_shape(space) else config.layers._replace(channels=())
        self.analysis = Analysis(shape, self.layers)
        self.synthesis = Synthesis(width, shape, self.layers)
        self.likelihood = Likelihood(space, config)

    def preprocess(self, x: Tensor) -> Tensor:
        """Network input of observations (batch, *space.shape): numbers of the parameters' type and device."""
        numbers: Tensor = self.numbers(x)
        return numbers.to(self.likelihood.log_sigma)

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> Observation:
        """Distribution p(x | z) over observations (…, *space.shape), from codes (…, *latent.shape)."""
        distribution: Observation = self.likelihood(self.synthesis(z))
        return distribution


def _refuse(space: gym.spaces.Box, likelihood: str) -> None:
    whole, remedy = space.dtype == np.uint8, "use --encoder.likelihood gaussian"
    if likelihood == "logistic" and not whole:
        raise ArenaError(f"likelihood logistic needs bytes, and observations are {space}", remedy)
    if likelihood == "bernoulli" and not whole and (space.low.min() < 0 or space.high.max() > 1):
        raise ArenaError(
            f"likelihood bernoulli needs numbers in [0, 1], and observations are {space}", remedy
        )
