"""Which registered agents the laws are tried on, and in which environments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arena import testing
from arena.plugins import get_plugins
from arena.testing import Case

#: One native environment, one with a ``P`` dictionary, composite observations, Box observations, Box actions.
#: Stable-Baselines3's twelve are one adapter: an environment of each kind of action will do for them.
CASES = [
    case
    for case in testing.every_agent(most=None)
    if not case.agent.startswith("sb3-") or case.env in ("CartPole-v1", "Pendulum-v1")
]

#: Every agent with its environments of `CASES`, the preferred one first.
FITTING = {name: [case.env for case in CASES if case.agent == name] for name in get_plugins().agents}

#: Each agent in one place.
AGENTS = [Case(name, envs[0]) for name, envs in FITTING.items()]

#: An agent of each module: what costs processes of its own is tried on one of those that share their code.
MODULES = list({get_plugins().agents[case.agent].target.partition(":")[0]: case for case in AGENTS}.values())


def covering(factors: Sequence[Any]) -> list[tuple[Any, Case]]:
    """Covering choice of the triples (factor, agent, environment): each factor with each agent, environments in turn.

    Every pair of factor and agent occurs. So does every pair of agent and environment, if there are at least as many
    factors as environments, and every pair of factor and environment, since agents begin at different environments.

    Args:
        factors: what is tried on every agent, such as laws or numbers of lanes.
    """
    return [
        (factor, rotated(agent, i + j)[0])
        for j, factor in enumerate(factors)
        for i, agent in enumerate(FITTING)
    ]


def left_out(factors: Sequence[Any]) -> list[tuple[Any, Case]]:
    """All triples but those of `covering`: for tests marked slow."""
    chosen = covering(factors)
    return [(factor, case) for factor in factors for case in CASES if (factor, case) not in chosen]


def rotated(agent: str, first: int) -> list[Case]:
    """An agent in each of its environments, beginning at the given one (counted modulo their number)."""
    envs = FITTING[agent]
    return [Case(agent, envs[(first + i) % len(envs)]) for i in range(len(envs))]
