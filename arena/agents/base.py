"""What an agent is: it learns in one environment and acts in it."""

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
    "BehaviourPolicy",
    "Needs",
    "Problem",
    "StateValues",
    "TabularPolicy",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Needs:
    """What an agent can work with; gives the error when it does not fit, and `arena list agents --for ENV`.

    Attributes:
        observations: the kinds of observation it takes, the preferred one first: "discrete" (an index) or
            "box" (an array). The stream indexes or flattens what the environment gives.
        actions: the kinds of action it can give.
        model: whether it plans, and so needs the environment's `TransitionModel`.
        features: whether it puts `Problem.features` in front of its networks, and trains them.
        bonus: whether it learns from `Transition.bonus` beside the reward.
    """

    observations: tuple[str, ...] = (DISCRETE, BOX)
    actions: tuple[str, ...] = (DISCRETE, BOX)
    model: bool = False
    features: bool = False
    bonus: bool = False


@dataclass(frozen=True)
class Problem:
    """What an agent is built for.

    Attributes:
        observation_space: of one environment, as the stream delivers it (indexed or flattened).
        action_space: of one environment, as the stream takes it.
        num_envs: how many episodes run in parallel.
        generators: the run's named random numbers. An agent draws from nothing else.
        model: the environment's tables, where it has them and the agent needs them.
        features: a module that turns observations into features, trained by the agent, or None.
        device: where torch modules live, such as "cpu" or "cuda".
    """

    observation_space: gym.Space[Any]
    action_space: gym.Space[Any]
    num_envs: int
    generators: Generators
    model: TransitionModel | None = None
    features: nn.Module | None = None
    device: str = "cpu"


class Agent(ABC):
    """Learns to act in one environment.

    A subclass states its hyperparameters as a nested frozen dataclass `Config`, each field with a docstring
    (it becomes the command line's help), and what it can work with as `needs`.
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
        """The algorithm, as its paper writes it; never logs, evaluates, saves or draws.

        Every yield is equivalent to the top of `train`: whatever the loop still needs is in `state_dict`, and
        code before the loop is idempotent. That makes resume exact. An agent that learns in compiled chunks
        takes at most `stream.remaining` steps before it yields. A generator that ends has converged.
        """

    @abstractmethod
    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Actions for a batch of observations.

        Args:
            observation: shape (batch, *observation_space.shape).
            memory: what the previous call returned for these episodes; None at their start, and always None
                for an agent without memory.
            explore: whether to act as in training; otherwise as well as it can.
            generator: the only source of randomness.

        Returns:
            Actions of shape (batch, *action_space.shape), and the memory.
        """

    def reset_memory(self, memory: Any, begin: npt.NDArray[np.bool_]) -> Any:
        """The memory with a fresh start in the lanes where an episode begins; agents with memory override it.

        Args:
            memory: what `act` returned.
            begin: shape (batch,).
        """
        return memory

    @abstractmethod
    def state_dict(self) -> State:
        """Everything that training needs to go on to the same byte: nested dict of arrays and plain values."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Takes the state back; the inverse of `state_dict`."""

    def snapshot(self) -> State:
        """What acting needs, by default all of `state_dict`; agents with replay leave that out."""
        return self.state_dict()

    def load_snapshot(self, state: State) -> None:
        """Takes a snapshot back, for acting only."""
        self.load_state_dict(state)

    def transfer(self, state: State) -> None:
        """Begins from the snapshot of another run: with what it learned, and with no step taken yet.

        By default `load_snapshot`. An agent whose snapshot counts steps, for schedules, sets them back.
        """
        self.load_snapshot(state)

    @classmethod
    def foreign_snapshot(cls, path: Path) -> State:
        """What `transfer` can begin from in a file that another library wrote; by default no file is such.

        Nothing in the file may be run: a plugin reads numbers and plain values.

        Args:
            path: a file.

        Raises:
            ArenaError: it is not one that this agent can read.
        """
        raise ArenaError(f"{path} is a file, which this agent cannot begin from", "give the folder of a run")


@runtime_checkable
class TabularPolicy(Protocol):
    """An agent whose policy is known as probabilities, so that its exact value can be computed."""

    def probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) when not exploring: shape (batch, num_actions)."""
        ...


@runtime_checkable
class StateValues(Protocol):
    """An agent that estimates the value of an observation."""

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(o): shape (batch,)."""
        ...


@runtime_checkable
class ActionValues(Protocol):
    """An agent that estimates the value of each of finitely many actions."""

    def action_values(self, observation: Array) -> npt.NDArray[np.float64]:
        """Q(o, a): shape (batch, num_actions)."""
        ...


@runtime_checkable
class BehaviourPolicy(Protocol):
    """An agent that knows how probable each of finitely many actions is where it acts as in training."""

    def behaviour_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) when exploring: shape (batch, num_actions); of an agent with memory, at an episode's beginning."""
        ...
