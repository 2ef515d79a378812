"""Inpainting autoencoder: reconstructs the masked part of an observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from arena.config.options import Between
from arena.encoders.base import Batch
from arena_autoencoder.autoencoder import AE
from arena_autoencoder.options import NetworkOptions

__all__ = ["InpaintingAE", "block_mask"]


class InpaintingAE(AE):
    """Inpainting autoencoder (context encoder): reconstructs a masked block of the observation from the rest.

        min E −Σ_(i masked) ln p(x_i | f((1 − m) ⊙ x))

    Numbers outside the mask m are no part of the loss. For a linear network and a fixed mask the optimum is the
    conditional mean: x̂_c = μ_c + Σ_co Σ_oo⁻¹ (x_o − μ_o).

    Metrics: `reconstruction`, −ln p of the masked part in nats.

    Source: Pathak et al. 2016, "Context encoders: feature learning by inpainting", sections 3.2 and 3.3.
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Options of an autoencoder, and of the mask."""

        mask: Literal["block", "center"] = "block"
        """Position of the masked block: block, random for every observation; center, fixed in the middle."""

        mask_fraction: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.25
        """Fraction of an image's area, or of a vector's length, that is masked, in (0, 1)."""

    config: Config

    def loss(self, batch: Batch) -> Tensor:
        x = batch.observation
        numbers = self.preprocess(x)
        covered = block_mask(numbers, self.config.mask_fraction, anywhere=self.config.mask == "block")
        scores = self.decode(self._code(numbers * ~covered)).elementwise(x)
        reconstruction = -(scores * covered).flatten(1).sum(1).mean()
        self.metrics = {"reconstruction": reconstruction.detach()}
        return reconstruction


def block_mask(numbers: Tensor, fraction: float, *, anywhere: bool) -> Tensor:
    """Mask of one block per observation: a rectangle in all channels of an image, consecutive numbers of a vector.

    Args:
        numbers: shape (batch, channels, height, width) or (batch, *shape); only the shape counts.
        fraction: ratio of the block's area to the whole; each side is rounded, to at least one and less than all.
        anywhere: whether the position is drawn uniformly; otherwise it is the center.

    Returns:
        bool, of a shape that broadcasts with `numbers`; true where masked.
    """
    first = 2 if numbers.dim() == 4 else 1
    sides = numbers.shape[first:]
    covered = torch.ones((1,) * numbers.dim(), dtype=torch.bool, device=numbers.device)
    for axis, side in enumerate(sides, first):
        length = max(1, min(side - 1, round(side * fraction ** (1 / len(sides)))))
        start = torch.full((len(numbers),), (side - length) // 2, device=numbers.device)
        if anywhere:
            start = torch.randint(side - length + 1, (len(numbers),), device=numbers.device)
        index = torch.arange(side, device=numbers.device)
        along = (index >= start[:, None]) & (index < start[:, None] + length)
        covered = covered & along.view(
            -1, *(side if other == axis else 1 for other in range(1, numbers.dim()))
        )
    return covered
