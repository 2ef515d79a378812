"""Which observations belong to a share of all, as they themselves decide."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Subset"]

#: Odd, with bits at random: multiplying by it and keeping the upper half mixes all bits (2⁶⁴ / golden ratio).
MIX = -0x61C8864680B583EB

#: How finely a share is cut.
CUTS = 2**24


class Subset(nn.Module):
    """A share of all observations, told by a hash: the same observation is always in, or always out.

    The hash is of whole numbers and so exact, whatever else is in the batch: Σ w_i x_i modulo 2⁶⁴ of the observation's
    bits x with random odd w, mixed once more (multiply-shift; Dietzfelbinger et al. 1997).

    Args:
        size: of one observation.
        share: from 0 to 1.
    """

    weights: Tensor

    def __init__(self, size: int, share: float) -> None:
        super().__init__()
        self.share = share
        generator = torch.Generator().manual_seed(size)  # of its own: the subset is no matter of a run's seed
        weights = torch.randint(-(2**62), 2**62, (size,), generator=generator)
        self.register_buffer("weights", weights * 2 + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Whether each observation of (batch, *shape) is in: bool, shape (batch,)."""
        rows = x.flatten(1)
        bits = rows.long() if not rows.is_floating_point() else rows.float().view(torch.int32).long()
        key = (bits * self.weights).sum(1) * MIX
        return ((key >> 40) & (CUTS - 1)) < self.share * CUTS
