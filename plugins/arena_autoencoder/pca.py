"""Principal component analysis in one pass, with the density of probabilistic PCA."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
import torch
from torch import Generator, Tensor

from arena.config.options import Between
from arena.encoders.base import Batch, Encoder, OptimizationGroup
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers
from arena.errors import ArenaError
from arena_autoencoder.codes import codes
from arena_autoencoder.gaussian import LOG_TWO_PI
from arena_autoencoder.likelihoods import GaussianObservation
from arena_autoencoder.options import Count
from arena_autoencoder.streaming_pca import StreamingPCA

__all__ = ["PCA"]

#: Smallest variance of the noise, so that no density is infinite where the residual is 0, as for constant images.
LEAST_NOISE = 1e-10


class PCA(Encoder):
    """Principal component analysis in one pass over batches, with a density (probabilistic PCA).

        z = U (x − m),   x | z ~ N(m + Uᵀ z, σ² I),   z ~ N(0, Λ − σ² I)

    U has the directions of greatest variance, Λ the variances along them, and σ² is the mean variance along all
    others. Then x ~ N(m, C) with C = Uᵀ(Λ − σ²I)U + σ²I: probabilistic PCA's maximum likelihood.

    It has no gradients: a trainer calls `partial_fit` with every batch once, and `finalize` at the end. Further epochs
    change nothing. `partial_fit` may continue after `finalize`.

    Source: Pearson 1901; Tipping & Bishop 1999, "Probabilistic principal component analysis", section 3.2.
    """

    @dataclass(frozen=True)
    class Config:
        """Options of PCA: the size of the code, and of the memory."""

        latent: Count = 16
        """Number of principal components: the size of the code; more components lose less of the observation."""

        n_oversamples: Annotated[int, Between(0, None)] = 32
        """Number of components kept between batches in addition to `latent`; more are more exact, and as many as an
        observation has numbers are exact."""

    bound: ClassVar[Literal["exact"]] = "exact"

    mean: Tensor
    directions: Tensor
    variances: Tensor
    noise: Tensor

    def __init__(
        self,
        space: gym.Space[Any],
        config: Config,
        labels: Mapping[str, gym.Space[Any]] | None = None,
    ) -> None:
        super().__init__(space, config, labels)
        self.numbers = Numbers(space)
        size = math.prod(self.numbers.shape)
        if config.latent > size:
            raise ArenaError(
                f"latent is {config.latent}, and an observation has {size} numbers",
                f"use --encoder.latent {size} or less",
            )
        self.latent = codes(config.latent)
        self.stream = StreamingPCA(size, min(size, config.latent + config.n_oversamples))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("directions", torch.eye(config.latent, size))
        self.register_buffer("variances", torch.ones(config.latent))
        self.register_buffer("noise", torch.ones(()))

    def optimization_groups(self) -> Mapping[str, OptimizationGroup]:
        """Optimization groups: none, since it has no gradients."""
        return {}

    def partial_fit(self, batch: Batch) -> None:
        """Update the streaming components with a batch of observations."""
        self.stream.update(self.numbers(batch.observation).flatten(1))

    def finalize(self) -> None:
        """Set the components that encode to the current streaming components."""
        directions, variances, noise = self.stream.components(self.config.latent)
        self.mean.copy_(self.stream.mean)
        self.directions.copy_(directions)
        self.variances.copy_(variances)
        self.noise.copy_(noise.clamp(min=LEAST_NOISE))

    def loss(self, batch: Batch) -> Tensor:
        """Negative log likelihood −E ln p(x), for evaluation only."""
        residual = self._residual(self._centred(batch.observation))
        loss = -self.log_prob(batch.observation).mean()
        self.metrics = {"reconstruction": residual.mean(), "log_prob": -loss}
        return loss

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """Coordinates along the components, in scaled numbers."""
        return PointMass(self._centred(x) @ self.directions.T)

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> GaussianObservation:
        """Distribution p(x | z) = N(m + Uᵀ z, σ² I)."""
        assert isinstance(self.space, gym.spaces.Box), "numbers are read from nothing else"
        numbers = self.mean + z @ self.directions
        return GaussianObservation(
            numbers.reshape(*z.shape[:-1], *self.numbers.shape),
            self.space,
            self.noise.clamp(min=LEAST_NOISE).sqrt(),
        )

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Samples of x, from z ~ p(z) and x ~ p(x | z)."""
        white = torch.randn(
            (n, self.config.latent), generator=generator, device=self.mean.device, dtype=self.mean.dtype
        )
        z = white * (self.variances - self.noise).clamp(min=0).sqrt()
        return self.decode(z).sample(generator=generator)

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """Log density ln N(x; m, C) of scaled numbers in nats, from the components and the residual: shape (batch,)."""
        centred = self._centred(x)
        along = centred @ self.directions.T
        variances = torch.maximum(self.variances, self.noise)
        others = self.mean.numel() - self.config.latent
        square = (along.square() / variances).sum(1)
        log_determinant = variances.log().sum()
        if others:
            square = square + self._residual(centred) / self.noise
            log_determinant = log_determinant + others * self.noise.log()
        return -(self.mean.numel() * LOG_TWO_PI + log_determinant + square) / 2

    def _centred(self, x: Tensor) -> Tensor:
        numbers: Tensor = self.numbers(x)
        return numbers.flatten(1).to(self.mean) - self.mean

    def _residual(self, centred: Tensor) -> Tensor:
        """Squared length of the residual after projection on the components: shape (batch,)."""
        left = centred - centred @ self.directions.T @ self.directions
        return left.square().sum(1)
