"""Recurrent deep Q-networks, for what one observation does not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.agent import Problem
from arena.codec import State
from arena.config import Between
from arena.errors import ArenaError
from arena.stream import Transition
from arena_deep.approximator import Approximator
from arena_deep.dqn import DQN
from arena_deep.dqn_options import DQNOptions
from arena_deep.networks import observe
from arena_deep.noisy import Noise
from arena_deep.replay import GOES_ON, Int

__all__ = ["DRQN"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class DRQNOptions(DQNOptions):
    """Those of DQN, but for `prioritized` and `noisy`."""

    batch_size: Annotated[int, Between(1, None)] = 16
    """Sequences an update."""

    memory: Annotated[int, Between(1, None)] = 64
    """Units of the recurrent layer (GRU) behind the hidden ones."""

    sequence_length: Annotated[int, Between(1, None)] = 16
    """Consecutive steps of one lane that are learned from together."""

    burn_in: Annotated[int, Between(0, None)] = 8
    """Steps before these that only bring the memory to where it was."""


class DRQN(DQN):
    """DQN with a recurrent layer, which learns from sequences.

    A sequence begins anywhere, with an empty memory; its first `burn_in` steps fill it and are not learned from. Where
    an episode begins within a sequence, the memory is emptied. The last observation of an episode, which no step of the
    sequence shows, is rated by the memory that the episode left. What it tells of observations (`action_values`,
    `values`, `behaviour_probabilities`) is so where an episode begins with them.

    Metrics: as `DQN`'s.

    Source: Hausknecht & Stone 2015, "Deep Recurrent Q-Learning for Partially Observable MDPs"; burn-in from Kapturowski
    et al. 2019 (R2D2), section 3.
    """

    Config = DRQNOptions
    config: DRQNOptions

    def __init__(self, problem: Problem, config: DRQNOptions) -> None:
        super().__init__(problem, config)
        least = (self._length + config.n_steps) * problem.num_envs
        if config.buffer_size < least:
            raise ArenaError(
                f"a replay of {config.buffer_size} steps holds no sequence of {self._length} and its return for each "
                f"of {problem.num_envs} environments",
                f"give a buffer_size of {least:,} or more, or a shorter sequence",
            )
        self._memory = self._empty(problem.num_envs)

    def _refuse(self, config: DQNOptions) -> None:
        for name in ("prioritized", "noisy"):
            if getattr(config, name):
                raise ArenaError(f"drqn cannot be {name}", "take dqn, or leave it out")

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        if memory is None:
            memory = self._empty(len(observation))
        greedy, memory = self._advance(observation, memory)
        return self._explored(greedy, generator) if explore else greedy, memory

    def reset_memory(self, memory: Any, begin: npt.NDArray[np.bool_]) -> Any:
        return np.where(begin[:, None], np.float32(0), memory)

    def _behave(self, observation: Array) -> Int:
        greedy, self._memory = self._advance(observation, self._memory)
        return self._explored(greedy, self._explore)

    def _rate(self, observation: Array, noise: Noise | None = None) -> Array:
        """At the beginning of an episode."""
        outputs, _ = _step(self.online, observation, self._empty(len(observation)))
        return self.reading.expectation(outputs)

    def _empty(self, lanes: int) -> Array:
        """The memory where episodes begin: shape (lanes, units)."""
        return np.zeros((lanes, self.config.memory), np.float32)

    def _advance(self, observation: Array, memory: Array) -> tuple[Int, Array]:
        outputs, memory = _step(self.online, observation, memory)
        return self.reading.expectation(outputs).argmax(axis=1), memory

    def _explored(self, greedy: Int, generator: np.random.Generator) -> Int:
        at_random = generator.random(len(greedy)) < self.epsilon
        return np.where(at_random, generator.integers(self.num_actions, size=len(greedy)), greedy)

    def _remember(self, transition: Transition) -> None:
        super()._remember(transition)
        self._memory = self.reset_memory(self._memory, transition.terminated | transition.truncated)

    @property
    def _length(self) -> int:
        return self.config.burn_in + self.config.sequence_length

    def _ready(self) -> bool:
        return len(self.replay) > (self._length - 1) * self.problem.num_envs

    def _learn(self, updates: int) -> None:
        c, lanes, losses = self.config, self.problem.num_envs, 0.0
        self.adam.learning_rate = self.learning_rate
        for _ in range(updates):
            latest = self.replay.last - (self._length - 1) * lanes
            start = self._draws.integers(self.replay.first, latest, size=c.batch_size)
            # The bootstrap looks up to n steps beyond the last step that is learned from.
            row = start + lanes * np.arange(self._length + c.n_steps)[:, None]
            learned = row[c.burn_in : self._length]
            target = self._sequence_targets(row, learned)
            seen = self.replay.column("observation", row[: self._length])
            outputs = self.online.remember(_walk(self.online, seen, self._begin(row))[c.burn_in :])
            where = (*np.indices(learned.shape), self.replay.column("action", learned))
            loss, slope, _ = self.reading.loss(outputs[where].reshape(target.shape), target)
            gradient = np.zeros_like(outputs)
            gradient[where] = (slope / len(slope)).reshape(*learned.shape, -1)
            self.online.backward(gradient)
            self.adam.step()
            losses += float(loss.mean())
            self._count(1)
        self._loss = losses / updates
        self._q = float(self.reading.expectation(outputs.reshape(-1, *outputs.shape[2:])).mean())

    def _begin(self, row: Int) -> npt.NDArray[np.bool_]:
        """Where an episode begins in a sequence; its first step begins with an empty memory in any case."""
        ended = self.replay.column("final", row) != GOES_ON
        return np.concatenate((np.ones((1, row.shape[1]), np.bool_), ended[:-1]))

    def _sequence_targets(self, row: Int, learned: Int) -> Array:
        """The y of each step learned from, one after another: shape (steps × batch, size)."""
        ahead = self.replay.look_ahead(learned)
        following = self._following(self.target, row)
        chooser = self._following(self.online, row) if self.config.double else following
        # The last of the steps that the return counts, within the sequence.
        last = np.arange(self.config.burn_in, self._length)[:, None] + ahead.taken - 1
        where = (last, np.arange(row.shape[1]))
        there, chosen = following[where], chooser[where]
        there, chosen = (x.reshape(-1, *x.shape[2:]) for x in (there, chosen))
        action = self.reading.expectation(chosen).argmax(axis=1)
        return self.reading.target(
            ahead.reward.ravel(), ahead.discount.ravel(), there[np.arange(len(action)), action]
        )

    def _following(self, approximator: Approximator, row: Int) -> Array:
        """The outputs at the successor of every step but the last: shape (T − 1, batch, actions, size)."""
        network, memory = approximator.network, approximator.network.memory
        assert memory is not None
        final = self.replay.column("final", row[:-1])
        ended = np.nonzero(final != GOES_ON)
        with torch.no_grad():
            features = _remembered(approximator, self.replay.column("observation", row), self._begin(row))
            outputs = network.rate(features[1:].flatten(0, 1)).unflatten(0, features[1:].shape[:2])
            if len(ended[0]):
                observation = observe(self.replay.final_observation(final[ended]), approximator.device)
                after, _ = memory.step(network.body(observation), features[ended])
                outputs[ended] = network.rate(after)
        return np.asarray(outputs.cpu().numpy())

    def state_dict(self) -> State:
        """As DQN's, with the memory of every lane."""
        return {**super().state_dict(), "memory": self._memory.copy()}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._memory = np.array(state["memory"])


