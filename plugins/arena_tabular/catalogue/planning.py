"""Planners."""

from __future__ import annotations

from arena.specs import AgentSpec, Preset
from arena_tabular.catalogue.presets import with_evaluation

__all__ = ["SPECS"]

VALUE_ITERATION = {
    "*": Preset(steps=10_000),
    "arena/CliffWalk-v0": Preset(options={"discount": 1.0}),
    "CliffWalking-v1": Preset(options={"discount": 1.0}),
    "FrozenLake-v1": Preset(options={"discount": 0.999}),  # .740 of .744, the best without a clock
    "FrozenLake8x8-v1": Preset(options={"discount": 0.999}),  # .886 of .913
    "Taxi-v4": Preset(options={"discount": 1.0}),
}

SPECS = (
    AgentSpec(
        name="value-iteration",
        summary="Exact planning with the environment's model, all states at once",
        reference="Bellman 1957; Puterman 1994, section 6.3; Sutton & Barto 2018, section 4.4",
        target="arena_tabular.planning:ValueIteration",
        presets=with_evaluation(VALUE_ITERATION),
        unit="sweep",
    ),
)
