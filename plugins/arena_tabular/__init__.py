"""Tabular agents: planning, temporal-difference control, and baselines.

The names are imported on first use, so that importing this package costs nothing: `arena list` reads
`arena_tabular.plugin` without numba or gymnasium.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_tabular.baselines import Random
    from arena_tabular.learner import TabularLearner
    from arena_tabular.planning import ValueIteration
    from arena_tabular.table import TabularAgent
    from arena_tabular.temporal_difference import SARSA, QLearning, TemporalDifference

_HOMES = {
    "QLearning": "temporal_difference",
    "Random": "baselines",
    "SARSA": "temporal_difference",
    "TabularAgent": "table",
    "TabularLearner": "learner",
    "TemporalDifference": "temporal_difference",
    "ValueIteration": "planning",
}

__all__ = [
    "SARSA",
    "QLearning",
    "Random",
    "TabularAgent",
    "TabularLearner",
    "TemporalDifference",
    "ValueIteration",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena_tabular' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_tabular.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
