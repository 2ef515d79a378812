"""Construction of Stable-Baselines3's models from an agent's options."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise, OrnsteinUhlenbeckActionNoise
from torch import nn

from arena.agents.base import Problem
from arena.encoders.preprocessing import image_shape
from arena.errors import ArenaError
from arena_sb3.buffers import JournalNStepReplay, JournalReplay, ResumableRollout
from arena_sb3.features import Features, keep_weights
from arena_sb3.options import ActionNoiseOptions, CriticOptions, OffPolicyOptions, Options
from arena_sb3.stream_env import StreamVecEnv

__all__ = ["Linear", "build"]

#: Smallest side of an image, in pixels, that the three layers of Stable-Baselines3's NatureCNN accept.
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
    """A schedule that decreases linearly to zero and stays there, since training may continue beyond its end.

    Args:
        start: initial value.
    """

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, remaining: float) -> float:
        """The value for the remaining fraction of the schedule: 1 at the beginning, 0 at the end, negative beyond."""
        return self.start * max(remaining, 0.0)


def build(
    algorithm: type[BaseAlgorithm],
    name: str,
    problem: Problem,
    config: Options,
    env: StreamVecEnv,
) -> BaseAlgorithm:
    """Builds an untrained model that logs nowhere.

    Args:
        algorithm: class of the model.
        name: name of the agent, for errors.
        problem: spaces, device and encoder of the agent.
        config: options of the algorithm.
        env: environment that the model will step.

    Raises:
        ArenaError: Stable-Baselines3 rejects the options or the spaces.
    """
    arguments = _arguments(algorithm, config, env.action_space)
    arguments["policy_kwargs"] = _network(config, problem)
    try:
        with warnings.catch_warnings():
            # Advice about batch sizes and devices, which are the user's options.
            warnings.simplefilter("ignore")
            model = algorithm(
                policy=_policy(algorithm, config, problem), env=env, device=problem.device, **arguments
            )
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ArenaError(
            f"Stable-Baselines3 cannot build {name}: {reason[:300]}",
            "change the options, or choose another agent for this environment",
        ) from error
    if problem.features is not None:
        keep_weights(model.policy, problem.features)
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def _arguments(
    algorithm: type[BaseAlgorithm], config: Options, action_space: gym.Space[Any]
) -> dict[str, Any]:
    """Arguments of the constructor, without those of the policy."""
    options = vars(config)
    names = inspect.signature(algorithm).parameters.keys() - {"policy", "policy_kwargs"}
    arguments = {name: value for name, value in options.items() if name in names}
    for scheduled in ("learning_rate", "clip_range", "delta_std"):
        if options.get(f"{scheduled}_schedule") == "linear":
            arguments[scheduled] = Linear(options[scheduled])
    if "rollout_buffer_class" in names:
        arguments["rollout_buffer_class"] = ResumableRollout
    if isinstance(config, OffPolicyOptions):
        arguments["train_freq"] = (config.train_freq, config.train_freq_unit)
        n_steps = arguments.pop("n_steps")
        arguments["replay_buffer_class"] = JournalNStepReplay if n_steps > 1 else JournalReplay
        if n_steps > 1:
            arguments["replay_buffer_kwargs"] = {"n_steps": n_steps, "gamma": config.gamma}
    if isinstance(config, ActionNoiseOptions):
        arguments["action_noise"] = _noise(config, action_space)
    return arguments


def _policy(algorithm: type[BaseAlgorithm], config: Options, problem: Problem) -> str:
    """Name of the policy: the one in the options, the convolutional one for images, or the plain one."""
    if (policy := getattr(config, "policy", None)) is not None:  # an option of ARS alone
        return {"linear": "LinearPolicy", "mlp": "MlpPolicy"}[policy]
    image = image_shape(problem.observation_space)
    # A smaller image is flattened instead.
    images = problem.features is None and image is not None and min(image[1:]) >= SMALLEST_IMAGE
    wanted = ("Cnn",) if images else ("Mlp",)
    return next(
        alias for kind in (*wanted, "Mlp") for alias in algorithm.policy_aliases if alias.startswith(kind)
    )


def _network(config: Options, problem: Problem) -> dict[str, Any]:
    """Arguments of the policy."""
    further = config.policy_kwargs
    if not (further is None or isinstance(further, dict)):
        raise ArenaError(
            f"agent.policy_kwargs is {further!r}, which is no table",
            'give names and values, such as {"ortho_init": false}',
        )
    network = {name: _listed(value) for name, value in (further or {}).items()}
    critic = config.critic_arch if isinstance(config, CriticOptions) else None
    if critic is not None and config.net_arch is None:
        raise ArenaError("agent.critic_arch is set without agent.net_arch", "set agent.net_arch too")
    if config.net_arch is not None:
        network["net_arch"] = list(config.net_arch)
        if critic is not None:
            key = "qf" if isinstance(config, OffPolicyOptions) else "vf"
            network["net_arch"] = {"pi": list(config.net_arch), key: list(critic)}
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
    """A plain value with lists in place of tuples, since Stable-Baselines3 checks for lists."""
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return {key: _listed(item) for key, item in value.items()} if isinstance(value, dict) else value


def _noise(config: ActionNoiseOptions, action_space: gym.Space[Any]) -> ActionNoise | None:
    if config.action_noise is None:
        return None
    mean = np.zeros(action_space.shape or (), dtype=np.float32)
    kinds = {"normal": NormalActionNoise, "ornstein-uhlenbeck": OrnsteinUhlenbeckActionNoise}
    noise: ActionNoise = kinds[config.action_noise](mean, np.full_like(mean, config.action_noise_std))
    return noise
