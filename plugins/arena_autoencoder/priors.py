"""Priors over codes: a standard Gaussian, and a chain of Gaussians."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from arena_autoencoder.codes import DiagonalNormal
from arena_autoencoder.gaussian import LOG_TWO_PI
from arena_autoencoder.networks import GaussianNetwork

__all__ = ["Chain", "Prior", "StandardNormal"]


class Prior(nn.Module, ABC):
    """Prior p(z) over codes."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """Log density ln p(z) of codes (…, size): shape (…)."""

    @abstractmethod
    def divergence(self, q: DiagonalNormal, z: Tensor) -> Tensor:
        """Divergence KL(q‖p), or its estimate from samples z ~ q: shape (…)."""

    @abstractmethod
    def draw(self, noise: Tensor) -> Tensor:
        """Codes from standard normal noise of their shape."""

    def sample(self, n: int, size: int, like: Tensor, generator: Generator | None) -> Tensor:
        """Samples of n codes, shape (n, size), of the type and on the device of `like`."""
        return self.draw(torch.randn((n, size), generator=generator, device=like.device, dtype=like.dtype))


class StandardNormal(Prior):
    """Standard Gaussian prior N(0, I)."""

    def log_prob(self, z: Tensor) -> Tensor:
        return -(LOG_TWO_PI + z.square()).sum(-1) / 2

    def divergence(self, q: DiagonalNormal, z: Tensor) -> Tensor:
        """Divergence ½ Σ (σ² + μ² − 1 − ln σ²), in closed form."""
        squares = (q.mean.square() + q.stddev.square()).sum(-1)
        return (squares - q.mean.shape[-1]) / 2 - q.stddev.log().sum(-1)

    def draw(self, noise: Tensor) -> Tensor:
        return noise


class Chain(Prior):
    """Chain of Gaussians p(z_1, …, z_L) = p(z_L) Π p(z_i | z_(i+1)), with p(z_L) = N(0, I).

    Args:
        sizes: sizes of z_1 to z_L; a code is their concatenation.
        hidden_sizes: hidden units of the network between two layers; without any it is linear.
    """

    def __init__(self, sizes: Sequence[int], hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.top = StandardNormal()
        self.down = nn.ModuleList(
            GaussianNetwork(above, hidden_sizes, size)
            for size, above in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        )

    def log_prob(self, z: Tensor) -> Tensor:
        *_, top = parts = z.split_with_sizes(self.sizes, -1)
        log_prob = self.top.log_prob(top)
        for network, part, above in zip(self.down, parts[:-1], parts[1:], strict=True):
            log_prob = log_prob + network(above).log_prob(part)
        return log_prob

    def divergence(self, q: DiagonalNormal, z: Tensor) -> Tensor:
        """Divergence KL(q(z_L)‖p(z_L)) + Σ KL(q(z_i)‖p(z_i | z_(i+1))), at samples of all z_(i+1)."""
        parts, (*lower, top) = z.split_with_sizes(self.sizes, -1), q.split(self.sizes)
        divergence = self.top.divergence(top, parts[-1])
        for network, part, above in zip(self.down, lower, parts[1:], strict=True):
            divergence = divergence + part.divergence(network(above))
        return divergence

    def draw(self, noise: Tensor) -> Tensor:
        *lower, top = noise.split_with_sizes(self.sizes, -1)
        parts = [self.top.draw(top)]
        for network, part in zip(reversed(self.down), reversed(lower), strict=True):
            p = network(parts[0])
            parts.insert(0, p.mean + p.stddev * part)
        return torch.cat(parts, dim=-1)
