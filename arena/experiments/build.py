"""Builds the agent of an experiment, and the environment as that agent observes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arena.agents.base import Agent, Problem
from arena.encoders.observed_environment import ObservedEnvironment
from arena.experiments.tensor_memory import counted_tensors

if TYPE_CHECKING:
    from torch import nn

    from arena.environments.factory import EnvironmentFactory
    from arena.experiments.experiment import Experiment
    from arena.random.generators import Generators

__all__ = ["build_agent", "observe"]


def observe(
    experiment: Experiment, folder: Path, generators: Generators, factory: EnvironmentFactory | None = None
) -> tuple[ObservedEnvironment, nn.Module | None]:
    """Make the environment as the agent observes it, and the encoder that the agent trains, if any.

    Args:
        experiment: an experiment with or without an encoder.
        folder: folder of the encoder's snapshot in the run.
        generators: random generators of the run.
        factory: the environment, if it is not the experiment's.
    """
    factory, use = factory or experiment.factory, experiment.encoder
    if use is None:
        return ObservedEnvironment(factory), None
    from arena.encoders.encoded_stream import ObservationEncoder  # these two need torch
    from arena.encoders.features_extractor import Features

    space = factory.properties.observation_space
    with generators.lent("encoder"):
        encoder = use.build(space, folder).to(experiment.device)
    scale = use.scale(folder)
    if use.mode == "frozen":
        return ObservedEnvironment(
            factory, ObservationEncoder(encoder, space, experiment.device, scale)
        ), None
    weight = use.loss_weight if use.mode == "joint" else None
    return ObservedEnvironment(factory), Features(encoder, weight, scale)


def build_agent(
    experiment: Experiment,
    environment: ObservedEnvironment,
    generators: Generators,
    num_envs: int | None = None,
    features: nn.Module | None = None,
) -> Agent:
    """Make a new agent of an experiment; its initial weights are drawn from the run's generators."""
    agent_class = experiment.learner_class
    observations, actions = environment.views(agent_class.needs)
    assert observations is not None and actions is not None, (
        "Experiment.create refuses agents that do not fit"
    )
    problem = Problem(
        observation_space=observations.outer,
        action_space=actions.outer,
        num_envs=num_envs or experiment.num_envs,
        generators=generators,
        model=environment.factory.properties.model if agent_class.needs.model else None,
        features=features,
        device=experiment.device,
    )
    config = experiment.config()
    with generators.lent("agent"), counted_tensors(experiment.device):
        return agent_class(problem, config)
