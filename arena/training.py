"""Sets up an agent in its environment, for a session of the runner."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arena.agent import Agent, Problem, TabularPolicy
from arena.environments import EnvironmentFactory
from arena.evaluate import Evaluator
from arena.optimum import optimum, policy_value
from arena.random import Generators, derive
from arena.setup import Setup

if TYPE_CHECKING:
    from torch import nn

    from arena.experiment import Experiment
    from arena.run import Run
    from arena.stream import Stream

__all__ = ["build_agent", "equip", "exact_values", "set_up"]


def set_up(experiment: Experiment, run: Run, generators: Generators, *, fresh: bool) -> Setup:
    """An agent, its stream, and its evaluation.

    Args:
        experiment: of the run.
        run: its seed, and the folders in which it keeps its encoders.
        generators: of the run.
        fresh: whether the run begins, so that its environment is asked whether it can be resumed.
    """
    seed = run.seed
    factory, features = equip(experiment, run.encoder, generators)
    agent = build_agent(experiment, factory, generators, features=features)
    with contextlib.ExitStack() as stack:
        with generators.lent("agent"):
            stream = factory.stream(
                experiment.num_envs,
                agent.needs,
                partial(_seed_of, seed),
                probed=fresh,
                around=_curious(experiment, run.novelty, generators),
            )
        stack.callback(stream.close)
        evaluator = Evaluator(factory, type(agent), experiment.horizon, experiment.episodes, seed)
        stack.callback(evaluator.close)

        def conclude() -> dict[str, float | None]:
            best, own = exact_values(agent, factory, experiment.horizon)
            return {"optimum": best, "policy_value": own}

        return Setup(
            agent,
            stream,
            lambda: [float(value) for value in evaluator(agent)],
            conclude,
            stack.pop_all().close,
        )


def equip(
    experiment: Experiment, folder: Path, generators: Generators, factory: EnvironmentFactory | None = None
) -> tuple[EnvironmentFactory, nn.Module | None]:
    """The environment as the agent sees it, and the features that the agent trains.

    Args:
        experiment: which may have an encoder.
        folder: where the run keeps it.
        generators: of the run.
        factory: another environment than the experiment's.
    """
    factory, perception = factory or experiment.factory, experiment.perception
    if perception is None:
        return factory, None
    from arena.features import Features
    from arena.lens import Lens

    space = factory.facts.observation_space
    with generators.lent("encoder"):
        encoder = perception.build(space, folder).to(experiment.device)
    scale = perception.scale(folder)
    if perception.mode == "frozen":
        return factory.seen_through(Lens(encoder, space, experiment.device, scale)), None
    return factory, Features(encoder, perception.loss_weight if perception.mode == "joint" else None, scale)


def build_agent(
    experiment: Experiment,
    factory: EnvironmentFactory,
    generators: Generators,
    num_envs: int | None = None,
    features: nn.Module | None = None,
) -> Agent:
    """A fresh agent of an experiment, its initial weights drawn from the run's generators."""
    agent_class: type[Agent] = experiment.agent_class
    observations, actions = factory.views(agent_class.needs)
    assert observations is not None and actions is not None, (
        "Experiment.create refuses agents that do not fit"
    )
    problem = Problem(
        observation_space=observations.outer,
        action_space=actions.outer,
        num_envs=num_envs or experiment.num_envs,
        generators=generators,
        model=factory.facts.model if agent_class.needs.model else None,
        features=features,
        device=experiment.device,
    )
    with generators.lent("agent"):
        return agent_class(problem, experiment.config())


def _curious(
    experiment: Experiment, folder: Path, generators: Generators
) -> Callable[[Stream], Stream] | None:
    """What adds the bonus of an experiment that has one."""
    options, device = experiment.novelty, experiment.device
    if options is None:
        return None
    from arena.novelty import NovelStream

    with generators.lent("novelty"):
        encoder = options.build(experiment.factory.facts.observation_space, folder).to(device)
    return lambda stream: NovelStream(stream, encoder, options, device)


def exact_values(
    agent: Agent, factory: EnvironmentFactory, horizon: int
) -> tuple[float | None, float | None]:
    """The environment's optimum and the agent's own exact value under a horizon; None where unknown."""
    facts = factory.facts
    horizon = min(horizon, facts.limit or horizon)
    if facts.model is None:
        return facts.exact_optimum(horizon) if facts.exact_optimum else None, None
    best = optimum(facts.model, horizon)
    if not (isinstance(agent, TabularPolicy) and facts.shows_states):
        return best, None
    policy = agent.probabilities(np.arange(facts.model.num_states))
    return best, policy_value(facts.model, policy, horizon)


def _seed_of(seed: int, lane: int, episode: int) -> int:
    return derive(seed, "environment", lane, episode, bits=64) % 2**31
