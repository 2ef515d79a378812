"""Autoencoders with a deterministic code: plain, linear and denoising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium as gym
import torch
from torch import Tensor, nn

from arena.config.options import Between
from arena.encoders.base import Batch
from arena.encoders.distributions import PointMass
from arena_autoencoder.base import Autoencoder
from arena_autoencoder.codes import codes
from arena_autoencoder.options import LinearOptions, NetworkOptions

__all__ = ["AE", "DenoisingAE", "LinearAE"]


class AE(Autoencoder):
    """Autoencoder: learns a code from which a decoder reconstructs the observation.

        z = f(x),   min E −ln p(x | z),

    which is the squared error for a Gaussian of fixed σ. It does not generate observations, since it has no prior over
    codes.

    Metrics: `reconstruction`, −ln p(x | z) in nats.

    Source: Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Options of an autoencoder with hidden layers."""

    def __init__(
        self,
        space: gym.Space[Any],
        config: LinearOptions,
        labels: Mapping[str, gym.Space[Any]] | None = None,
    ) -> None:
        super().__init__(space, config, labels, config.latent)
        self.latent = codes(config.latent)
        self.code = nn.Linear(self.analysis.width, config.latent)

    def loss(self, batch: Batch) -> Tensor:
        x = batch.observation
        z = self._code(self.corrupt(self.preprocess(x)))
        reconstruction = -self.decode(z).log_prob(x).mean()
        self.metrics = {"reconstruction": reconstruction.detach()}
        return reconstruction

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """Code of x, without corruption."""
        return PointMass(self._code(self.preprocess(x)))

    def corrupt(self, numbers: Tensor) -> Tensor:
        """Input of the encoder during training, from numbers of shape (batch, *shape); by default unchanged."""
        return numbers

    def _code(self, numbers: Tensor) -> Tensor:
        code: Tensor = self.code(self.analysis(numbers))
        return code


class LinearAE(AE):
    """Linear autoencoder: its optimum spans the subspace of the principal components.

        z = A x + a,   x̂ = B z + b

    B A is the projection on that subspace; A and B are determined up to an invertible matrix between them.

    Source: Baldi & Hornik 1989, "Neural networks and principal component analysis".
    """

    @dataclass(frozen=True)
    class Config(LinearOptions):
        """Options of a linear autoencoder."""


class DenoisingAE(AE):
    """Denoising autoencoder: reconstructs the clean observation from a corrupted one.

        x̃ = m ⊙ (x + σ ε),   min E −ln p(x | f(x̃)),   ε ~ N(0, I), m ~ Bernoulli(1 − mask_fraction)

    For a linear network without a bottleneck and with Gaussian noise, the optimum is x̂ = μ + Σ(Σ + σ²I)⁻¹(x̃ − μ).

    Source: Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Options of an autoencoder, and of the corruption."""

        mask_fraction: Annotated[float, Between(0, 1, open_high=True)] = 0.3
        """Fraction of an observation's numbers (of an image: pixels) that are set to 0 in training, in [0, 1)."""

        noise_std: Annotated[float, Between(0, None)] = 0.0
        """Standard deviation of the Gaussian noise that is added in training, where bytes are scaled to [0, 1]; 0:
        none."""

    config: Config

    def corrupt(self, numbers: Tensor) -> Tensor:
        c = self.config
        if c.noise_std:
            numbers = numbers + c.noise_std * torch.randn_like(numbers)
        if c.mask_fraction:
            pixels = numbers[:, :1] if numbers.dim() == 4 else numbers
            numbers = numbers * (torch.rand_like(pixels) >= c.mask_fraction)
        return numbers
