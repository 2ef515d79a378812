"""Base class of agents, their requirements, and protocols of what an agent can estimate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.environments.spaces import BOX, DISCRETE
from arena.errors import ArenaError
from arena.random.generators import Generators

if TYPE_CHECKING:
    from torch import nn

    from arena.environments.mdp import TransitionModel
    from arena.storage.codec import State
    from arena.streams.base import Progress, Stream

__all__ = [
    "ActionValues",
    "Agent",
    "BehaviorPolicy",
    "Needs",
    "Problem",
    "StateValues",
    "TabularPolicy",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Needs:
    """Requirements of an agent; used for the error about a misfit, and for `arena list agents --for ENV`.

    Attributes:
        observations: accepted kinds of observation, the preferred one first: "discrete" (an index) or "box" (an
            array). The stream indexes or flattens the environment's observations accordingly.
        actions: accepted kinds of action.
        model: whether the agent plans, and so needs the environment's `TransitionModel`.
        features: whether the agent uses `Problem.features` as the first part of its networks, and trains them.
        bonus: whether the agent learns from `Transition.bonus` in addition to the reward.
    """

    observations: tuple[str, ...] = (DISCRETE, BOX)
    actions: tuple[str, ...] = (DISCRETE, BOX)
    model: bool = False
    features: bool = False
    bonus: bool = False


@dataclass(frozen=True)
class Problem:
    """Learning problem that an agent is built for.

    Attributes:
        observation_space: space of one environment's observations, as the stream gives them (indexed or flattened).
        action_space: space of one environment's actions, as the stream takes them.
        num_envs: number of parallel episodes.
        generators: the run's named random generators, the only source of randomness of an agent.
        model: transition model of the environment, if the environment has one and the agent needs it.
        features: torch module from observations to features, trained by the agent, or None.
        device: torch device of the agent's modules, such as "cpu" or "cuda".
    """

    observation_space: gym.Space[Any]
    action_space: gym.Space[Any]
    num_envs: int
    generators: Generators
    model: TransitionModel | None = None
    features: nn.Module | None = None
    device: str = "cpu"


class Agent(ABC):
    """Base class of agents, which learn to act in one environment.

    A subclass declares its hyperparameters as a nested frozen dataclass `Config`, each field with a docstring
    (the command line's help), and its requirements as `needs`.
    """

    @dataclass(frozen=True)
    class Config:
        """No hyperparameters."""

    needs: ClassVar[Needs] = Needs()

    def __init__(self, problem: Problem, config: Any) -> None:
        self.problem = problem
        self.config = config

    @abstractmethod
    def train(self, stream: Stream) -> Iterator[Progress]:
        """Train on a stream: the algorithm as in its paper, without logging, evaluation, saving or rendering.

        At every yield, the loop may be left and entered again from the top of `train`: everything that the loop
        still needs is in `state_dict`, and code before the loop is idempotent. This makes resume exact. An agent
        that learns in compiled chunks takes at most `stream.remaining` steps before it yields. The generator ends
        when training has converged.
        """

    @abstractmethod
    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Choose actions for a batch of observations.

        Args:
            observation: shape (batch, *observation_space.shape).
            memory: memory returned by the previous call for these episodes; None at their start, and always None
                for an agent without memory.
            explore: whether to explore as in training; otherwise the best known actions are chosen.
            generator: the only source of randomness.

        Returns:
            Actions of shape (batch, *action_space.shape), and the memory.
        """

    def reset_memory(self, memory: Any, begin: npt.NDArray[np.bool_]) -> Any:
        """Reset the memory in lanes where an episode begins; agents with memory override this method.

        Args:
            memory: the memory that `act` returned.
            begin: whether an episode begins, shape (batch,).
        """
        return memory

    @abstractmethod
    def state_dict(self) -> State:
        """State from which training continues with identical bytes: a nested dict of arrays and plain values."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Restore the state; the inverse of `state_dict`."""

    def snapshot(self) -> State:
        """State that acting needs, by default all of `state_dict`; agents with a replay buffer leave it out."""
        return self.state_dict()

    def load_snapshot(self, state: State) -> None:
        """Restore a snapshot, for acting only."""
        self.load_state_dict(state)

    def transfer(self, state: State) -> None:
        """Initialize training from the snapshot of another run: its learned parameters, with step count zero.

        By default this is `load_snapshot`. An agent whose snapshot counts steps, for schedules, resets them.
        """
        self.load_snapshot(state)

    @classmethod
    def foreign_snapshot(cls, path: Path) -> State:
        """Read a snapshot for `transfer` from a file of another library; by default no file is accepted.

        Reading must not execute code from the file: it reads only numbers and plain values.

        Args:
            path: the file.

        Raises:
            ArenaError: the agent cannot read the file.
        """
        raise ArenaError(f"{path} is a file, and this agent cannot start from a file", "give a run folder")


@runtime_checkable
class TabularPolicy(Protocol):
    """Agent whose policy is available as probabilities, so that its exact value can be computed."""

    def probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) when not exploring: shape (batch, num_actions)."""


@runtime_checkable
class StateValues(Protocol):
    """Agent that estimates the value of an observation."""

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(o): shape (batch,)."""


@runtime_checkable
class ActionValues(Protocol):
    """Agent that estimates the value of each of finitely many actions."""

    def action_values(self, observation: Array) -> npt.NDArray[np.float64]:
        """Q(o, a): shape (batch, num_actions)."""


@runtime_checkable
class BehaviorPolicy(Protocol):
    """Agent that gives the probability of each of finitely many actions when it explores as in training."""

    def behavior_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) when exploring: shape (batch, num_actions); of an agent with memory, at an episode's beginning."""
