"""What an environment tells of itself: its spaces, its tables where it has them, its limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics, TimeLimit

from arena.environments.mdp import TransitionModel

__all__ = ["EnvProperties"]

Env = gym.Env[Any, Any]

#: Wrappers that leave the transitions as the model has them; under any other the model is not trusted.
TRUSTED = (TimeLimit, OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics)


@dataclass(frozen=True, eq=False)
class EnvProperties:
    """What one instance of an environment tells.

    Attributes:
        observation_space: of one environment.
        action_space: of one environment.
        model: its tables, where it has them and no wrapper may have changed them.
        limit: the steps after which its episodes are truncated, or None.
        exact_optimum: its own ``unwrapped.optimum(horizon)``, where it has no tables but knows the answer.
    """

    observation_space: gym.Space[Any]
    action_space: gym.Space[Any]
    model: TransitionModel | None
    limit: int | None
    exact_optimum: Callable[[int], float | None] | None

    @property
    def observes_states(self) -> bool:
        """Whether an observation is the index of the model's state."""
        return self.model is not None and self.observation_space == gym.spaces.Discrete(self.model.num_states)

    @classmethod
    def from_env(cls, env: Env) -> EnvProperties:
        """Reads them off an environment."""
        model, limit = _model_and_limit(env)
        exact = getattr(env.unwrapped, "optimum", None)
        return cls(env.observation_space, env.action_space, model, limit, exact if callable(exact) else None)


def _model_and_limit(env: Env) -> tuple[TransitionModel | None, int | None]:
    trusted, limit = True, None
    while isinstance(env, gym.Wrapper):
        trusted = trusted and type(env) in TRUSTED
        if isinstance(env, TimeLimit):
            limit = min(env._max_episode_steps, limit or env._max_episode_steps)
        env = env.env
    model = getattr(env, "model", None)
    if not isinstance(model, TransitionModel):
        model = _toy_text_model(env)
    return (model if trusted else None), limit


def _toy_text_model(env: Any) -> TransitionModel | None:
    """The model of a Gymnasium toy text, which keeps its dynamics as a dictionary ``P``."""
    table, initial = getattr(env, "P", None), getattr(env, "initial_state_distrib", None)
    # Taxi's fickle passenger changes the destination outside P.
    if not isinstance(table, dict) or initial is None or getattr(env, "fickle_passenger", False):
        return None
    return TransitionModel.from_gymnasium(table, initial)
