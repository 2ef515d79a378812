"""An autoencoder that learns to fill in what is covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from arena.config.options import Between
from arena.encoders.base import Batch
from arena.encoders.distributions import mode
from arena_autoencoder.autoencoder import AE
from arena_autoencoder.options import NetworkOptions

__all__ = ["InpaintingAE", "cover"]


class InpaintingAE(AE):
    """An autoencoder that sees its input with a part set to 0, and tells that part.

        min E −Σ_(i covered) ln p(x_i | f((1 − m) ⊙ x))

    What is not covered costs nothing, and so gives no gradient. Where it is linear and the part always the same one,
    the optimum is the conditional mean: x̂_c = μ_c + Σ_co Σ_oo⁻¹ (x_o − μ_o).

    Metrics: `reconstruction`, −ln p of the covered part in nats.

    Source: Pathak et al. 2016, "Context encoders: feature learning by inpainting", sections 3.2 and 3.3.
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Those of an autoencoder, and the cover."""

        cover: Literal["block", "centre"] = "block"
        """Where the cover lies: a block anywhere, another for every observation, or always in the centre."""

        share: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.25
        """How much of an image's area, or of a vector's length, is covered."""

    config: Config

    def loss(self, batch: Batch) -> Tensor:
        x = batch.observation
        numbers = self.read(x)
        covered = cover(numbers, self.config.share, anywhere=self.config.cover == "block")
        scores = self.decode(self._code(numbers * ~covered)).elementwise(x)
        reconstruction = -(scores * covered).flatten(1).sum(1).mean()
        self.metrics = {"reconstruction": reconstruction.detach()}
        return reconstruction

    @torch.no_grad()
    def complete(self, x: Tensor, covered: Tensor) -> Tensor:
        """Observations with what is covered filled in: x and covered, a bool each, of shape (batch, *space.shape)."""
        seen = torch.where(covered, torch.zeros_like(x), x)
        return torch.where(covered, mode(self.decode(self.encode(seen).value)), x)


def cover(numbers: Tensor, share: float, *, anywhere: bool) -> Tensor:
    """One block of each observation: an image's all channels, a vector's consecutive numbers.

    Args:
        numbers: shape (batch, channels, height, width) or (batch, *shape); only the shape counts.
        share: of the area that the block has; each side is rounded, to at least one and less than all.
        anywhere: whether its place is drawn, each equally likely, or the centre.

    Returns:
        bool, of a shape that broadcasts with `numbers`; true where it is covered.
    """
    first = 2 if numbers.dim() == 4 else 1
    sides = numbers.shape[first:]
    covered = torch.ones((1,) * numbers.dim(), dtype=torch.bool, device=numbers.device)
    for axis, side in enumerate(sides, first):
        length = max(1, min(side - 1, round(side * share ** (1 / len(sides)))))
        start = torch.full((len(numbers),), (side - length) // 2, device=numbers.device)
        if anywhere:
            start = torch.randint(side - length + 1, (len(numbers),), device=numbers.device)
        index = torch.arange(side, device=numbers.device)
        along = (index >= start[:, None]) & (index < start[:, None] + length)
        covered = covered & along.view(
            -1, *(side if other == axis else 1 for other in range(1, numbers.dim()))
        )
    return covered
