"""Builds Stable-Baselines3's models from our options."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn

from arena.agents.base import Problem
from arena.encoders.preprocessing import image_shape
from arena.errors import ArenaError
from arena_sb3.buffers import JournalNStepReplay, JournalReplay
from arena_sb3.features import Features, keep_weights
from arena_sb3.stream_env import StreamVecEnv

__all__ = ["Linear", "build"]

#: The smallest sides for which the three layers of their NatureCNN leave anything.
SMALLEST_IMAGE = 36

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class Linear:
    """A schedule that falls linearly to zero and stays there: training may go on beyond it.

    Args:
        start: its value at the beginning.
    """

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, remaining: float) -> float:
        """The value where so much of the schedule remains, from 1 to 0 and below."""
        return self.start * max(remaining, 0.0)


def build(
    algorithm: type[BaseAlgorithm],
    name: str,
    problem: Problem,
    config: Any,
    env: StreamVecEnv,
) -> BaseAlgorithm:
    """A model that learns nothing yet and logs nowhere.

    Args:
        algorithm: its class.
        name: the agent's, for errors.
        problem: what it is built for.
        config: the algorithm's options.
        env: what it will step.

    Raises:
        ArenaError: Stable-Baselines3 refuses the options or the spaces.
    """
    arguments = _arguments(algorithm, config, env.action_space)
    arguments["policy_kwargs"] = _network(algorithm, config, problem)
    try:
        with warnings.catch_warnings():
            # Advice about batch sizes and devices; the options are the user's to choose.
            warnings.simplefilter("ignore")
            model = algorithm(
                policy=_policy(algorithm, config, problem), env=env, device=problem.device, **arguments
            )
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ArenaError(
            f"Stable-Baselines3 cannot build {name}: {said[:300]}",
            "choose other options for this environment",
        ) from error
    if problem.features is not None:
        keep_weights(model.policy, problem.features)
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def _arguments(algorithm: type[BaseAlgorithm], config: Any, action_space: gym.Space[Any]) -> dict[str, Any]:
    """The constructor's arguments, without the policy's."""
    options = vars(config)
    names = inspect.signature(algorithm).parameters.keys() - {"policy", "policy_kwargs"}
    arguments = {name: value for name, value in options.items() if name in names}
    for scheduled in ("learning_rate", "clip_range", "delta_std"):
        if options.get(f"{scheduled}_schedule") == "linear":
            arguments[scheduled] = Linear(options[scheduled])
    if issubclass(algorithm, OffPolicyAlgorithm):
        arguments["train_freq"] = (config.train_freq, config.train_freq_unit)
        n_steps = arguments.pop("n_steps")
        arguments["replay_buffer_class"] = JournalNStepReplay if n_steps > 1 else JournalReplay
        if n_steps > 1:
            arguments["replay_buffer_kwargs"] = {"n_steps": n_steps, "gamma": config.gamma}
    if "action_noise" in arguments:
        arguments["action_noise"] = _noise(config, action_space)
    return arguments


def _policy(algorithm: type[BaseAlgorithm], config: Any, problem: Problem) -> str:
    """The name of the policy: the option's, one for images where there is such, or the plain one."""
    if hasattr(config, "policy"):
        return {"linear": "LinearPolicy", "mlp": "MlpPolicy"}[config.policy]
    image = image_shape(problem.observation_space)
    # Their convolutions leave nothing of a smaller image, which is flattened instead.
    images = problem.features is None and image is not None and min(image[1:]) >= SMALLEST_IMAGE
    wanted = ("Cnn",) if images else ("Mlp",)
    return next(
        alias for kind in (*wanted, "Mlp") for alias in algorithm.policy_aliases if alias.startswith(kind)
    )


def _network(algorithm: type[BaseAlgorithm], config: Any, problem: Problem) -> dict[str, Any]:
    """The policy's arguments."""
    further = config.policy_kwargs
    if not (further is None or isinstance(further, dict)):
        raise ArenaError(f"agent.policy_kwargs is {further!r}, which is no table", "give names and values")
    network = {name: _listed(value) for name, value in (further or {}).items()}
    critic = getattr(config, "critic_arch", None)
    if critic is not None and config.net_arch is None:
        raise ArenaError("agent.critic_arch is given without agent.net_arch", "give both")
    if config.net_arch is not None:
        network["net_arch"] = list(config.net_arch)
        if critic is not None:
            second = "qf" if issubclass(algorithm, OffPolicyAlgorithm) else "vf"
            network["net_arch"] = {"pi": list(config.net_arch), second: list(critic)}
    if config.activation is not None:
        network["activation_fn"] = ACTIVATIONS[config.activation]
    if problem.features is not None:
        network["features_extractor_class"] = Features
        network["features_extractor_kwargs"] = {
            "module": problem.features,
            "original": problem.observation_space,
        }
        network["normalize_images"] = False  # an encoder takes observations as they are
    return network


def _listed(value: Any) -> Any:
    """A plain value with lists for tuples, which Stable-Baselines3 checks for."""
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return {key: _listed(item) for key, item in value.items()} if isinstance(value, dict) else value


def _noise(config: Any, action_space: gym.Space[Any]) -> ActionNoise | None:
    if config.action_noise is None:
        return None
    mean = np.zeros(action_space.shape or (), dtype=np.float32)
    kinds = {"normal": NormalActionNoise, "ornstein-uhlenbeck": OrnsteinUhlenbeckActionNoise}
    noise: ActionNoise = kinds[config.action_noise](mean, np.full_like(mean, config.action_noise_std))
    return noise
