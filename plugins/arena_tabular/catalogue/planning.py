"""Planners: they read the environment's model, need one seed, and end when they have converged."""

from __future__ import annotations

from collections.abc import Mapping

from arena.plugins.specs import AgentSpec, Preset
from arena_tabular.catalogue.presets import with_evaluation

__all__ = ["SPECS"]


def _presets(**options: object) -> Mapping[str, Preset]:
    """What suits every planner; more steps than any needs, for it ends when it has converged."""
    undiscounted = Preset(options={"discount": 1.0})
    nearly = Preset(options={"discount": 0.999})
    return with_evaluation(
        {
            "*": Preset(steps=10_000, options=options),
            "arena/CliffWalk-v0": undiscounted,
            "CliffWalking-v1": undiscounted,
            "FrozenLake-v1": nearly,  # .740 of .744, the best without a clock
            "FrozenLake8x8-v1": nearly,  # .886 of .913
            "Taxi-v4": undiscounted,
        }
    )


SPECS = (
    AgentSpec(
        name="policy-evaluation",
        summary="Exact state values of a policy (default: uniformly random) from the environment's model",
        reference="Puterman 1994, section 6.1; Sutton & Barto 2018, section 4.1",
        target="arena_tabular.evaluation:PolicyEvaluation",
        presets=with_evaluation({"*": Preset(steps=100_000)}),
        unit="sweep",
    ),
    AgentSpec(
        name="value-iteration",
        summary="Exact planning with the environment's model, all states at once or in place",
        reference="Bellman 1957; Puterman 1994, section 6.3; Sutton & Barto 2018, section 4.4",
        target="arena_tabular.planning:ValueIteration",
        presets=_presets(),
        revision=2,
        unit="sweep",
    ),
    AgentSpec(
        name="policy-iteration",
        summary="Exact planning: evaluates a policy and makes it greedy to its values until it is stable",
        reference="Howard 1960; Puterman 1994, section 6.4; Sutton & Barto 2018, section 4.3",
        target="arena_tabular.planning:PolicyIteration",
        presets=_presets(),
        unit="sweep",
    ),
    AgentSpec(
        name="modified-policy-iteration",
        summary="Exact planning: policy improvement with a few sweeps of evaluation between; fastest for large models",
        reference="Puterman & Shin 1978; Puterman 1994, section 6.5",
        target="arena_tabular.planning:ModifiedPolicyIteration",
        presets=_presets(),
        unit="sweep",
    ),
    AgentSpec(
        name="prioritized-sweeping",
        summary="Exact planning that backs up the state with the largest expected change first",
        reference="Moore & Atkeson 1993; Sutton & Barto 2018, section 8.4",
        target="arena_tabular.prioritized:PrioritizedSweeping",
        presets=_presets(),
        unit="sweep",
    ),
)
