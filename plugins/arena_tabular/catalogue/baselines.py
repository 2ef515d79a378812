"""Agents that learn nothing."""

from __future__ import annotations

from arena.plugins.specs import AgentSpec, Preset
from arena_tabular.catalogue.presets import with_evaluation

__all__ = ["SPECS"]

SPECS = (
    AgentSpec(
        name="random",
        summary="Uniformly random actions: the baseline of every score",
        target="arena_tabular.baselines:Random",
        presets=with_evaluation({"*": Preset(steps=10_000, seeds=5)}),
    ),
    AgentSpec(
        name="greedy",
        summary="Greatest expected immediate reward by the environment's model: the baseline without foresight",
        reference="Sutton & Barto 2018, section 3.6",
        target="arena_tabular.baselines:Greedy",
        presets=with_evaluation({"*": Preset(steps=10_000, seeds=5)}),
    ),
)
