"""``arena eval RUN``: let a trained agent play."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli import options, two_phases
from arena.cli.output import only_json, print_json
from arena.cli.parser import Parser, whole
from arena.errors import ArenaError
from arena.results.text import format_number

if TYPE_CHECKING:
    from arena.agents.base import Agent
    from arena.encoders.observed_environment import ObservedEnvironment
    from arena.experiments.experiment import Experiment
    from arena.runs.loaded_agent import LoadedAgent

__all__ = ["configure", "parse", "run"]

EPILOG = """\
`arena eval RUN --help` also shows the options --env.… of its environment, and with --env OTHER those of the other one.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena eval``."""
    parser.usage = "arena eval RUN [--env OTHER] [--env.OPTION VALUE …] [options]"
    parser.epilog = EPILOG
    parser.description = "Lets the trained agent of a run play, without exploring."
    add = parser.add_argument
    add("run_folder", metavar="RUN", type=Path, help="a run folder; see `arena list runs`")
    add(
        "--env",
        metavar="OTHER",
        help="another environment of the same spaces (default: the one it was trained in)",
    )
    at = "which of its agents: last, best (by its evaluations), or after so many steps, such as 20000 (default: last)"
    add("--at", metavar="WHEN", default="last", help=at)
    add("--episodes", metavar="N", type=whole("--episodes"), help="how many episodes (default: the run's)")
    add(
        "--horizon",
        metavar="H",
        type=whole("--horizon"),
        help="longest episode, in steps (default: the run's)",
    )
    add("--json", action="store_true", help="print one JSON object, with values and policy of tabular agents")


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parses a command line with the environment's options in it; ``--help`` knows them."""
    args = two_phases.parse(parser, words, lambda args: [_section(args)], leading=1, prefixes=["env"])
    args.given = args.given.get("env", {})
    return args


def _section(args: argparse.Namespace) -> options.Section:
    """The options of the environment to play in."""
    from arena.environments.factory import options_class_of
    from arena.runs.run import Run, experiment_of

    experiment = experiment_of(Run.open(args.run_folder))
    env = args.env or experiment.env
    defaults = experiment.env_options if env == experiment.env else {}
    return options.Section("env", env, options_class_of(env), defaults)


def run(args: argparse.Namespace) -> int:
    """Evaluates, and shows the result."""
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
    place = " ".join(
        [environment.factory.id, *(f"{name}={format_value(value)}" for name, value in args.given.items())]
    )
    show_evaluation(f"{experiment.name} on {place} · after {loaded.steps:,} {experiment.plugin.unit}s", cells)
    return 0


def _other(loaded: LoadedAgent, mine: Experiment, env: str, given: Mapping[str, Any]) -> ObservedEnvironment:
    """Another environment, or the run's own with other options on top, as far as the agent can play there."""
    from arena.agents.compatibility import mismatch, same_spaces
    from arena.environments.factory import EnvironmentFactory

    if env == mine.env:
        factory = EnvironmentFactory.resolve(env, {**mine.env_options, **given}, mine.wrappers)
    else:
        factory = EnvironmentFactory.resolve(env, given)
    environment = loaded.environment.of(factory)
    needs = loaded.agent.needs
    reason = mismatch(needs, factory) or same_spaces(needs, loaded.environment.factory, factory)
    if reason is not None:
        raise ArenaError(
            f"{loaded.run.spec.name} cannot play {env}: {reason}",
            "choose an environment of the same spaces",
        )
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
    """V(s) and the most probable action of every state, where the observation is the state's index."""
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
