"""Options of the novelty bonus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from arena.config.options import Between, Positive

__all__ = ["NoveltyOptions"]


@dataclass(frozen=True)
class NoveltyOptions:
    """Options of the novelty bonus."""

    scale: Annotated[float, Positive] = 0.1
    """Scale of the bonus: the bonus for an observation whose novelty is one standard deviation above the mean."""

    learning_rate: Annotated[float, Between(0, None)] = 1e-3
    """Adam's learning rate for the encoder, which learns from the environment's observations; 0: no learning."""

    batch_size: Annotated[int, Between(1, 2**16)] = 64
    """Number of observations in an update of the encoder; each observation is used once."""
