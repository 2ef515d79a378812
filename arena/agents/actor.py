"""An agent as somebody outside of training asks it: what it does about an observation, and what it makes of it."""

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
    """What an agent makes of one observation; None where it does not say.

    Attributes:
        value: V(o).
        action_values: Q(o, a), shape (num_actions,).
        probabilities: π(a | o), shape (num_actions,): as in training where it knows that, else as it acts now.
        code: what its frozen encoder makes of the observation, of the shape of its latent space.
    """

    value: float | None = None
    action_values: Float | None = None
    probabilities: Float | None = None
    code: Array | None = None


class Actor:
    """An agent that acts in one episode at a time.

    Args:
        agent: who acts. Its weights may be replaced meanwhile; whoever does so raises `version`.
        environment: as the agent observes it.
        generators: the only source of randomness.

    Attributes:
        version: how often the agent has changed.
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
        """Forgets the episode so far."""
        self._memory: Any = None
        self._seen: Any = None
        self._action: Any = None
        self._batch: Array | None = None

    def act(self, observation: Any, *, explore: bool = False) -> Any:
        """The action for one observation of the environment, as the environment takes it.

        Args:
            observation: one observation, as ``env.reset()`` and ``env.step()`` return it.
            explore: whether to act as in training.
        """
        generator = self.generators.numpy("act")
        self._batch = self._see(batch_of_one(observation))
        with self.generators.lent("act"):
            action, self._memory = self.agent.act(
                self._batch, self._memory, explore=explore, generator=generator
            )
        self._action = self._actions.decode(np.asarray(action))
        return first_of(self._action)

    def estimates(self) -> Estimates:
        """What it made of the observation that it acted on last; an agent with memory says nothing."""
        batch = self._batch
        if batch is None:
            return Estimates()
        code = batch[0].copy() if self.environment.encoder is not None else None
        if self._memory is not None:
            return Estimates(code=code)
        value, action_values = self.values(batch), self.action_values(batch)
        return Estimates(
            None if value is None else float(value[0]),
            None if action_values is None else action_values[0],
            self._probabilities(batch),
            code,
        )

    def values(self, batch: Array) -> Float | None:
        """V of observations as the agent sees them: shape (batch,); None where it has none."""
        if isinstance(self.agent, StateValues):
            return self.agent.values(batch)
        found = self.action_values(batch)
        return None if found is None else np.asarray(found.max(axis=1))

    def action_values(self, batch: Array) -> Float | None:
        """Q of observations as the agent sees them: shape (batch, num_actions); None where it has none."""
        agent = self.agent
        return agent.action_values(batch) if self._finite and isinstance(agent, ActionValues) else None

    def probabilities(self, batch: Array) -> Float | None:
        """π of observations as the agent sees them: shape (batch, num_actions); None where it is unknown."""
        if not self._finite:
            return None
        if isinstance(self.agent, BehaviorPolicy):
            return self.agent.behavior_probabilities(batch)
        return self.agent.probabilities(batch) if isinstance(self.agent, TabularPolicy) else None

    def see(self, observations: Any) -> Array:
        """A batch of the environment's observations as the agent sees them where episodes begin."""
        return self._observations.encode(observations)

    def _probabilities(self, batch: Array) -> Float | None:
        found = self.probabilities(batch)
        return None if found is None else found[0]

    def _see(self, batch: Any) -> Array:
        """A batch of one as the agent sees it, through its encoder where it has one."""
        lens = self.environment.encoder
        if lens is None:
            return self._observations.encode(batch)
        before = lens.initial(1) if self._seen is None else self._seen
        code, self._seen = lens.look(batch, before, self._action)
        return code


def batch_of_one(observation: Any) -> Any:
    """An observation, or an action, as a batch of them."""
    if isinstance(observation, dict):
        return {key: batch_of_one(part) for key, part in observation.items()}
    if isinstance(observation, tuple):
        return tuple(batch_of_one(part) for part in observation)
    return np.asarray(observation)[None]


def first_of(batch: Any) -> Any:
    """The first of a batch; a number where it is one."""
    if isinstance(batch, dict):
        return {key: first_of(part) for key, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(first_of(part) for part in batch)
    first: Array = batch[0]
    return first.item() if first.ndim == 0 else first