def _step(approximator: Approximator, observation: Array, memory: Array) -> tuple[Array, Array]:
    """One step of acting: outputs, shape (batch, actions, size), and the memory after it, shape (batch, units)."""
    network = approximator.network
    assert network.memory is not None
    with torch.no_grad():
        features = network.body(observe(observation, approximator.device))
        output, after = network.memory.step(features, torch.from_numpy(memory).to(approximator.device))
        return np.asarray(network.rate(output).cpu().numpy()), np.asarray(after.cpu().numpy())


def _walk(approximator: Approximator, observation: Array, begin: npt.NDArray[np.bool_]) -> torch.Tensor:
    """The outputs along sequences, with gradient: shape (T, batch, actions, size)."""
    features = _remembered(approximator, observation, begin[: len(observation)])
    return approximator.network.rate(features.flatten(0, 1)).unflatten(0, features.shape[:2])


def _remembered(approximator: Approximator, observation: Array, begin: npt.NDArray[np.bool_]) -> torch.Tensor:
    """What the memory makes of sequences of observations, shape (T, batch, …): shape (T, batch, units)."""
    network = approximator.network
    assert network.memory is not None
    flat = observe(observation.reshape(-1, *observation.shape[2:]), approximator.device)
    features = network.body(flat).unflatten(0, observation.shape[:2])
    empty = network.memory.initial(observation.shape[1])
    output, _ = network.memory(features, empty, torch.from_numpy(begin).to(empty.device))
    return output
