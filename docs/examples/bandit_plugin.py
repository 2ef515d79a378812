"""Example of a plugin: the module that the entry point names. Every command imports it, so it imports nothing heavy.

The environment and the agent are in `two_arms`, which is imported when one of them is used. Both files can also be one
file; then `arena --help` imports gymnasium and numpy, and becomes slower.
"""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_agents() -> Iterable[arena.AgentSpec]:
    """Register the agent."""
    yield arena.AgentSpec(
        name="averages",
        summary="ε-greedy choice of the action with the greatest average reward",
        reference="Sutton & Barto 2018, section 2.4",
        target="two_arms:Averages",
        presets={"*": arena.Preset(steps=2_000, seeds=5)},
    )


@arena.hookimpl
def arena_environments() -> Iterable[arena.EnvironmentSpec]:
    """Register the environment; importing ``package`` registers its id with Gymnasium."""
    yield arena.EnvironmentSpec(
        name="example/TwoArms-v0",
        summary="Two-armed bandit: a certain reward, and a random one with a greater mean",
        package="two_arms",
        horizon=1,
    )
