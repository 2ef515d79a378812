"""Tabular agents: planning, Monte Carlo, temporal differences, Dyna, and baselines.

The names are imported on first use, so that importing this package costs nothing: `arena list` reads
`arena_tabular.plugin` without numba or gymnasium.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_tabular.baselines import Greedy, Random
    from arena_tabular.dyna import DynaQ, DynaQPlus
    from arena_tabular.evaluation import PolicyEvaluation
    from arena_tabular.learner import TabularLearner
    from arena_tabular.monte_carlo import MCControl, MonteCarlo, OffPolicyMC
    from arena_tabular.monte_carlo_prediction import MCPrediction
    from arena_tabular.n_step import NStepSARSA, NStepTD
    from arena_tabular.planning import ModifiedPolicyIteration, PolicyIteration, ValueIteration
    from arena_tabular.prioritized import PrioritizedSweeping
    from arena_tabular.table import TabularAgent
    from arena_tabular.temporal_difference import (
        SARSA,
        DoubleQLearning,
        ExpectedSARSA,
        QLearning,
        TDPrediction,
        TemporalDifference,
    )
    from arena_tabular.traces import QLambda, SARSALambda, TDLambda

_HOMES = {
    "DoubleQLearning": "temporal_difference",
    "DynaQ": "dyna",
    "DynaQPlus": "dyna",
    "ExpectedSARSA": "temporal_difference",
    "Greedy": "baselines",
    "MCControl": "monte_carlo",
    "MCPrediction": "monte_carlo_prediction",
    "ModifiedPolicyIteration": "planning",
    "MonteCarlo": "monte_carlo",
    "NStepSARSA": "n_step",
    "NStepTD": "n_step",
    "OffPolicyMC": "monte_carlo",
    "PolicyEvaluation": "evaluation",
    "PolicyIteration": "planning",
    "PrioritizedSweeping": "prioritized",
    "QLambda": "traces",
    "QLearning": "temporal_difference",
    "Random": "baselines",
    "SARSA": "temporal_difference",
    "SARSALambda": "traces",
    "TDLambda": "traces",
    "TDPrediction": "temporal_difference",
    "TabularAgent": "table",
    "TabularLearner": "learner",
    "TemporalDifference": "temporal_difference",
    "ValueIteration": "planning",
}

__all__ = [
    "SARSA",
    "DoubleQLearning",
    "DynaQ",
    "DynaQPlus",
    "ExpectedSARSA",
    "Greedy",
    "MCControl",
    "MCPrediction",
    "ModifiedPolicyIteration",
    "MonteCarlo",
    "NStepSARSA",
    "NStepTD",
    "OffPolicyMC",
    "PolicyEvaluation",
    "PolicyIteration",
    "PrioritizedSweeping",
    "QLambda",
    "QLearning",
    "Random",
    "SARSALambda",
    "TDLambda",
    "TDPrediction",
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
