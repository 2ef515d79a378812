"""Point mass distribution, and the mode of any torch distribution."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Bernoulli, Distribution, Independent, TransformedDistribution
from torch.distributions.constraints import Constraint, real

__all__ = ["PointMass", "mode"]


class PointMass(Distribution):
    """Point mass: all probability on one value, for encoders with a deterministic code.

    `log_prob` is 0 at the value and −∞ elsewhere, as for a discrete distribution.

    Args:
        value: the value, of any shape; all but the last ``event_dims`` dimensions are batch dimensions.
        event_dims: number of dimensions of one event.
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
    """Mode of a distribution, also where torch raises an error or gives NaN.

    torch's Bernoulli has no mode at p = ½ (NaN), and transformed distributions have none. Here a tie gives the smaller
    value; the mode of a transformed distribution is the image of its base's mode, which is not the maximum of the
    density if the Jacobian varies.
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
