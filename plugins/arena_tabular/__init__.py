"""Tabular agents: planning, Monte Carlo, temporal differences, Dyna, and baselines.

The names are imported on first use, so that importing this package costs nothing: `arena list` reads
`arena_tabular.plugin` without numba or gymnasium.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".baselines": ["Greedy", "Random"],
        ".dyna": ["DynaQ", "DynaQPlus"],
        ".evaluation": ["PolicyEvaluation"],
        ".learner": ["TabularLearner"],
        ".monte_carlo": ["MCControl", "MonteCarlo", "OffPolicyMC"],
        ".monte_carlo_prediction": ["MCPrediction"],
        ".n_step": ["NStepSARSA", "NStepTD"],
        ".planning": ["ModifiedPolicyIteration", "PolicyIteration", "ValueIteration"],
        ".prioritized": ["PrioritizedSweeping"],
        ".table": ["TabularAgent"],
        ".temporal_difference": [
            "DoubleQLearning",
            "ExpectedSARSA",
            "QLearning",
            "SARSA",
            "TDPrediction",
            "TemporalDifference",
        ],
        ".traces": ["QLambda", "SARSALambda", "TDLambda"],
    },
)
