"""Principal components, and the Gaussian that has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
import torch
from torch import Generator, Tensor

from arena.config.options import Between
from arena.encoders.base import Batch, Encoder, Player
from arena.encoders.distributions import PointMass
from arena.encoders.gaussian import LOG_TWO_PI
from arena.encoders.preprocessing import Numbers
from arena.errors import ArenaError
from arena_autoencoder.codes import codes
from arena_autoencoder.likelihoods import GaussianObservation
from arena_autoencoder.options import Count
from arena_autoencoder.streaming_pca import StreamingPCA

__all__ = ["PCA"]

#: Where nothing is left over, as of pictures that never change, the noise has this variance: no density is infinite.
LEAST_NOISE = 1e-10


class PCA(Encoder):
    """Principal components, found in one pass over batches; with what they leave as noise, a density.

        z = U (x − m),   x | z ~ N(m + Uᵀ z, σ² I),   z ~ N(0, Λ − σ² I)

    U are the directions of greatest variance, Λ the variances along them, σ² the mean variance along all others. Then
    x ~ N(m, C) with C = Uᵀ(Λ − σ²I)U + σ²I: probabilistic PCA's maximum likelihood.

    It has no gradient. Who trains it calls `absorb` with every batch once, in place of a player's updates, and `finish`
    at the end; more epochs teach it nothing. After `finish`, `absorb` goes on from where it was.

    Source: Pearson 1901; Tipping & Bishop 1999, "Probabilistic principal component analysis", section 3.2.
    """

    @dataclass(frozen=True)
    class Config:
        """The size of its code, and of its memory."""

        latent: Count = 16
        """Numbers of a code."""

        oversample: Annotated[int, Between(0, None)] = 32
        """Components kept beyond those between batches, so that little is lost; the size of an observation makes it
        exact."""

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
                f"an observation of {size} numbers has no {config.latent} components", "lower latent"
            )
        self.latent = codes(config.latent)
        self.stream = StreamingPCA(size, min(size, config.latent + config.oversample))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("directions", torch.eye(config.latent, size))
        self.register_buffer("variances", torch.ones(config.latent))
        self.register_buffer("noise", torch.ones(()))

    def players(self) -> Mapping[str, Player]:
        """None: nothing goes down a gradient."""
        return {}

    def absorb(self, batch: Batch) -> None:
        """Takes in a batch of observations: one pass over all of them is the whole training."""
        self.stream.update(self.numbers(batch.observation).flatten(1))

    def finish(self) -> None:
        """Makes what was absorbed the components that encode."""
        directions, variances, noise = self.stream.components(self.config.latent)
        self.mean.copy_(self.stream.mean)
        self.directions.copy_(directions)
        self.variances.copy_(variances)
        self.noise.copy_(noise.clamp(min=LEAST_NOISE))

    def loss(self, batch: Batch) -> Tensor:
        """−E ln p(x), which says how well it fits and teaches nothing."""
        residual = self._residual(self._centred(batch.observation))
        loss = -self.log_prob(batch.observation).mean()
        self.metrics = {"reconstruction": residual.mean(), "log_prob": -loss}
        return loss

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """The coordinates along the components, in scaled numbers."""
        return PointMass(self._centred(x) @ self.directions.T)

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> GaussianObservation:
        """N(m + Uᵀ z, σ² I)."""
        assert isinstance(self.space, gym.spaces.Box), "numbers are read from nothing else"
        numbers = self.mean + z @ self.directions
        return GaussianObservation(
            numbers.reshape(*z.shape[:-1], *self.numbers.shape),
            self.space,
            self.noise.clamp(min=LEAST_NOISE).sqrt(),
        )

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Draws z, and x given z."""
        white = torch.randn(
            (n, self.config.latent), generator=generator, device=self.mean.device, dtype=self.mean.dtype
        )
        z = white * (self.variances - self.noise).clamp(min=0).sqrt()
        return self.decode(z).sample(generator=generator)

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """Ln N(x; m, C) in nats, the density of scaled numbers, as the components and what is across them see it."""
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
        """The squared length of what the components leave: shape (batch,)."""
        left = centred - centred @ self.directions.T @ self.directions
        return left.square().sum(1)
