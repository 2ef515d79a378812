"""Compatibility of agents and environments, with the reason of a mismatch."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from arena.agents.base import Agent, Needs
from arena.environments.spaces import describe_space
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory
    from arena.plugins.specs import AgentSpec

__all__ = ["agent_class_of", "fitting_agents", "mismatch", "refuse_misfit", "same_spaces"]


def agent_class_of(spec: AgentSpec) -> type[Agent]:
    """Import the class of an agent from its spec.

    Raises:
        ArenaError: the class cannot be imported, or is not an agent.
    """
    agent_class = spec.load()
    if not (isinstance(agent_class, type) and issubclass(agent_class, Agent)):
        raise ArenaError(f"{spec.name} ({spec.target}) is not an arena.Agent", "fix or disable its plugin")
    return agent_class


def mismatch(needs: Needs, factory: EnvironmentFactory) -> str | None:
    """Reason why an agent with these needs does not fit an environment; None if it fits."""
    properties = factory.properties
    observations, actions = factory.views(needs)
    if observations is None:
        space = describe_space(properties.observation_space)
        return f"takes {' or '.join(needs.observations)} observations, and {factory.id} gives {space}"
    if actions is None:
        space = describe_space(properties.action_space)
        return f"gives {' or '.join(needs.actions)} actions, and {factory.id} takes {space}"
    if needs.model and properties.model is None:
        return f"plans with a transition model, and {factory.id} has none"
    if needs.model and not properties.observes_states:
        space = describe_space(properties.observation_space)
        return f"plans over states, and {factory.id} shows {space} in their place"
    return None


def same_spaces(needs: Needs, trained: EnvironmentFactory, other: EnvironmentFactory) -> str | None:
    """Reason why an agent that was trained in one environment cannot act in another; None if it can."""
    for what, mine, theirs in zip(
        ("observations", "actions"), trained.views(needs), other.views(needs), strict=True
    ):
        if mine is None or theirs is None or mine.outer != theirs.outer:
            spaces = [view and view.outer for view in (mine, theirs)]
            return f"it was trained with {what} of {spaces[0]}, and {other.id} has {spaces[1]}"
    return None


def fitting_agents(factory: EnvironmentFactory) -> list[str]:
    """Names of the agents that fit an environment; agents that cannot be imported are left out."""
    fitting = []
    for spec in get_plugins().agents.values():
        with contextlib.suppress(ArenaError):
            if mismatch(agent_class_of(spec).needs, factory) is None:
                fitting.append(spec.name)
    return fitting


def refuse_misfit(spec: AgentSpec, factory: EnvironmentFactory) -> None:
    """Refuse an agent that does not fit an environment.

    Raises:
        ArenaError: the reason, and the agents that fit.
    """
    reason = mismatch(agent_class_of(spec).needs, factory)
    if reason is not None:
        fitting = ", ".join(fitting_agents(factory)) or "none installed"
        raise ArenaError(f"{spec.name} {reason}", f"agents that fit: {fitting}")
