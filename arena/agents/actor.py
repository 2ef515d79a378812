"""Actor: an agent that acts outside of training, with its estimates for the last observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.agents.base import ActionValues, BehaviorPolicy, StateValues, TabularPolicy

if TYPE_CHECKING:
    from arena.agents.base import Agent
    from arena.encoders.observed_environment import ObservedEnvironment
    from arena.random.generators import Generators

__all__ = ["Actor", "Estimates"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of an agent for one observation; None where the agent has none.

    Attributes:
        value: V(o).
        action_values: Q(o, a), shape (num_actions,).
        probabilities: π(a | o), shape (num_actions,): of the behavior policy if the agent knows it, otherwise without
            exploration.
        code: code of the observation, from a frozen encoder.
    """

    value: float | None = None
    action_values: Float | None = None
    probabilities: Float | None = None
    code: Array | None = None


class Actor:
    """Agent that acts in one episode at a time.

    Args:
        agent: the agent. A program that replaces its weights during the episode increases `version`.
        environment: the environment as the agent observes it.
        generators: the only source of randomness.

    Attributes:
        version: number of times that the agent's weights were replaced.
    """

    def __init__(self, agent: Agent, environment: ObservedEnvironment, generators: Generators) -> None:
        self.agent, self.environment, self.generators = agent, environment, generators
        self.version = 0
        observations, actions = environment.views(agent.needs)
        assert observations is not None and actions is not None, "an agent that does not fit is never built"
        self._observations, self._actions = observations, actions
        self._finite = isinstance(actions.outer, gym.spaces.Discrete)
        self.reset()

    def reset(self) -> None:
        """Start a new episode: clear the memories of agent and encoder."""
        self._memory: Any = None
        self._encoder_memory: Any = None
        self._action: Any = None
        self._batch: Array | None = None

    def act(self, observation: Any, *, explore: bool = False) -> Any:
        """Choose an action for one observation as ``env.reset()`` and ``env.step()`` return it.

        Args:
            observation: one observation of the environment.
            explore: whether to explore as in training.

        Returns:
            An action for ``env.step()``.
        """
        generator = self.generators.numpy("act")
        self._batch = self._encode_next(batch_of_one(observation))
        with self.generators.lent("act"):
            action, self._memory = self.agent.act(
                self._batch, self._memory, explore=explore, generator=generator
            )
        self._action = self._actions.decode(np.asarray(action))
        return first_of(self._action)

    def estimates(self) -> Estimates:
        """Estimates for the last observation of `act`; only the code for an agent with memory."""
        batch = self._batch
        if batch is None:
            return Estimates()
        code = batch[0].copy() if self.environment.encoder is not None else None
        if self._memory is not None:
            return Estimates(code=code)
        value, q, probabilities = (f(batch) for f in (self.values, self.action_values, self.probabilities))
        return Estimates(
            None if value is None else float(value[0]),
            None if q is None else q[0],
            None if probabilities is None else probabilities[0],
            code,
        )

    def values(self, batch: Array) -> Float | None:
        """V(o) of encoded observations (see `encode`): shape (batch,); None without value estimates."""
        if isinstance(self.agent, StateValues):
            return self.agent.values(batch)
        q = self.action_values(batch)
        return None if q is None else np.asarray(q.max(axis=1))

    def action_values(self, batch: Array) -> Float | None:
        """Q(o, a) of encoded observations: shape (batch, num_actions); None without action values."""
        agent = self.agent
        return agent.action_values(batch) if self._finite and isinstance(agent, ActionValues) else None

    def probabilities(self, batch: Array) -> Float | None:
        """π(a | o) of encoded observations: shape (batch, num_actions); None if it is unknown."""
        if not self._finite:
            return None
        if isinstance(self.agent, BehaviorPolicy):
            return self.agent.behavior_probabilities(batch)
        return self.agent.probabilities(batch) if isinstance(self.agent, TabularPolicy) else None

    def encode(self, observations: Any) -> Array:
        """Convert a batch of the environment's observations, each the first of an episode, for the agent."""
        return self._observations.encode(observations)

    def _encode_next(self, batch: Any) -> Array:
        """Convert the episode's next observation, in a batch of one, for the agent."""
        encoder = self.environment.encoder
        if encoder is None:
            return self._observations.encode(batch)
        memory = encoder.initial(1) if self._encoder_memory is None else self._encoder_memory
        code, self._encoder_memory = encoder.step(batch, memory, self._action)
        return code


def batch_of_one(observation: Any) -> Any:
    """Make a batch of one from an observation or an action."""
    if isinstance(observation, dict):
        return {key: batch_of_one(part) for key, part in observation.items()}
    if isinstance(observation, tuple):
        return tuple(batch_of_one(part) for part in observation)
    return np.asarray(observation)[None]


def first_of(batch: Any) -> Any:
    """First element of a batch; a plain number if it is a scalar."""
    if isinstance(batch, dict):
        return {key: first_of(part) for key, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(first_of(part) for part in batch)
    first: Array = batch[0]
    return first.item() if first.ndim == 0 else first
