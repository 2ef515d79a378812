"""Options that several gridworlds and finite MDPs share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from arena.config.options import Between

__all__ = [
    "GridObservationOptions",
    "NavigationOptions",
    "Probability",
    "Reward",
    "Seed",
    "SlipOptions",
    "TabularOptions",
    "WindOptions",
]

#: Any finite number.
Reward = Annotated[float, Between(None, None)]

Probability = Annotated[float, Between(0, 1)]

#: Seed of a generated environment.
Seed = Annotated[int, Between(0, 2**63 - 1)]


@dataclass(frozen=True, kw_only=True)
class TabularOptions:
    """Options of a finite MDP without a map."""

    observation: Literal["index", "onehot"] = "index"
    """Kind of observation: the index of the state, or a one-hot vector."""


@dataclass(frozen=True, kw_only=True)
class GridObservationOptions:
    """Options of every gridworld: its observation and labels."""

    observation: Literal["index", "onehot", "xy", "egocentric", "pixels"] = "index"
    """Kind of observation: the index of the state, a one-hot vector, the position of the walker, the tiles around the
    walker, or an RGB image of the whole map."""

    view_size: Annotated[int, Between(1, 101)] = 5
    """Width and height of an egocentric observation, in cells, from 1 to 101 and odd: the walker is in its center."""

    tile_size: Annotated[int, Between(1, 256)] = 8
    """Width and height of a cell in an image observation, in pixels, from 1 to 256."""

    labels: tuple[Literal["semantic", "state"], ...] = ()
    """Labels in `info`, for perception: semantic is the class of every cell, or of every pixel of an image observation;
    state is the position of the walker and everything else that varies, such as a key taken, scaled to [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class SlipOptions(GridObservationOptions):
    """Options of a gridworld in which moves may slip."""

    slip: Probability = 0.0
    """Probability that a move goes to one of the two perpendicular directions instead, half each."""


@dataclass(frozen=True, kw_only=True)
class NavigationOptions(SlipOptions):
    """Options of a gridworld with a goal: slipping and rewards."""

    step_reward: Reward = -1.0
    """Reward of a step that does not reach a goal."""

    goal_reward: Reward = -1.0
    """Reward of the step that reaches a goal, which ends the episode."""


@dataclass(frozen=True, kw_only=True)
class WindOptions(NavigationOptions):
    """Options of a gridworld with wind."""

    num_actions: Literal[4, 8, 9] = 4
    """Number of actions: 4 directions, 8 with diagonals (king's moves), or 9 with staying."""

    stochastic_wind: bool = False
    """Random wind strength: one cell weaker, as given, or one cell stronger, each with probability 1/3."""
