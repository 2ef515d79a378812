"""Properties of an environment: spaces, transition model, time limit, exact optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics, TimeLimit

from arena.environments.mdp import TransitionModel

__all__ = ["EnvProperties"]

Env = gym.Env[Any, Any]

#: Wrappers that do not change transitions; under any other wrapper the transition model is not used.
NEUTRAL_WRAPPERS = (TimeLimit, OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics)


@dataclass(frozen=True, eq=False)
class EnvProperties:
    """Properties of an environment, read from one instance.

    Attributes:
        observation_space: space of one observation.
        action_space: space of one action.
        model: transition model; None if there is none, or if a wrapper may have changed the transitions.
        limit: number of steps after which episodes are truncated, or None.
        exact_optimum: the environment's ``unwrapped.optimum(horizon)``, or None.
    """

    observation_space: gym.Space[Any]
    action_space: gym.Space[Any]
    model: TransitionModel | None
    limit: int | None
    exact_optimum: Callable[[int], float | None] | None

    @property
    def observes_states(self) -> bool:
        """Whether an observation is the index of a state of the model."""
        return self.model is not None and self.observation_space == gym.spaces.Discrete(self.model.num_states)

    @classmethod
    def from_env(cls, env: Env) -> EnvProperties:
        """Read the properties of an environment."""
        model, limit = _model_and_limit(env)
        optimum = getattr(env.unwrapped, "optimum", None)
        optimum = optimum if callable(optimum) else None
        return cls(env.observation_space, env.action_space, model, limit, optimum)


def _model_and_limit(env: Env) -> tuple[TransitionModel | None, int | None]:
    unchanged, limit = True, None
    while isinstance(env, gym.Wrapper):
        unchanged = unchanged and type(env) in NEUTRAL_WRAPPERS
        if isinstance(env, TimeLimit):
            limit = min(env._max_episode_steps, limit or env._max_episode_steps)
        env = env.env
    model = getattr(env, "model", None)
    if not isinstance(model, TransitionModel):
        model = _toy_text_model(env)
    return (model if unchanged else None), limit


def _toy_text_model(env: Any) -> TransitionModel | None:
    """Transition model of a Gymnasium toy-text environment, from its dictionary ``P``."""
    table, initial = getattr(env, "P", None), getattr(env, "initial_state_distrib", None)
    # Taxi's fickle passenger changes the destination, which is not in P.
    if not isinstance(table, dict) or initial is None or getattr(env, "fickle_passenger", False):
        return None
    return TransitionModel.from_gymnasium(table, initial)
