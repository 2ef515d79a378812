"""States in a row: the random walk, and the gambler's capital."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.base import MdpEnv, vector_of
from arena_gridworld.options import Reward, ShownState

__all__ = [
    "GamblersProblem",
    "GamblersProblemOptions",
    "GamblersProblemVector",
    "RandomWalk",
    "RandomWalkOptions",
    "RandomWalkVector",
]

Chance = Annotated[float, Between(0, 1)]


@dataclass(frozen=True, kw_only=True)
class RandomWalkOptions(ShownState):
    """The random walk of Sutton & Barto's example 6.2; 19 states with a left reward of −1 are those of 7.1."""

    states: Annotated[int, Between(1, 1_000_000)] = 5
    """How many states there are between the two ends."""

    left_reward: Reward = 0.0
    """Reward of the step off the left end."""

    right_reward: Reward = 1.0
    """Reward of the step off the right end."""

    right: Chance = 0.5
    """Probability of a step to the right."""

    def build(self) -> TransitionModel:
        """States 1 to n, with the ends 0 and n + 1; the walk begins in the middle."""
        n = self.states
        place = np.arange(1, n + 1)
        successor = np.concatenate(([0], np.stack([place - 1, place + 1], axis=1).ravel(), [n + 1]))
        probability = np.concatenate(([1.0], np.tile([1 - self.right, self.right], n), [1.0]))
        reward = np.zeros(2 * n + 2)
        reward[1], reward[-2] = self.left_reward, self.right_reward
        return TransitionModel(
            num_states=n + 2,
            num_actions=1,
            indptr=np.concatenate(([0], 2 * np.arange(n + 1) + 1, [2 * n + 2])),
            successor=successor,
            probability=probability,
            reward=reward,
            terminated=(successor == 0) | (successor == n + 1),
            initial=np.arange(n + 2) == (n + 1) // 2,
        )


@dataclass(frozen=True, kw_only=True)
class GamblersProblemOptions(ShownState):
    """The gambler of Sutton & Barto's example 4.3."""

    p_h: Chance = 0.4
    """Probability that the coin comes up heads, which doubles the stake."""

    goal: Annotated[int, Between(2, 10_000)] = 100
    """The capital at which the gambler has won."""

    capital: Annotated[int, Between(1, None)] | None = None
    """The capital that an episode begins with; None for any from 1 to `goal` − 1, equally likely."""

    def build(self) -> TransitionModel:
        """States are capitals from 0 to `goal`, actions stakes from 0 to half of it.

        Raises:
            ArenaError: a capital that has already won.
        """
        goal, states = self.goal, np.arange(self.goal + 1)
        if self.capital is not None and self.capital >= goal:
            raise ArenaError(
                f"capital is {self.capital}, and the goal {goal}", "begin with less than the goal"
            )
        capital = states[:, None]
        over = (capital == 0) | (capital == goal)
        stake = np.clip(np.arange(goal // 2 + 1), 1, np.minimum(capital, goal - capital).clip(1))
        # Axes: capital, stake, tails and heads.
        successor = np.where(over, capital, np.stack([capital - stake, capital + stake])).transpose(1, 2, 0)
        over = np.broadcast_to(over[..., None], successor.shape)
        probability = np.where(over, [1.0, 0.0], [1 - self.p_h, self.p_h])
        kept = probability > 0
        ends = (successor == 0) | (successor == goal)
        initial = (states > 0) & (states < goal) if self.capital is None else states == self.capital
        return TransitionModel(
            num_states=goal + 1,
            num_actions=goal // 2 + 1,
            indptr=np.concatenate(([0], np.cumsum(np.count_nonzero(kept, axis=2)))),
            successor=successor[kept],
            probability=probability[kept],
            reward=(~over & (successor == goal))[kept],
            terminated=ends[kept],
            initial=initial / np.count_nonzero(initial),
        )


class RandomWalk(MdpEnv):
    """To the left or to the right by a fair coin, until one end is reached; there is one action.

    State i of n is worth i / (n + 1) with the default rewards and without a discount. States 0 and n + 1 are the ends.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), examples 6.2 and 7.1.

    Args:
        render_mode: None.
        options: the fields of `RandomWalkOptions`, by name.
    """

    Options = RandomWalkOptions


RandomWalkVector = vector_of(RandomWalk)


class GamblersProblem(MdpEnv):
    """Stake some of the capital on a coin until it is 0 or the goal, which is worth 1; there is no discount.

    The observation is the capital, the action the stake. A stake that cannot be made is the nearest that can: 0 is
    taken for 1, and what exceeds the capital, or what the goal lacks, for that. So 0 is no way to wait forever, which
    would tie with the best stake everywhere; no value differs from the book's.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 4.3.

    Args:
        render_mode: None.
        options: the fields of `GamblersProblemOptions`, by name.
    """

    Options = GamblersProblemOptions


GamblersProblemVector = vector_of(GamblersProblem)
