"""Autoencoders without noise in their code: plain, linear, denoising, inpainting."""

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
    """An autoencoder: the code from which the observation can best be told again.

        z = f(x),   min E −ln p(x | z),

    which with Gaussians of a fixed σ is the squared error. It reconstructs and does not generate: nothing says where
    the codes lie.

    Metrics: `reconstruction`, −ln p(x | z) in nats.

    Source: Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Those of a code behind layers."""

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
        z = self._code(self.corrupt(self.read(x)))
        reconstruction = -self.decode(z).log_prob(x).mean()
        self.metrics = {"reconstruction": reconstruction.detach()}
        return reconstruction

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """The code of x as it is, never corrupted."""
        return PointMass(self._code(self.read(x)))

    def corrupt(self, numbers: Tensor) -> Tensor:
        """What of the numbers (batch, *shape) the encoder sees while it learns: by default all."""
        return numbers

    def _code(self, numbers: Tensor) -> Tensor:
        code: Tensor = self.code(self.analysis(numbers))
        return code


class LinearAE(AE):
    """An autoencoder without layers: its optimum spans the principal components' subspace.

        z = A x + a,   x̂ = B z + b

    B A is the projection on that subspace; A and B themselves are known only up to an invertible matrix between them.

    Source: Baldi & Hornik 1989, "Neural networks and principal component analysis".
    """

    @dataclass(frozen=True)
    class Config(LinearOptions):
        """Those of a linear code."""


class DenoisingAE(AE):
    """An autoencoder that sees its input corrupted, and tells it clean.

        x̃ = m ⊙ (x + σ ε),   min E −ln p(x | f(x̃)),   ε ~ N(0, I), m ~ Bernoulli(1 − drop)

    Where it is linear, its code no bottleneck and the noise Gaussian, the optimum is x̂ = μ + Σ(Σ + σ²I)⁻¹(x̃ − μ).

    Source: Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Those of an autoencoder, and the corruption."""

        drop: Annotated[float, Between(0, 1, open_high=True)] = 0.3
        """The share of numbers set to 0 (of an image: of its pixels)."""

        noise: Annotated[float, Between(0, None)] = 0.0
        """The standard deviation of Gaussian noise, in scaled numbers, in which bytes go from 0 to 1."""

    config: Config

    def corrupt(self, numbers: Tensor) -> Tensor:
        c = self.config
        if c.noise:
            numbers = numbers + c.noise * torch.randn_like(numbers)
        if c.drop:
            pixels = numbers[:, :1] if numbers.dim() == 4 else numbers
            numbers = numbers * (torch.rand_like(pixels) >= c.drop)
        return numbers
