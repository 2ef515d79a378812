"""Codes shifted and scaled to suit a network: most have a mean far from 0, and vary little around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple, Self

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from arena.encoders.base import Batch, Encoder, Encodes, Remembers
from arena.encoders.distributions import mode
from arena.storage.codec import State

__all__ = ["CodeScale"]

#: Batches whose codes are looked at.
BATCHES = 8


class CodeScale(NamedTuple):
    """The mean of an encoder's codes, and how far they are from it.

        z' = (z − m) / s,   s² = E ‖z − m‖² / dim z

    One s for all numbers: those that tell little stay small.

    Attributes:
        mean: m, shape of a code.
        spread: s, a scalar; 1 where codes never vary.
    """

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, encoder: Encoder, batches: Iterable[Batch]) -> Self | None:
        """That of the codes of some observations; None of an encoder that gives none.

        Args:
            encoder: in evaluation mode.
            batches: of which the first few are looked at; sequences for an encoder that remembers.
        """
        if not isinstance(encoder, Encodes):
            return None
        with torch.no_grad():
            codes = torch.cat([_codes(encoder, batch) for batch in itertools.islice(batches, BATCHES)])
        mean = codes.double().mean(0)
        spread = (codes.double() - mean).square().mean().sqrt()
        return cls(mean.float(), torch.where(spread > 0, spread, 1.0).float())

    @classmethod
    def read(cls, state: State) -> Self | None:
        """The one in a fit's snapshot, if it has one."""
        return cls(**state["codes"]) if state.get("codes") else None

    def apply(self, code: Tensor) -> Tensor:
        """Codes of shape (…, *mean.shape), so shifted and scaled."""
        return (code - self.mean) / self.spread

    def space(self, latent: gym.spaces.Box) -> gym.spaces.Box:
        """Where they lie then."""
        mean, spread = self.mean.cpu().numpy(), float(self.spread)
        low, high = ((np.asarray(side, np.float64) - mean) / spread for side in (latent.low, latent.high))
        return gym.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)

    def to(self, device: str | torch.device) -> Self:
        """The same on a device."""
        return type(self)(self.mean.to(device), self.spread.to(device))


def _codes(encoder: Encodes, batch: Batch) -> Tensor:
    """Shape (count, *latent.shape)."""
    if not isinstance(encoder, Remembers):
        return mode(encoder.encode(batch.observation))
    x = batch.observation
    return mode(encoder.unroll(encoder.initial(x.shape[1]), x, batch.action, batch.begin)[1]).flatten(0, 1)
