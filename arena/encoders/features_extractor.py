"""An encoder inside an agent, which trains it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from arena.encoders.base import Batch, Encoder, Encodes
from arena.encoders.distributions import mode
from arena.encoders.standardization import CodeScale

__all__ = ["Features"]


class Features(nn.Module):
    """An encoder inside an agent: observations to the mode of their codes, with gradient.

    Trained jointly, the encoder's own loss goes along: whoever goes back through the features goes down that loss as
    well, and need not know of it.

    Args:
        encoder: which `Encodes`.
        weight: of its loss, or None to leave that out.
        scale: how codes are shifted and scaled; None leaves them alone.

    Attributes:
        width: numbers of a code.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, encoder: Encoder, weight: float | None, scale: CodeScale | None = None) -> None:
        super().__init__()
        assert isinstance(encoder, Encodes), "Perception refuses others"
        self.encoder, self.weight = encoder, weight
        self.width = int(np.prod(encoder.latent.shape))
        mean, spread = (torch.zeros(encoder.latent.shape), torch.ones(())) if scale is None else scale
        # The run has them from the fit's snapshot: they are no part of the agent's.
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, observation: Tensor) -> Tensor:
        """Shape (batch, *space.shape) to (batch, width)."""
        assert isinstance(self.encoder, Encodes)
        code = ((mode(self.encoder.encode(observation)) - self.mean) / self.spread).flatten(1)
        if self.weight is None or not torch.is_grad_enabled():
            return code
        loss = self.encoder.loss(Batch(observation))
        together: Tensor = _Along.apply(code, self.weight * loss)  # type: ignore[no-untyped-call]
        return together


class _Along(torch.autograd.Function):
    """The first argument, unchanged; its backward pass begins one from the second as well."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, loss: Tensor) -> Tensor:
        ctx.like = loss
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        return gradients[0], torch.ones_like(ctx.like)
