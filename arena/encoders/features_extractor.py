"""Features extractor: an encoder inside an agent's network, trained by the agent."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from arena.encoders.base import Batch, Encoder, Encodes
from arena.encoders.distributions import mode
from arena.encoders.standardization import CodeStandardization

__all__ = ["Features"]


class Features(nn.Module):
    """Features extractor that computes the mode of an encoder's code, with gradient.

    In joint training every forward pass with gradient also computes the encoder's own loss on these observations. An
    agent adds `auxiliary_loss` to its loss before the backward pass:

        loss = agent_loss + features.auxiliary_loss()

    Args:
        encoder: an encoder that implements `Encodes`.
        loss_weight: weight of the encoder's loss in joint training; None without that loss.
        scale: mean and standard deviation with which codes are standardized; None leaves codes unchanged.

    Attributes:
        width: size of a code.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, encoder: Encoder, loss_weight: float | None, scale: CodeStandardization | None = None
    ) -> None:
        super().__init__()
        assert isinstance(encoder, Encodes), "EncoderUse refuses others"
        self.encoder, self.loss_weight = encoder, loss_weight
        self.width = int(np.prod(encoder.latent.shape))
        mean, spread = (torch.zeros(encoder.latent.shape), torch.ones(())) if scale is None else scale
        # Not in the agent's state, because the run reads them from the fit's snapshot.
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("spread", spread, persistent=False)
        self._losses: list[Tensor] = []

    def forward(self, observation: Tensor) -> Tensor:
        """Features of shape (batch, width) of observations of shape (batch, *space.shape)."""
        assert isinstance(self.encoder, Encodes)
        code = ((mode(self.encoder.encode(observation)) - self.mean) / self.spread).flatten(1)
        if self.loss_weight is not None and torch.is_grad_enabled():
            self._losses.append(self.loss_weight * self.encoder.loss(Batch(observation)))
        return code

    def auxiliary_loss(self) -> Tensor | None:
        """Weighted loss of the encoder, summed over the forward passes with gradient since the last call.

        None where there was no such pass, or outside of joint training.
        """
        losses, self._losses = self._losses, []
        return torch.stack(losses).sum() if losses else None

    def __getstate__(self) -> dict[str, Any]:
        """Attributes for a copy, which has not had any forward passes."""
        return {**self.__dict__, "_losses": []}
