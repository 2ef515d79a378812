"""What torch's distributions lack: a point mass, and a mode that every distribution has."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Bernoulli, Distribution, Independent, TransformedDistribution
from torch.distributions.constraints import Constraint, real

__all__ = ["PointMass", "mode"]


class PointMass(Distribution):
    """All probability on one value, so that one code path serves encoders with and without noise.

    Its density is no number: `log_prob` is 0 at the value and −∞ elsewhere, as of a discrete distribution.

    Args:
        value: any shape; the leading dimensions up to ``event_dims`` from the right are batch dimensions.
        event_dims: how many dimensions one event has.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    support = real
    has_rsample = True

    def __init__(self, value: Tensor, event_dims: int = 1) -> None:
        self.value = value
        split = value.dim() - event_dims
        super().__init__(value.shape[:split], value.shape[split:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.value

    @property
    def mode(self) -> Tensor:
        return self.value

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.value)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        return self.value.expand(Size(sample_shape) + self.value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        dims = tuple(range(-len(self.event_shape), 0))
        same = (value == self.value).all(dim=dims) if dims else value == self.value
        return torch.where(same, 0.0, -torch.inf)

    def entropy(self) -> Tensor:
        return self.value.new_zeros(self.batch_shape)


def mode(distribution: Distribution) -> Tensor:
    """The most probable value, also where torch raises or gives NaN.

    torch's Bernoulli has no mode at p = ½ (NaN), and transformed distributions none at all. Here a tie goes to
    the smaller value; a transformed distribution's mode is the image of its base's, which is the mode of the latent
    and, for a map that stretches unevenly, not the density's highest point.
    """
    if isinstance(distribution, Independent):
        return mode(distribution.base_dist)
    if isinstance(distribution, Bernoulli):
        return (distribution.probs > 0.5).to(distribution.probs.dtype)
    if isinstance(distribution, TransformedDistribution):
        value = mode(distribution.base_dist)
        for transform in distribution.transforms:
            value = transform(value)
        return value
    return distribution.mode
