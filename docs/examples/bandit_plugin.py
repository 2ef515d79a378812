"""A whole plugin: what the entry point names. It is read by every command, so it imports nothing heavy.

The environment and the agent are in `two_arms`, which is imported when one of them is used. To begin with, both files
can be one; then `arena --help` imports gymnasium and numpy too, and takes as much longer.
"""

from __future__ import annotations

from collections.abc import Iterable

import arena


@arena.hookimpl
def arena_agents() -> Iterable[arena.AgentSpec]:
    """What the entry point in the group ``arena`` makes known."""
    yield arena.AgentSpec(
        name="averages",
        summary="Takes the action of the best average reward",
        reference="Sutton & Barto 2018, section 2.4",
        target="two_arms:Averages",
        presets={"*": arena.Preset(steps=2_000, seeds=5)},
    )


@arena.hookimpl
def arena_environments() -> Iterable[arena.EnvironmentSpec]:
    """The environment, and the module whose import registers it."""
    yield arena.EnvironmentSpec(
        name="example/TwoArms-v0",
        summary="A sure thing beside a better gamble",
        package="two_arms",
        horizon=1,
    )
