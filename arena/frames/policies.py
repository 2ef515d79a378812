"""Policies for the collection of frames: random, a trained agent, or a mixture of these per episode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space

from arena.agents.compatibility import mismatch, same_spaces
from arena.errors import ArenaError
from arena.random.generators import Generators, derive, reset_seed
from arena.runs.loaded_agent import LoadedAgent, load_agent
from arena.runs.snapshots import split_reference

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory

__all__ = ["RANDOM", "Policy", "policy_of"]

Array = npt.NDArray[Any]
Policies = str | Path | Mapping[str | Path, float]

#: Name of the policy that draws actions at random.
RANDOM = "random"


class Policy(ABC):
    """Base class of policies, which choose an action in every lane."""

    @abstractmethod
    def identity(self) -> Any:
        """Identity of the policy, as plain JSON values."""

    @abstractmethod
    def act(self, observation: Any) -> Array:
        """Choose actions in the environment's own form.

        Args:
            observation: batch of observations, as from a Gymnasium vector environment.
        """

    def ended(self, lanes: npt.NDArray[np.bool_]) -> None:
        """Record that the next episode begins in some lanes."""
        return


class Random(Policy):
    """Random policy: uniform over bounded actions; see `gymnasium.Space.sample`."""

    def __init__(self, space: gym.Space[Any], lanes: int, seed: int) -> None:
        self._space = batch_space(space, lanes)
        self._space.seed(reset_seed(seed, RANDOM))

    def identity(self) -> Any:
        return RANDOM

    def act(self, observation: Any) -> Array:
        return np.asarray(self._space.sample())


class Trained(Policy):
    """Policy of the trained agent of a run."""

    def __init__(
        self, loaded: LoadedAgent, factory: EnvironmentFactory, generators: Generators, explore: bool
    ) -> None:
        self.loaded, self.explore = loaded, explore
        observations, actions = factory.views(loaded.agent.needs)
        assert observations is not None and actions is not None, "policy_of refuses agents that do not fit"
        self._observations, self._actions = observations, actions
        self._generators, self._memory = generators, None

    def identity(self) -> Any:
        run = self.loaded.run
        return {"run": run.spec.id(run.seed), "steps": self.loaded.steps, "explore": self.explore}

    def act(self, observation: Any) -> Array:
        generator = self._generators.numpy("act")
        seen = self._observations.encode(observation)
        with self._generators.lent("act"):
            action, self._memory = self.loaded.agent.act(
                seen, self._memory, explore=self.explore, generator=generator
            )
        return np.asarray(self._actions.decode(np.asarray(action)))

    def ended(self, lanes: npt.NDArray[np.bool_]) -> None:
        if self._memory is not None:
            self._memory = self.loaded.agent.reset_memory(self._memory, lanes)


class Mixture(Policy):
    """Mixture of policies: draws one for each episode by weight, depending only on seed, lane and episode."""

    def __init__(self, policies: Sequence[Policy], weights: Sequence[float], lanes: int, seed: int) -> None:
        self.policies, self.weights = policies, weights
        self._until = np.cumsum(weights)
        self._seed, self._episode = seed, [0] * lanes
        self._chosen = np.array([self._choice(lane) for lane in range(lanes)])

    def identity(self) -> Any:
        return [
            [policy.identity(), weight] for policy, weight in zip(self.policies, self.weights, strict=True)
        ]

    def act(self, observation: Any) -> Array:
        # Every policy acts in every lane, so that agents with memory have seen complete episodes.
        found = [policy.act(observation) for policy in self.policies]
        action = found[0].copy()
        for number, theirs in enumerate(found):
            mine = self._chosen == number
            action[mine] = theirs[mine]
        return action

    def ended(self, lanes: npt.NDArray[np.bool_]) -> None:
        for policy in self.policies:
            policy.ended(lanes)
        for lane in np.flatnonzero(lanes).tolist():
            self._episode[lane] += 1
            self._chosen[lane] = self._choice(lane)

    def _choice(self, lane: int) -> int:
        u = derive(self._seed, "policy", lane, self._episode[lane], bits=64) / 2**64 * self._until[-1]
        return int(np.searchsorted(self._until[:-1], u, side="right"))


def policy_of(
    policy: Policies, factory: EnvironmentFactory, lanes: int, seed: int, *, explore: bool = False
) -> Policy:
    """Make a policy from its description.

    Args:
        policy: ``random``; a run folder, ``RUN@best`` or ``RUN@20000``; or several of these with weights.
        factory: the environment to act in.
        lanes: number of parallel episodes.
        seed: seed of the policy's random numbers.
        explore: whether trained agents explore as in training.

    Raises:
        ArenaError: no such run, an agent that cannot act in the environment, or invalid weights.
    """
    if not isinstance(policy, Mapping):
        return _one(policy, factory, lanes, seed, explore)
    weights = list(policy.values())
    sound = all(isinstance(weight, (int, float)) and 0 <= weight < np.inf for weight in weights)
    if not sound or not sum(weights) > 0:
        raise ArenaError(
            f"the policies' weights are {weights}", "give numbers of at least 0, of which one is positive"
        )
    # Each policy has its own seed: two runs of one agent must not draw the same numbers.
    mixed = [
        _one(name, factory, lanes, derive(seed, "mixed", number), explore)
        for number, name in enumerate(policy)
    ]
    return Mixture(mixed, [float(weight) for weight in weights], lanes, seed)


def _one(policy: str | Path, factory: EnvironmentFactory, lanes: int, seed: int, explore: bool) -> Policy:
    if policy == RANDOM:
        return Random(factory.properties.action_space, lanes, seed)
    path, which = split_reference(str(policy))
    if not Path(path).exists():
        raise ArenaError(
            f"no policy is {str(policy)!r}", "give random or a run folder; see `arena list runs`"
        )
    loaded = load_agent(path, which)
    if loaded.environment.encoder is not None:
        raise ArenaError(
            f"{loaded.run.spec.name} of {path} uses an encoder, and cannot collect frames",
            "give random, or a run without an encoder",
        )
    reason = mismatch(loaded.agent.needs, factory) or same_spaces(
        loaded.agent.needs, loaded.environment.factory, factory
    )
    if reason is not None:
        raise ArenaError(
            f"{loaded.run.spec.name} of {path} cannot act in {factory.id}: {reason}",
            "collect frames of the environment that it was trained on, with frames='render' for images",
        )
    return Trained(loaded, factory, Generators(seed), explore)
