"""Garnet: random Markov decision processes of a given size and branching factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.base import MdpEnv, make_vector_class
from arena_gridworld.options import Seed, TabularOptions

__all__ = ["Garnet", "GarnetOptions", "GarnetVector"]

#: Most transitions (1 GB of tables).
MOST_TRANSITIONS = 1 << 26

#: Numbers that are sorted at a time to draw successors where the branching factor is large.
BLOCK = 1 << 24


@dataclass(frozen=True, kw_only=True)
class GarnetOptions(TabularOptions):
    """Options of a random MDP."""

    num_states: Annotated[int, Between(1, 10_000_000)] = 100
    """Number of states."""

    num_actions: Annotated[int, Between(1, 10_000)] = 4
    """Number of actions."""

    branching: Annotated[int, Between(1, None)] = 4
    """Branching factor: number of different successors of each state and action, at most `num_states`."""

    reward_depends_on: Literal["transition", "state-action", "state"] = "transition"
    """Dependence of rewards: one standard normal reward is drawn for every transition, for every pair of state and
    action, or for every state that is left."""

    seed: Seed = 0
    """Seed from which the MDP is drawn."""

    def build(self) -> TransitionModel:
        """Build the MDP; episodes begin in any state, all equally likely.

        Raises:
            ArenaError: more successors than states, or more transitions than fit.
        """
        states, actions, branching = self.num_states, self.num_actions, self.branching
        if branching > states:
            raise ArenaError(
                f"branching is {branching}, and there are {states} states",
                "give a branching of at most num_states",
            )
        pairs = states * actions
        if pairs * branching > MOST_TRANSITIONS:
            raise ArenaError(
                f"a Garnet of {states:,} × {actions:,} × {branching:,} has more than {MOST_TRANSITIONS:,} transitions",
                "make num_states, num_actions or branching smaller",
            )
        random = np.random.Generator(np.random.PCG64(self.seed))
        successor = _subsets(random, pairs, branching, states)
        cuts = np.sort(random.random((pairs, branching - 1)), axis=1)
        probability = np.diff(cuts, axis=1, prepend=0.0, append=1.0)
        shape = {"transition": (pairs, branching), "state-action": (pairs, 1), "state": (states, 1, 1)}[
            self.reward_depends_on
        ]
        reward = random.standard_normal(shape)
        if self.reward_depends_on == "state":
            reward = np.repeat(reward, actions, axis=1).reshape(pairs, 1)
        return TransitionModel(
            num_states=states,
            num_actions=actions,
            indptr=np.arange(pairs + 1) * branching,
            successor=successor.ravel(),
            probability=probability.ravel(),
            reward=np.broadcast_to(reward, successor.shape).ravel(),
            terminated=np.zeros(successor.size, dtype=np.bool_),
            initial=np.full(states, 1 / states),
        )


class Garnet(MdpEnv):
    """Random MDP: every state and action has the same number of successors, drawn without replacement.

    Their probabilities are the gaps between sorted uniform numbers, which is a uniform draw from the simplex; rewards
    are standard normal. Episodes never terminate, so choose a discount, such as 0.95; the time limit of 200 steps only
    truncates.

    Source: Archibald, McKinnon & Thomas, "On the generation of Markov decision processes", *JORS* 46 (1995); Bhatnagar,
    Sutton, Ghavamzadeh & Lee, "Natural actor–critic algorithms", *Automatica* 45 (2009), section 6.

    Args:
        render_mode: None.
        options: fields of `GarnetOptions`, by name.
    """

    Options = GarnetOptions


GarnetVector = make_vector_class(Garnet)


def _subsets(random: np.random.Generator, rows: int, size: int, of: int) -> npt.NDArray[np.int32]:
    """Draw uniform subsets of ``range(of)``, in random order: shape (rows, size)."""
    drawn = np.empty((rows, size), dtype=np.int32)
    if size * size <= of:  # most rows have different numbers at once; the others are drawn again
        wanting = np.arange(rows)
        while len(wanting):
            drawn[wanting] = random.integers(of, size=(len(wanting), size), dtype=np.int32)
            ordered = np.sort(drawn[wanting], axis=1)
            wanting = wanting[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
        return drawn
    step = max(1, BLOCK // of)
    for first in range(0, rows, step):
        block = drawn[first : first + step]
        block[:] = np.argsort(random.random((len(block), of)), axis=1)[:, :size]
    return drawn
