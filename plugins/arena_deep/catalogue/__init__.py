"""Names, summaries and presets of the deep agents: one module per family, without heavy imports."""

from __future__ import annotations

from collections.abc import Iterator

from arena.plugins.specs import AgentSpec

__all__ = ["specs"]


def specs() -> Iterator[AgentSpec]:
    """Specs of all deep agents, family by family."""
    from arena_deep.catalogue.dqn import DQN_SPECS
    from arena_deep.catalogue.policy_gradient import POLICY_GRADIENT_SPECS

    yield from DQN_SPECS
    yield from POLICY_GRADIENT_SPECS
