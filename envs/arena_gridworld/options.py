"""Options that several environments share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from arena.config.options import Between

__all__ = ["Reward", "Shown", "ShownState", "Slip", "Walking"]

#: Any finite number.
Reward = Annotated[float, Between(None, None)]

Slip = Annotated[float, Between(0, 1)]


@dataclass(frozen=True, kw_only=True)
class ShownState:
    """What an environment without a map shows of its state."""

    observation: Literal["index", "onehot"] = "index"
    """What an agent sees: the state's index, or a vector with a one in its place."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a gridworld shows of its state."""

    observation: Literal["index", "onehot", "xy", "egocentric", "pixels"] = "index"
    """What an agent sees: the state's index, a vector with a one in its place, the walker's place, the tiles
    around the walker, or the whole map as an RGB frame."""

    view: Annotated[int, Between(1, 101)] = 5
    """Rows and columns that an egocentric observation spans, the walker in the middle; odd."""

    tile: Annotated[int, Between(1, 256)] = 8
    """Pixels that a tile is wide and high in an observation of pixels."""

    labels: tuple[Literal["semantic", "state"], ...] = ()
    """What `info` tells beside the observation: the kind of every tile, or pixel where these are observed, the walker's
    too (semantic); the walker's place and whatever varies, such as a key taken, each from 0 to 1 (state)."""


@dataclass(frozen=True, kw_only=True)
class Walking(Shown):
    """What walking costs and how often it goes astray."""

    slip: Slip = 0.0
    """Probability that a move goes to one of the two perpendicular directions instead, half each."""

    step_reward: Reward = -1.0
    """Reward of a step that reaches no goal."""

    goal_reward: Reward = -1.0
    """Reward of the step that reaches the goal, which ends the episode."""
