"""``arena eval RUN``: let a trained agent play."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli.output import only_json, print_json
from arena.cli.parser import whole
from arena.errors import ArenaError
from arena.tables_text import number

if TYPE_CHECKING:
    from arena.agent import Agent
    from arena.api import LoadedRun
    from arena.environments import EnvironmentFactory

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena eval``."""
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


def run(args: argparse.Namespace) -> int:
    """Evaluates, and shows the result."""
    from arena.api import load

    with only_json(args.json):
        loaded = load(args.run_folder, args.at)
        experiment = loaded.run.experiment
        factory = loaded.factory if args.env in (None, experiment.env) else _other(loaded, args.env)
        horizon, episodes = args.horizon or experiment.horizon, args.episodes or experiment.episodes
        found = _evaluated(loaded, factory, horizon, episodes)
    if args.json:
        print_json(found)
        return 0
    from arena.cli.results import show_evaluation

    returns = found["evaluation"]["returns"]
    cells = {
        "return": number(found["evaluation"]["mean"]),
        "lowest": number(min(returns)),
        "highest": number(max(returns)),
        "episodes": f"{len(returns):,}",
        "optimum": number(found["optimum"]),
        "policy value": number(found["policy_value"]),
        "gap": number(found["gap"]),
    }
    show_evaluation(
        f"{experiment.agent} on {factory.id} · after {loaded.steps:,} {experiment.spec.unit}s", cells
    )
    return 0


def _other(loaded: LoadedRun, env: str) -> EnvironmentFactory:
    """Another environment, as far as the agent can play there."""
    from arena.environments import EnvironmentFactory, mismatch, same_spaces

    factory = EnvironmentFactory.resolve(env)
    needs = loaded.agent.needs
    reason = mismatch(needs, factory) or same_spaces(needs, loaded.factory, factory)
    if reason is not None:
        raise ArenaError(
            f"{loaded.run.experiment.agent} cannot play {env}: {reason}",
            "choose an environment of the same spaces",
        )
    return factory


def _evaluated(loaded: LoadedRun, factory: EnvironmentFactory, horizon: int, episodes: int) -> dict[str, Any]:
    from arena.evaluate import Evaluator
    from arena.runner import exact_values

    evaluator = Evaluator(factory, type(loaded.agent), horizon, episodes, loaded.run.seed)
    try:
        returns = [float(value) for value in evaluator(loaded.agent)]
    finally:
        evaluator.close()
    mean = sum(returns) / len(returns)
    best, own = exact_values(loaded.agent, factory, horizon)
    return {
        "path": str(loaded.run.folder),
        "env": factory.id,
        "seed": loaded.run.seed,
        "steps": loaded.steps,
        "seconds": loaded.run.seconds,
        "evaluation": {"returns": returns, "mean": mean},
        "optimum": best,
        "policy_value": own,
        "gap": None if best is None else best - (mean if own is None else own),
        **_tables(loaded.agent, factory),
    }


def _tables(agent: Agent, factory: EnvironmentFactory) -> dict[str, list[float] | list[int] | None]:
    """V(s) and the most probable action of every state, where the observation is the state's index."""
    import gymnasium as gym
    import numpy as np

    from arena.agent import StateValues, TabularPolicy
    from arena.spaces import Identity

    observations, actions = factory.views(agent.needs)
    tables: dict[str, list[float] | list[int] | None] = {"values": None, "policy": None}
    if not isinstance(observations, Identity) or not isinstance(observations.outer, gym.spaces.Discrete):
        return tables
    states = np.arange(observations.outer.n)
    if isinstance(agent, StateValues):
        tables["values"] = [float(value) for value in agent.values(states)]
    if isinstance(agent, TabularPolicy) and isinstance(actions, Identity):
        tables["policy"] = [int(action) for action in agent.probabilities(states).argmax(axis=1)]
    return tables
