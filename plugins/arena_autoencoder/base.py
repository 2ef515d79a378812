"""What every autoencoder is: numbers in, a code between, a distribution over observations out."""

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

#: A learned spread begins here: narrow enough for a code to be worth its cost, wide enough not to need it for all.
FIRST_SIGMA = 0.5

#: A learned spread goes no lower than e⁻⁶: where a number never changes, its density would know no bound.
LEAST_LOG_SIGMA = -6.0


class Likelihood(nn.Module):
    """p(x | ·): what a network wrote, read as a distribution; with the spread, where that is learned.

    Args:
        space: of one observation.
        options: which distribution.

    Raises:
        ArenaError: the space holds what the distribution cannot.
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
        """The spread in scaled numbers, a scalar."""
        learned = isinstance(self.log_sigma, nn.Parameter)
        return (self.log_sigma.clamp(min=LEAST_LOG_SIGMA) if learned else self.log_sigma).exp()

    def forward(self, numbers: Tensor) -> Observation:
        """Shape (…, *Numbers(space).shape) to a distribution over (…, *space.shape)."""
        return self.kind(numbers, self.space, self.sigma, self.numbers)


class Autoencoder(Encoder):
    """The parts that all have; a subclass puts a code between them, and says what it costs.

    Args:
        space: of one observation: a `Box`.
        config: an instance of its `Config`.
        labels: the spaces of labels.
        width: of what the decoder reads.

    Attributes:
        layers: of both networks.
        analysis: numbers to features.
        synthesis: code to numbers.
        likelihood: numbers to a distribution.
        latent: the space of codes; a subclass sets it.
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

    def read(self, x: Tensor) -> Tensor:
        """Observations (batch, *space.shape) as numbers of the type and on the device of the parameters."""
        numbers: Tensor = self.numbers(x)
        return numbers.to(self.likelihood.log_sigma)

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> Observation:
        """p(x | z): codes (…, *latent.shape) to a distribution over (…, *space.shape)."""
        distribution: Observation = self.likelihood(self.synthesis(z))
        return distribution


def _refuse(space: gym.spaces.Box, likelihood: str) -> None:
    whole = space.dtype == np.uint8
    if likelihood == "logistic" and not whole:
        raise ArenaError(f"logistic scores levels of bytes, and {space} has none", "take gaussian")
    if likelihood == "bernoulli" and not whole and (space.low.min() < 0 or space.high.max() > 1):
        raise ArenaError(f"bernoulli scores numbers from 0 to 1, and {space} has others", "take gaussian")
