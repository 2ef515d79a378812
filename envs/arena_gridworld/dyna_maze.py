"""Mazes of Sutton & Barto's chapter on Dyna: one that never changes, and two that change during learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena_gridworld.base import GridEnv, ScheduledVectorEnv, make_vector_class
from arena_gridworld.engine import Rules, build_world
from arena_gridworld.maps import parse_map
from arena_gridworld.options import NavigationOptions, Reward
from arena_gridworld.world import World

__all__ = ["DynaMaze", "DynaMazeOptions", "DynaMazeVector"]

BARRED = ".........\n.........\n.........\n{barrier}\n.........\n...S....."
MAPS = {
    "dyna": (".......#G\n..#....#.\nS.#....#.\n..#......\n.....#...\n.........",),
    "blocking": tuple(
        "........G\n" + BARRED.format(barrier=barrier)[10:] for barrier in ("########.", ".########")
    ),
    "shortcut": tuple(
        "........G\n" + BARRED.format(barrier=barrier)[10:] for barrier in (".########", ".#######.")
    ),
}
#: Environment steps after which the mazes of the book change.
CHANGES = {"dyna": None, "blocking": 1000, "shortcut": 3000}


@dataclass(frozen=True, kw_only=True)
class DynaMazeOptions(NavigationOptions):
    """Options of the mazes of Sutton & Barto's figures 8.2, 8.4 and 8.5."""

    maze: Literal["dyna", "blocking", "shortcut"] = "blocking"
    """Map: the maze of figure 8.2, which never changes; the blocking maze of 8.4; or the shortcut maze of 8.5."""

    change_after: Annotated[int, Between(0, None)] | None = None
    """Environment steps since the seed, over all episodes, after which the maze changes; None for 1000 (blocking) and
    3000 (shortcut), as in the book; 0 for the changed maze from the start."""

    step_reward: Reward = 0.0

    goal_reward: Reward = 1.0

    def build(self) -> World:
        """Build 6 × 9 cells; a changing maze has a phase before the change and one after it."""
        rules = Rules(
            slip=self.slip,
            step_reward=self.step_reward,
            goal_reward=self.goal_reward,
            include_unreachable=True,
        )
        phases = [build_world(parse_map(text), rules) for text in MAPS[self.maze]]
        change = CHANGES[self.maze] if self.change_after is None else self.change_after
        if len(phases) == 1 or change == 0 or change is None:
            return phases[-1]
        return _in_turn(phases, (0, change))


class DynaMaze(GridEnv):
    """Maze that changes after a number of steps, without a sign in the observation.

    The change comes after `change_after` environment steps since the seed (in a vector, steps of the lane), counted
    across episodes. Index, one-hot and position observations are those of the cell, before and after the change; a
    walker in a cell that becomes a wall may leave it. While the maze may change, `model` is None, because no single
    model describes it; the maze of figure 8.2, and any with ``change_after=0``, has a model. The reward, 1 at the goal
    and 0 elsewhere, is meant for a discount of 0.95; there is no time limit.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), figures 8.2, 8.4 and 8.5.

    Args:
        render_mode: "ansi" or "rgb_array" for `render` to return text or an image, or None.
        options: fields of `DynaMazeOptions`, by name.
    """

    Options = DynaMazeOptions


DynaMazeVector = make_vector_class(DynaMaze, ScheduledVectorEnv)


def _in_turn(phases: list[World], phase_starts: tuple[int, ...]) -> World:
    """World with the states of all phases one after another; only the clock leads from one phase to the next."""
    models = [phase.model for phase in phases]
    states = models[0].num_states
    lengths = np.concatenate([np.diff(model.indptr) for model in models])
    initial = np.zeros(states * len(models))
    initial[:states] = models[0].initial
    model = TransitionModel(
        num_states=len(initial),
        num_actions=models[0].num_actions,
        indptr=np.concatenate(([0], np.cumsum(lengths))),
        successor=np.concatenate([model.successor + i * states for i, model in enumerate(models)]),
        probability=np.concatenate([model.probability for model in models]),
        reward=np.concatenate([model.reward for model in models]),
        terminated=np.concatenate([model.terminated for model in models]),
        initial=initial,
    )
    layouts = np.concatenate([phase.layouts for phase in phases])
    return World.layered(model, layouts, phase_starts, phases[0].moves)
