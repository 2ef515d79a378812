"""Which agents fit which environments, and why others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.environments.spaces import describe_space
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    from arena.agents.base import Agent, Needs
    from arena.environments.factory import EnvironmentFactory
    from arena.plugins.specs import AgentSpec

__all__ = ["agent_class_of", "fitting_agents", "mismatch", "refuse_misfit", "same_spaces"]


def agent_class_of(spec: AgentSpec) -> type[Agent]:
    """The class that an agent's spec names.

    Raises:
        ArenaError: it cannot be imported, or is not an agent.
    """
    from arena.agents.base import Agent

    found = spec.load()
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise ArenaError(f"{spec.name} ({spec.target}) is not an arena.Agent", "fix or disable its plugin")
    return found


def mismatch(needs: Needs, factory: EnvironmentFactory) -> str | None:
    """Why an agent with these needs does not fit an environment, or None when it does."""
    facts = factory.properties
    observations, actions = factory.views(needs)
    if observations is None:
        space = describe_space(facts.observation_space)
        return f"takes {' or '.join(needs.observations)} observations, and {factory.id} gives {space}"
    if actions is None:
        space = describe_space(facts.action_space)
        return f"gives {' or '.join(needs.actions)} actions, and {factory.id} takes {space}"
    if needs.model and facts.model is None:
        return f"plans with a transition model, and {factory.id} has none"
    if needs.model and not facts.observes_states:
        return f"plans over states, and {factory.id} shows {describe_space(facts.observation_space)} in their place"
    return None


def same_spaces(needs: Needs, trained: EnvironmentFactory, other: EnvironmentFactory) -> str | None:
    """Why an agent that was trained in one environment cannot act in another; None where it can."""
    for what, mine, theirs in zip(
        ("observations", "actions"), trained.views(needs), other.views(needs), strict=True
    ):
        if mine is None or theirs is None or mine.outer != theirs.outer:
            spaces = [view and view.outer for view in (mine, theirs)]
            return f"it was trained with {what} of {spaces[0]}, and {other.id} has {spaces[1]}"
    return None


def fitting_agents(factory: EnvironmentFactory) -> list[str]:
    """The names of the agents that fit an environment; an agent whose extra is missing does not."""
    fitting = []
    for spec in get_plugins().agents.values():
        try:
            if mismatch(agent_class_of(spec).needs, factory) is None:
                fitting.append(spec.name)
        except ArenaError:
            continue
    return fitting


def refuse_misfit(spec: AgentSpec, factory: EnvironmentFactory) -> None:
    """Refuses an agent that does not fit an environment.

    Raises:
        ArenaError: the reason, and the agents that fit.
    """
    reason = mismatch(agent_class_of(spec).needs, factory)
    if reason is not None:
        fitting = ", ".join(fitting_agents(factory)) or "none installed"
        raise ArenaError(f"{spec.name} {reason}", f"agents that fit: {fitting}")
