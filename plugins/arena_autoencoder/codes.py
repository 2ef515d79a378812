"""Codes: their space, and the Gaussian that most of them have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Size, Tensor
from torch.distributions import Independent, Normal

from arena.encoders.gaussian import diagonal_kl

__all__ = ["DiagonalNormal", "codes"]


class DiagonalNormal(Independent[Normal]):
    """N(μ, diag σ²): torch's, made of its two parts, with what codes need beside.

    Args:
        mean: μ, shape (…, size).
        deviation: σ, shape (…, size).
    """

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__(Normal(mean, deviation, validate_args=False), 1, validate_args=False)

    @property
    def mean(self) -> Tensor:
        mean: Tensor = self.base_dist.loc
        return mean

    @property
    def stddev(self) -> Tensor:
        """σ itself; torch's would be the root of its square."""
        deviation: Tensor = self.base_dist.scale
        return deviation

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        """μ + σ ε, shape (*sample_shape, …, size)."""
        mean, deviation = self.mean, self.stddev
        noise = torch.randn(Size(sample_shape) + mean.shape, dtype=mean.dtype, device=mean.device)
        return torch.addcmul(mean, deviation, noise)

    def log_prob(self, value: Tensor) -> Tensor:
        log_prob: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return log_prob

    def divergence(self, other: DiagonalNormal) -> Tensor:
        """KL(self ‖ other): shape (…)."""
        return diagonal_kl(self.mean, self.stddev, other.mean, other.stddev)

    def split(self, sizes: Sequence[int]) -> list[DiagonalNormal]:
        """The parts of so many numbers each, from the first on."""
        means, deviations = (whole.split_with_sizes(sizes, -1) for whole in (self.mean, self.stddev))
        return [DiagonalNormal(*part) for part in zip(means, deviations, strict=True)]


def codes(size: int) -> gym.spaces.Box:
    """The space of codes of so many numbers."""
    return gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)
