"""The checks of an agent: that it is one, and every cheap law of `arena.testing`."""

from __future__ import annotations

from collections.abc import Iterator

from arena.agents.base import Agent
from arena.cli.checks import Check, Finding, findings, of_verdict
from arena.errors import ArenaError
from arena.plugins.specs import AgentSpec

__all__ = ["agent_findings"]


def agent_findings(spec: AgentSpec, env: str | None) -> Iterator[Finding]:
    """Everything that arena asks of an agent.

    Args:
        spec: the agent.
        env: where to try it; by default some small environment that fits.
    """
    from arena.testing import check_agent

    [first] = findings([Check("is an Agent", lambda: _is_agent(spec))])
    yield first
    if first.mark == "✓":
        yield from map(of_verdict, check_agent(spec.name, env))


def _is_agent(spec: AgentSpec) -> str:
    agent_class = spec.load()
    if not (isinstance(agent_class, type) and issubclass(agent_class, Agent)):
        raise ArenaError(f"{spec.target} is {agent_class!r}", "make it a subclass of arena.Agent")
    missing = ", ".join(sorted(agent_class.__abstractmethods__))
    if missing:
        raise ArenaError(
            f"{spec.target} does not define {missing}", "define them; see arena.agents.base.Agent"
        )
    return spec.target
