"""Setup of an agent in its environment, for a session."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arena.agents.base import Agent, TabularPolicy
from arena.environments.exact_values import optimum, policy_value
from arena.environments.factory import EnvironmentFactory
from arena.experiments.build import build_agent, observe
from arena.random.generators import Generators, episode_seed
from arena.training.evaluation import Evaluator
from arena.training.setup import Setup

if TYPE_CHECKING:
    from arena.experiments.experiment import Experiment
    from arena.runs.run import Run
    from arena.streams.base import Stream

__all__ = ["exact_values", "set_up"]


def set_up(experiment: Experiment, run: Run, generators: Generators, *, fresh: bool) -> Setup:
    """Make an agent, its stream, and its evaluation.

    Args:
        experiment: experiment of the run.
        run: the run, whose folders have the snapshots of the encoders.
        generators: random generators of the run.
        fresh: whether the run is new, so that its environment is tested for exact resumption.
    """
    seed = run.seed
    environment, features = observe(experiment, run.encoder, generators)
    agent = build_agent(experiment, environment, generators, features=features)
    with contextlib.ExitStack() as stack:
        with generators.lent("agent"):
            stream = environment.open_stream(
                experiment.num_envs,
                agent.needs,
                partial(episode_seed, seed),
                check_replay=fresh,
                wrap=novelty_wrapper(experiment, run.novelty, generators),
            )
        stack.callback(stream.close)
        evaluator = Evaluator(environment, type(agent), experiment.horizon, experiment.episodes, seed)
        stack.callback(evaluator.close)

        def conclude() -> dict[str, float | None]:
            best, own = exact_values(agent, experiment.factory, experiment.horizon)
            return {"optimum": best, "policy_value": own}

        return Setup(
            agent,
            stream,
            lambda: [float(value) for value in evaluator(agent)],
            conclude,
            stack.pop_all().close,
        )


def novelty_wrapper(
    experiment: Experiment, folder: Path, generators: Generators
) -> Callable[[Stream], Stream] | None:
    """Make the wrapper of streams that adds the novelty bonus; None for an experiment without one."""
    options, device = experiment.novelty, experiment.device
    if options is None:
        return None
    from arena.encoders.novelty import NoveltyStream

    with generators.lent("novelty"):
        encoder = options.build(experiment.factory.properties.observation_space, folder).to(device)
    return lambda stream: NoveltyStream(stream, encoder, options, device)


def exact_values(
    agent: Agent, factory: EnvironmentFactory, horizon: int
) -> tuple[float | None, float | None]:
    """Compute the environment's optimum and the agent's exact value under a horizon; None if unknown."""
    facts = factory.properties
    horizon = min(horizon, facts.limit or horizon)
    if facts.model is None:
        return facts.exact_optimum(horizon) if facts.exact_optimum else None, None
    best = optimum(facts.model, horizon)
    if not (isinstance(agent, TabularPolicy) and facts.observes_states):
        return best, None
    policy = agent.probabilities(np.arange(facts.model.num_states))
    return best, policy_value(facts.model, policy, horizon)
