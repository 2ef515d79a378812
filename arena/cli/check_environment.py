"""The checks of an environment."""

from __future__ import annotations

from collections.abc import Iterator

from arena.agents.compatibility import fitting_agents
from arena.cli.checks import Check, Doubt, Finding, findings, of_verdict
from arena.environments.factory import EnvironmentFactory
from arena.environments.spaces import describe_space, view
from arena.plugins.discovery import get_plugins
from arena.streams.gymnasium_stream import replay_obstacle

__all__ = ["environment_findings"]


def environment_findings(factory: EnvironmentFactory) -> Iterator[Finding]:
    """Everything that arena asks of an environment; most of it is optional, and then only doubted."""
    from arena.testing import check_environment

    [first] = findings([Check("can be made", lambda: _spaces(factory))])
    yield first
    if first.mark != "✓":
        return
    ours = factory.id in get_plugins().environments
    for verdict in check_environment(factory.id):
        # Gymnasium's checker warns of much that harms nobody, and not everyone can mend what they use.
        doubtful = verdict.law == "passes_gymnasium" and not ours
        yield of_verdict(verdict, doubtful=doubtful)
    yield from findings(
        [
            Check("states can be enumerated", lambda: _enumerable(factory)),
            Check("runs resume exactly", lambda: _resumable(factory)),
            Check("agents fit", lambda: _agents(factory)),
        ]
    )


def _spaces(factory: EnvironmentFactory) -> str:
    facts = factory.properties
    limit = "" if facts.limit is None else f", at most {facts.limit:,} steps"
    return f"{describe_space(facts.observation_space)} → {describe_space(facts.action_space)}{limit}"


def _enumerable(factory: EnvironmentFactory) -> str:
    model = factory.properties.model
    if model is None:
        raise Doubt(
            "no: planners and exact answers are not to be had; give it `unwrapped.model` if they could be"
        )
    return f"{model.num_states:,} states, {model.num_actions:,} actions, {model.transitions:,} transitions"


def _resumable(factory: EnvironmentFactory) -> str:
    if factory.is_native:
        return "its whole state is saved"
    facts = factory.properties
    kinds = ("box", "discrete")
    observations, actions = view(facts.observation_space, kinds), view(facts.action_space, kinds)
    if observations is None or actions is None:
        spaces = " and ".join(map(describe_space, (facts.observation_space, facts.action_space)))
        raise Doubt(f"not tried: no agent takes {spaces}")
    reason = replay_obstacle(factory.make, observations, actions)
    if reason is not None:
        raise Doubt(
            f"no: {reason}; a resumed run begins new episodes. Draw random numbers from self.np_random only"
        )
    return "by replaying its episodes from their seeds"


def _agents(factory: EnvironmentFactory) -> str:
    fitting = fitting_agents(factory)
    if not fitting:
        raise Doubt("none of those installed: see `arena list agents --for` for the reasons")
    return ", ".join(fitting)
