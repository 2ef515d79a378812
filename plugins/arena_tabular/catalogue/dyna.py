"""Dyna: learning from the environment, and from a learned model of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.plugins.specs import AgentSpec, Preset
from arena_tabular.catalogue.presets import learner, with_evaluation

__all__ = ["SPECS"]


def _presets(**options: Any) -> Mapping[str, Preset]:
    """What suits both: where nothing is random, little experience and much planning.

    On DynaMaze they are the book's (figure 8.2), in the maze that never changes. With `--env.maze blocking` or
    `shortcut` watch the return while learning: an evaluation begins where the maze's clock does, before the change.
    """
    cliff = learner(20_000, discount=1.0, learning_rate=0.5, epsilon=0.1, **options)  # −13 of −13
    maze = learner(3_000, discount=0.95, learning_rate=1.0, epsilon=0.1, **options).updated(
        Preset(horizon=200)
    )
    return with_evaluation(
        {
            "*": learner(100_000, discount=0.99, learning_rate=0.1, epsilon=0.1, **options),
            "arena/CliffWalk-v0": cliff,
            "CliffWalking-v1": cliff,
            "arena/DynaMaze-v0": maze,
            "arena/FourRooms-v0": learner(  # 1 of 1, in 7.6 steps on average
                100_000, discount=0.9, learning_rate=0.1, epsilon=0.1, **options
            ),
            "arena/Maze-v0": learner(  # −36 of −36
                20_000, discount=0.99, learning_rate=1.0, epsilon=0.1, **{**options, "planning_steps": 50}
            ),
        }
    )


SPECS = (
    AgentSpec(
        name="dyna-q",
        summary="Q-learning that also plans with a learned model of the environment",
        reference="Sutton 1990; Sutton & Barto 2018, section 8.2",
        target="arena_tabular.dyna:DynaQ",
        presets=_presets(planning_steps=10),
    ),
    AgentSpec(
        name="dyna-q-plus",
        summary="Dyna-Q with an exploration bonus for actions not tried for long, for environments that change",
        reference="Sutton 1990; Sutton & Barto 2018, section 8.3",
        target="arena_tabular.dyna:DynaQPlus",
        presets={
            **_presets(planning_steps=10, bonus=1e-4),
            # Its values hold the bonus; the law of the two-state chain is about those without.
            "arena.testing.chain:two_states": Preset(options={"bonus": 0.0}),
        },
    ),
)
