"""The agents that laws are tried on, and where."""

from __future__ import annotations

from arena import testing
from arena.plugins.discovery import get_plugins

#: One native environment, one with a ``P`` dictionary, composite observations, Box observations, Box actions.
#: Stable-Baselines3's twelve are one adapter: an environment of each kind of action will do for them.
CASES = [
    case
    for case in testing.every_agent(most=None)
    if not case.agent.startswith("sb3-") or case.env in ("CartPole-v1", "Pendulum-v1")
]

#: Each agent in one place.
AGENTS = [next(case for case in CASES if case.agent == name) for name in get_plugins().agents]

#: An agent of each module: what costs processes of its own is tried on one of those that share their code.
MODULES = list({get_plugins().agents[case.agent].target.partition(":")[0]: case for case in AGENTS}.values())
