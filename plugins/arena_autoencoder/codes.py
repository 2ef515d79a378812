"""Space of codes, and diagonal Gaussian distributions over codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Size, Tensor
from torch.distributions import Independent, Normal

from arena_autoencoder.gaussian import diagonal_kl

__all__ = ["DiagonalNormal", "codes"]


class DiagonalNormal(Independent[Normal]):
    """Diagonal Gaussian N(μ, diag σ²), with its divergence.

    Args:
        mean: μ, shape (…, size).
        std: σ, shape (…, size).
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__(Normal(mean, std, validate_args=False), 1, validate_args=False)

    @property
    def mean(self) -> Tensor:
        mean: Tensor = self.base_dist.loc
        return mean

    @property
    def stddev(self) -> Tensor:
        """Standard deviation σ itself; torch's would be the root of its square."""
        std: Tensor = self.base_dist.scale
        return std

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """Reparametrized samples μ + σ ε, shape (*sample_shape, …, size)."""
        mean, std = self.mean, self.stddev
        noise = torch.randn(Size(sample_shape) + mean.shape, dtype=mean.dtype, device=mean.device)
        return torch.addcmul(mean, std, noise)

    def log_prob(self, value: Tensor) -> Tensor:
        log_prob: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return log_prob

    def divergence(self, other: DiagonalNormal) -> Tensor:
        """Divergence KL(self ‖ other): shape (…)."""
        return diagonal_kl(self.mean, self.stddev, other.mean, other.stddev)

    def split(self, sizes: Sequence[int]) -> list[DiagonalNormal]:
        """Distributions of consecutive parts of the code, of the given sizes."""
        means, stds = (whole.split_with_sizes(sizes, -1) for whole in (self.mean, self.stddev))
        return [DiagonalNormal(*part) for part in zip(means, stds, strict=True)]


def codes(size: int) -> gym.spaces.Box:
    """Space of codes of a size."""
    return gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)
