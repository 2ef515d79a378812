"""How an agent is rewarded for observations that are new to an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from arena.config.options import Between, Positive

__all__ = ["NoveltyOptions"]


@dataclass(frozen=True)
class NoveltyOptions:
    """How an agent is rewarded for what an encoder did not expect."""

    scale: Annotated[float, Positive] = 0.1
    """The bonus for an observation that is one standard deviation newer than the mean of those before it."""

    step_size: Annotated[float, Between(0, None)] = 1e-3
    """Adam's step size, by which the encoder learns from what the agent sees; 0: it stays as it is."""

    batch_size: Annotated[int, Between(1, 2**16)] = 64
    """Observations of one update; each is learned from once."""
