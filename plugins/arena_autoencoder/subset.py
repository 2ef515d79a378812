"""Pseudorandom subset of observations, selected by a hash of each observation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Subset"]

#: Odd, with bits at random: multiplying by it and keeping the upper half mixes all bits (2⁶⁴ / golden ratio).
MIX = -0x61C8864680B583EB

#: Number of values of the hash: the resolution of a fraction.
CUTS = 2**24


class Subset(nn.Module):
    """Subset of all observations by a hash: equal observations are always all in or all out.

    The hash is of whole numbers and so exact, whatever else is in the batch: Σ w_i x_i modulo 2⁶⁴ of the observation's
    bits x with random odd w, mixed once more (multiply-shift; Dietzfelbinger et al. 1997).

    Args:
        size: number of values of one observation.
        fraction: expected fraction of observations in the subset, in [0, 1].
    """

    weights: Tensor

    def __init__(self, size: int, fraction: float) -> None:
        super().__init__()
        self.fraction = fraction
        generator = torch.Generator().manual_seed(
            size
        )  # a fixed seed: the subset does not depend on the run's
        weights = torch.randint(-(2**62), 2**62, (size,), generator=generator)
        self.register_buffer("weights", weights * 2 + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Membership of observations (batch, *shape): bool, shape (batch,)."""
        rows = x.flatten(1)
        bits = rows.long() if not rows.is_floating_point() else rows.float().view(torch.int32).long()
        key = (bits * self.weights).sum(1) * MIX
        return ((key >> 40) & (CUTS - 1)) < self.fraction * CUTS
