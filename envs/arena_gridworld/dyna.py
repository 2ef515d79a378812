"""The mazes of the Dyna chapter: one that stays, and two that change under the learner's feet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena_gridworld.base import GridEnv, ScheduledVectorEnv, vector_of
from arena_gridworld.engine import Rules, build_world
from arena_gridworld.maps import parse_map
from arena_gridworld.options import Reward, Walking
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
#: The environment steps after which the book's mazes change.
CHANGES = {"dyna": None, "blocking": 1000, "shortcut": 3000}


@dataclass(frozen=True, kw_only=True)
class DynaMazeOptions(Walking):
    """The mazes of Sutton & Barto's figures 8.2, 8.4 and 8.5."""

    maze: Literal["dyna", "blocking", "shortcut"] = "blocking"
    """The maze of figure 8.2, which never changes; the blocking maze of 8.4; or the shortcut maze of 8.5."""

    change_after: Annotated[int, Between(0, None)] | None = None
    """Environment steps of a lane, over all its episodes since its seed, after which the maze changes; None for the
    book's 1000 (blocking) and 3000 (shortcut), 0 for a maze that is changed from the beginning and stays."""

    step_reward: Reward = 0.0
    """Reward of a step that does not reach the goal."""

    goal_reward: Reward = 1.0
    """Reward of the step that reaches the goal, which ends the episode."""

    def build(self) -> World:
        """6 × 9 cells; a changing maze has a phase before the change and one after it."""
        rules = Rules(
            slip=self.slip, step_reward=self.step_reward, goal_reward=self.goal_reward, everywhere=True
        )
        phases = [build_world(parse_map(text), rules) for text in MAPS[self.maze]]
        change = CHANGES[self.maze] if self.change_after is None else self.change_after
        if len(phases) == 1 or change == 0 or change is None:
            return phases[-1]
        return _in_turn(phases, (0, change))


class DynaMaze(GridEnv):
    """A maze that changes after a number of steps, and does not say so.

    The change comes after so many environment steps since the seed (of a lane of the vector: its own steps), counted
    across episodes. The observation's index, vector and place are those of the cell, the same before and after; a
    walker who stands where a wall appears may walk out of it. While the maze may change, `model` is None, because no
    tables describe it; the maze of figure 8.2, and any with ``change_after=0``, has one. A reward of 1 at the goal and
    none elsewhere is meant for a discount of 0.95; there is no time limit.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), figures 8.2, 8.4 and 8.5.

    Args:
        render_mode: as `Grid`'s.
        options: the fields of `DynaMazeOptions`, by name.
    """

    Options = DynaMazeOptions


DynaMazeVector = vector_of(DynaMaze, ScheduledVectorEnv)


def _in_turn(phases: list[World], since: tuple[int, ...]) -> World:
    """The phases' states one after another; no transition leads from one to another, the clock does."""
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
    return World.layered(model, layouts, since, phases[0].moves)
