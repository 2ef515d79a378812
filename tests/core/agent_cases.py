"""Which registered agents the laws are tried on, and in which environments."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from arena import testing
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import Preset
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


def adapter(agent: str) -> str:
    """The module of the base class of an agent's class."""
    return get_plugins().agents[agent].load().__mro__[1].__module__


#: Each agent in one place.
AGENTS = [Case(name, envs[0]) for name, envs in FITTING.items()]

#: An agent of each module: what costs processes of its own is tried on one of those that share their code.
MODULES = list({get_plugins().agents[case.agent].target.partition(":")[0]: case for case in AGENTS}.values())


#: For each agent, the agents that train and act through the same code of ours: of Stable-Baselines3's, those of one
#: adapter, whose classes differ in Stable-Baselines3's code only; of the others, each one alone.
SHARING = {
    name: [other for other in FITTING if adapter(other) == adapter(name)]
    if name.startswith("sb3-")
    else [name]
    for name in FITTING
}


def covering(factors: Sequence[Any], of_each: Sequence[Any] | None = None) -> list[tuple[Any, Case]]:
    """Covering choice of the triples (factor, agent, environment): each factor with each agent, environments in turn.

    Every pair of factor and agent occurs. So does every pair of agent and environment, if there are at least as many
    factors as environments, and every pair of factor and environment, since agents begin at different environments.

    Args:
        factors: what is tried on every agent, such as laws or numbers of lanes.
        of_each: the factors that are tried on each of the agents that share an adapter; the others are tried on these
            agents in turn, each factor and each agent at least once. None: all factors.
    """
    chosen = []
    for j, factor in enumerate(factors):
        for i, agent in enumerate(FITTING):
            turns = min(len(SHARING[agent]), len(factors))
            turn = SHARING[agent].index(agent) % turns == j % turns
            if turn or of_each is None or factor in of_each:
                chosen.append((factor, rotated(agent, i + j)[0]))
    return chosen


def left_out(factors: Sequence[Any], of_each: Sequence[Any] | None = None) -> list[tuple[Any, Case]]:
    """All triples but those of `covering`: for tests marked slow."""
    chosen = covering(factors, of_each)
    return [(factor, case) for factor in factors for case in CASES if (factor, case) not in chosen]


def rotated(agent: str, first: int) -> list[Case]:
    """An agent in each of its environments, beginning at the given one (counted modulo their number)."""
    envs = FITTING[agent]
    return [Case(agent, envs[(first + i) % len(envs)]) for i in range(len(envs))]


#: Largest values of the hyperparameters that decide what a step costs, and how late an agent begins to learn: with its
#: presets, an agent may need a thousand steps to its first update, and a law that sees no update proves little.
LARGEST: dict[str, Any] = {
    **dict.fromkeys(("hidden_sizes", "net_arch"), (8, 8)),
    **dict.fromkeys(("batch_size", "rollout_steps", "n_steps"), 16),
    **dict.fromkeys(("memory", "burn_in", "sequence_length"), 4),
    **dict.fromkeys(("n_epochs", "num_minibatches", "episodes", "n_delta"), 2),
    **dict.fromkeys(("n_critic_updates", "cg_max_steps", "gradient_steps"), 2),
    "buffer_size": 40,
    **dict.fromkeys(("learning_starts", "target_update_interval"), 16),
    "policy_kwargs": {"lstm_hidden_size": 8},
}

#: Environment steps of a law on an agent with a network: several rollouts, and a replay buffer that is full.
STEPS = 64

#: Environment steps of a law on an agent without a network, where episodes are short.
SHORT_STEPS = 150

#: Steps for an agent that learns from whole episodes.
EPISODIC_STEPS = 100


@contextlib.contextmanager
def small(case: Case) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Smallest agent of a kind that can break a law.

    Args:
        case: an agent and its environment, whose preset holds but for what `LARGEST` limits.

    Returns:
        Name under which the small agent is registered, the environment, and settings of laws that train. The
        hyperparameters of an agent without a network stay as they are.
    """
    spec = get_plugins().agents[case.agent]
    agent = spec.load()
    options = {field.name: getattr(agent.Config(), field.name) for field in dataclasses.fields(agent.Config)}
    if not {"hidden_sizes", "net_arch"} & options.keys():
        yield case.agent, case.env, {} if case.env == "arena/CliffWalk-v0" else {"steps": SHORT_STEPS}
        return
    options.update(spec.preset(case.env).options)
    limited = {name: limit(options[name], LARGEST[name]) for name in LARGEST if name in options}
    chosen = {**spec.preset(case.env).options, **limited}
    if "train_freq" in options:
        chosen["train_freq"] = 8
    if options.get("policy") == "linear":  # of ARS: no network
        chosen["net_arch"] = None
    with testing.registered(agent, presets={"*": Preset(options=chosen)}) as name:
        yield name, case.env, {"steps": EPISODIC_STEPS if "episodes" in options else STEPS}


def limit(value: Any, largest: Any) -> Any:
    """Value of a hyperparameter, or the largest one allowed where that is smaller; None only for networks' sizes."""
    if isinstance(largest, tuple):
        return largest
    if isinstance(largest, dict):
        return {name: largest.get(name, one) for name, one in value.items()} if value else value
    return value if value is None else min(value, largest)
