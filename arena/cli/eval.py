"""Verb ``eval``: evaluates the trained agent of a run."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.option_parsing import Section, parse_with_options
from arena.cli.output import only_json, print_json
from arena.cli.parser import Parser
from arena.cli.run_arguments import add_count
from arena.cli.sections import environment_section
from arena.errors import ArenaError
from arena.results.text import format_number

if TYPE_CHECKING:
    from arena.agents.base import Agent
    from arena.encoders.observed_environment import ObservedEnvironment
    from arena.experiments.experiment import Experiment
    from arena.runs.loaded_agent import LoadedAgent

__all__ = ["configure", "parse", "run"]

EPILOG = """\
`arena eval RUN --help` also shows the options --env.… of the run's environment; with --env OTHER, of OTHER.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena eval``."""
    parser.usage = "arena eval RUN [--env OTHER] [--env.OPTION VALUE …] [options]"
    parser.epilog = EPILOG
    parser.description = "Evaluates the trained agent of a run, without exploration."
    add = parser.add_argument
    add("run_folder", metavar="RUN", type=Path, help="run folder; see `arena list runs`")
    other = "environment with the same spaces to evaluate in (default: the run's)"
    add("--env", metavar="OTHER", help=other)
    at = "snapshot of the agent: last, best (by mean evaluation return), or a number of steps (default: last)"
    add("--at", metavar="WHEN", default="last", help=at)
    add_count(parser, "--episodes", "N", "number of episodes (default: the run's)")
    add_count(parser, "--horizon", "H", "step limit of an episode (default: the run's)")
    add("--json", action="store_true", help="print one JSON object, with values and policy of tabular agents")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with options of the environment."""
    args = parse_with_options(
        parser,
        words,
        lambda args: [_section(args)],
        leading=1,
        prefixes=["env"],
        named=lambda args: args.run_folder,
    )
    args.given = args.given.get("env", {})
    return args


def _section(args: argparse.Namespace) -> Section:
    """Options of the environment to evaluate in."""
    from arena.runs.run import Run, experiment_of

    experiment = experiment_of(Run.open(args.run_folder))
    env = args.env or experiment.env
    return environment_section(env, experiment.env_options if env == experiment.env else None)


def run(args: argparse.Namespace) -> int:
    """Evaluates, and prints the result."""
    from arena.runs.loaded_agent import load_agent
    from arena.runs.run import experiment_of

    with only_json(args.json):
        loaded = load_agent(args.run_folder, args.at)
        experiment = experiment_of(loaded.run)
        environment = loaded.environment
        if args.given or args.env not in (None, experiment.env):
            environment = _other(loaded, experiment, args.env or experiment.env, args.given)
        horizon, episodes = args.horizon or experiment.horizon, args.episodes or experiment.episodes
        found = _evaluated(loaded, environment, horizon, episodes)
    if args.json:
        print_json(found)
        return 0
    from arena.cli.results import show_evaluation
    from arena.config.formatting import format_value

    returns = found["evaluation"]["returns"]
    cells = {
        "return": format_number(found["evaluation"]["mean"]),
        "lowest": format_number(min(returns)),
        "highest": format_number(max(returns)),
        "episodes": f"{len(returns):,}",
        "optimum": format_number(found["optimum"]),
        "policy value": format_number(found["policy_value"]),
        "gap": format_number(found["gap"]),
    }
    options = [f"{name}={format_value(value)}" for name, value in args.given.items()]
    place = " ".join([environment.factory.id, *options])
    show_evaluation(f"{experiment.name} on {place} · after {loaded.steps:,} {experiment.plugin.unit}s", cells)
    return 0


def _other(loaded: LoadedAgent, mine: Experiment, env: str, given: Mapping[str, Any]) -> ObservedEnvironment:
    """Another environment, or the run's with other options, if it has the spaces that the agent needs."""
    from arena.agents.compatibility import mismatch, same_spaces
    from arena.environments.factory import EnvironmentFactory

    if env == mine.env:
        factory = EnvironmentFactory.resolve(env, {**mine.env_options, **given}, mine.wrappers)
    else:
        factory = EnvironmentFactory.resolve(env, given)
    environment = loaded.environment.with_factory(factory)
    needs = loaded.agent.needs
    reason = mismatch(needs, factory) or same_spaces(needs, loaded.environment.factory, factory)
    if reason is not None:
        problem = f"{loaded.run.spec.name} cannot play {env}: {reason}"
        raise ArenaError(problem, "choose an environment with the same spaces")
    return environment


def _evaluated(
    loaded: LoadedAgent, environment: ObservedEnvironment, horizon: int, episodes: int
) -> dict[str, Any]:
    from arena.training.agent import exact_values
    from arena.training.evaluation import Evaluator

    factory = environment.factory
    evaluator = Evaluator(environment, type(loaded.agent), horizon, episodes, loaded.run.seed)
    try:
        returns = [float(value) for value in evaluator(loaded.agent)]
    finally:
        evaluator.close()
    mean = sum(returns) / len(returns)
    best, own = exact_values(loaded.agent, factory, horizon)
    return {
        "path": str(loaded.run.folder),
        "env": factory.id,
        "env_options": dict(factory.options),
        "seed": loaded.run.seed,
        "steps": loaded.steps,
        "seconds": loaded.run.seconds,
        "evaluation": {"returns": returns, "mean": mean},
        "optimum": best,
        "policy_value": own,
        "gap": None if best is None else best - (mean if own is None else own),
        **_tables(loaded.agent, environment),
    }


def _tables(agent: Agent, environment: ObservedEnvironment) -> dict[str, list[float] | list[int] | None]:
    """V(s) and the most probable action of every state, if observations are indices of states."""
    import gymnasium as gym
    import numpy as np

    from arena.agents.base import StateValues, TabularPolicy
    from arena.environments.spaces import Identity

    observations, actions = environment.views(agent.needs)
    tables: dict[str, list[float] | list[int] | None] = {"values": None, "policy": None}
    if not isinstance(observations, Identity) or not isinstance(observations.outer, gym.spaces.Discrete):
        return tables
    states = np.arange(observations.outer.n)
    if isinstance(agent, StateValues):
        tables["values"] = [float(value) for value in agent.values(states)]
    if isinstance(agent, TabularPolicy) and isinstance(actions, Identity):
        tables["policy"] = [int(action) for action in agent.probabilities(states).argmax(axis=1)]
    return tables
