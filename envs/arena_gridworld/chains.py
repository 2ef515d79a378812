"""Chain MDPs: the random walk, and the gambler's problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.base import MdpEnv, make_vector_class
from arena_gridworld.options import Probability, Reward, TabularOptions

__all__ = [
    "GamblersProblem",
    "GamblersProblemOptions",
    "GamblersProblemVector",
    "RandomWalk",
    "RandomWalkOptions",
    "RandomWalkVector",
]


@dataclass(frozen=True, kw_only=True)
class RandomWalkOptions(TabularOptions):
    """Options of the random walk of Sutton & Barto's example 6.2; example 7.1 has 19 states and a left reward of −1."""

    num_states: Annotated[int, Between(1, 1_000_000)] = 5
    """Number of states between the two ends."""

    left_reward: Reward = 0.0
    """Reward of the step off the left end."""

    right_reward: Reward = 1.0
    """Reward of the step off the right end."""

    right_probability: Probability = 0.5
    """Probability of a step to the right."""

    def build(self) -> TransitionModel:
        """Build states 1 to n, with the ends 0 and n + 1; the walk begins in the middle."""
        n = self.num_states
        place = np.arange(1, n + 1)
        successor = np.concatenate(([0], np.stack([place - 1, place + 1], axis=1).ravel(), [n + 1]))
        probability = np.concatenate(
            ([1.0], np.tile([1 - self.right_probability, self.right_probability], n), [1.0])
        )
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
class GamblersProblemOptions(TabularOptions):
    """Options of the gambler's problem of Sutton & Barto's example 4.3."""

    heads_probability: Probability = 0.4
    """Probability that the coin comes up heads, which doubles the stake."""

    goal: Annotated[int, Between(2, 10_000)] = 100
    """Capital at which the gambler wins."""

    initial_capital: Annotated[int, Between(1, None)] | None = None
    """Capital at the start of an episode, below `goal`; None for any from 1 to `goal` − 1, all equally likely."""

    def build(self) -> TransitionModel:
        """Build the MDP: states are capitals from 0 to `goal`, actions are stakes from 0 to half of it.

        Raises:
            ArenaError: an initial capital that is not below the goal.
        """
        goal, states = self.goal, np.arange(self.goal + 1)
        if self.initial_capital is not None and self.initial_capital >= goal:
            raise ArenaError(
                f"initial_capital is {self.initial_capital}, and the goal is {goal}",
                "give less than the goal",
            )
        capital = states[:, None]
        over = (capital == 0) | (capital == goal)
        stake = np.clip(np.arange(goal // 2 + 1), 1, np.minimum(capital, goal - capital).clip(1))
        # Axes: capital, stake, tails and heads.
        successor = np.where(over, capital, np.stack([capital - stake, capital + stake])).transpose(1, 2, 0)
        over = np.broadcast_to(over[..., None], successor.shape)
        probability = np.where(over, [1.0, 0.0], [1 - self.heads_probability, self.heads_probability])
        kept = probability > 0
        ends = (successor == 0) | (successor == goal)
        initial = (
            (states > 0) & (states < goal) if self.initial_capital is None else states == self.initial_capital
        )
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
    """Random walk to the left or to the right until an end is reached; there is one action.

    The value of state i of n is i / (n + 1) with the default rewards and without a discount; states 0 and n + 1 are the
    ends.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), examples 6.2 and 7.1.

    Args:
        render_mode: None.
        options: fields of `RandomWalkOptions`, by name.
    """

    Options = RandomWalkOptions


RandomWalkVector = make_vector_class(RandomWalk)


class GamblersProblem(MdpEnv):
    """Stake capital on a coin until the capital is 0, or the goal with reward 1; there is no discount.

    The observation is the capital, the action the stake. An impossible stake is replaced by the nearest possible one: 0
    by 1, and more than the capital, or than the goal lacks, by that. So waiting forever with a stake of 0, which would
    tie with the best stake everywhere, is impossible; all values equal those of the book.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 4.3.

    Args:
        render_mode: None.
        options: fields of `GamblersProblemOptions`, by name.
    """

    Options = GamblersProblemOptions


GamblersProblemVector = make_vector_class(GamblersProblem)
