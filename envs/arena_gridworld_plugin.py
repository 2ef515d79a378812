"""What `arena_gridworld` contributes; the entry point names this module, because it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from arena.hookspecs import hookimpl
from arena.specs import EnvironmentSpec


@hookimpl
def arena_environments() -> Iterable[EnvironmentSpec]:
    """The gridworlds."""
    yield EnvironmentSpec(
        name="arena/Grid-v0",
        summary="A walk through a map of your own, drawn in characters",
        reference="Sutton & Barto, Reinforcement Learning: An Introduction (2018), example 3.5",
        target="arena_gridworld.environments:GridOptions",
        package="arena_gridworld",
        horizon=1000,
    )
    yield EnvironmentSpec(
        name="arena/CliffWalk-v0",
        summary="The shortest way home runs along a cliff",
        reference="Sutton & Barto, Reinforcement Learning: An Introduction (2018), example 6.6",
        target="arena_gridworld.environments:CliffWalkOptions",
        package="arena_gridworld",
        horizon=1000,
    )
