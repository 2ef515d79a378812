"""Standardization of codes: most encoders' codes have a mean far from 0 and a small variance."""

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

__all__ = ["CodeStandardization"]

#: Number of batches from which mean and standard deviation are computed.
BATCHES = 8


class CodeStandardization(NamedTuple):
    """Mean and standard deviation of an encoder's codes.

        z' = (z − m) / s,   s² = E ‖z − m‖² / dim z

    There is one s for all numbers of a code, so that numbers with little variance stay small.

    Attributes:
        mean: m, of the shape of a code.
        spread: s, a scalar; 1 for constant codes.
    """

    mean: Tensor
    spread: Tensor

    @classmethod
    def from_batches(cls, encoder: Encoder, batches: Iterable[Batch]) -> Self | None:
        """Compute mean and standard deviation of the codes of observations; None for an encoder without codes.

        Args:
            encoder: encoder in evaluation mode.
            batches: batches of observations, of which the first few are used; sequences for a recurrent encoder.
        """
        if not isinstance(encoder, Encodes):
            return None
        with torch.no_grad():
            codes = torch.cat([_codes(encoder, batch) for batch in itertools.islice(batches, BATCHES)])
        mean = codes.double().mean(0)
        spread = (codes.double() - mean).square().mean().sqrt()
        return cls(mean.float(), torch.where(spread > 0, spread, 1.0).float())

    @classmethod
    def from_snapshot(cls, state: State) -> Self | None:
        """Standardization that is stored in a fit's snapshot; None without one."""
        return cls(**state["codes"]) if state.get("codes") else None

    def apply(self, code: Tensor) -> Tensor:
        """Standardize codes of shape (…, *mean.shape)."""
        return (code - self.mean) / self.spread

    def space(self, latent: gym.spaces.Box) -> gym.spaces.Box:
        """Space of standardized codes."""
        mean, spread = self.mean.cpu().numpy(), float(self.spread)
        low, high = ((np.asarray(side, np.float64) - mean) / spread for side in (latent.low, latent.high))
        return gym.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)

    def to(self, device: str | torch.device) -> Self:
        """Copy on a device."""
        return type(self)(self.mean.to(device), self.spread.to(device))


def _codes(encoder: Encodes, batch: Batch) -> Tensor:
    """Codes of a batch, shape (count, *latent.shape)."""
    if not isinstance(encoder, Remembers):
        return mode(encoder.encode(batch.observation))
    x = batch.observation
    return mode(encoder.unroll(encoder.initial(x.shape[1]), x, batch.action, batch.begin)[1]).flatten(0, 1)
