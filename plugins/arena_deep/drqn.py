"""Recurrent deep Q-networks (DRQN), for tasks that one observation does not show completely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena.agents.base import Problem
from arena.config.options import Between
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Transition
from arena_deep.approximator import Approximator
from arena_deep.dqn import DQN
from arena_deep.dqn_options import DQNOptions
from arena_deep.networks import to_tensor
from arena_deep.noisy import Noise
from arena_deep.replay_buffer import NO_FINAL, Int

__all__ = ["DRQN"]

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]


class DRQN(DQN):
    """DQN with a recurrent layer, which learns from sequences.

    A sequence starts at any step, with an empty memory; its first `burn_in` steps fill the memory and are not learned
    from. Where an episode starts within a sequence, the memory is emptied. The value of the last observation of an
    episode, which no step of the sequence shows, is computed with the memory at the end of the episode.
    `action_values`, `values` and `behavior_probabilities` are those of the first observation of an episode.

    Metrics: those of `DQN`.

    Source: Hausknecht & Stone 2015, "Deep Recurrent Q-Learning for Partially Observable MDPs"; burn-in from Kapturowski
    et al. 2019 (R2D2), section 3.
    """

    @dataclass(frozen=True)
    class Config(DQNOptions):
        """Hyperparameters of DRQN: those of DQN, except `prioritized` and `noisy`."""

        batch_size: Annotated[int, Between(1, None)] = 16
        """Number of sequences in a minibatch."""

        memory: Annotated[int, Between(1, None)] = 64
        """Number of units of the recurrent layer (GRU) behind the hidden layers."""

        sequence_length: Annotated[int, Between(1, None)] = 16
        """Number of consecutive steps of a sequence that are learned from."""

        burn_in: Annotated[int, Between(0, None)] = 8
        """Number of steps before each sequence that only fill the memory."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        least = (self._length + config.n_steps) * problem.num_envs
        if config.buffer_size < least:
            raise ArenaError(
                f"a replay buffer of {config.buffer_size} steps is too small for a sequence of {self._length} and its "
                f"return in each of {problem.num_envs} environments",
                f"give a buffer_size of {least:,} or more, or a shorter sequence",
            )
        self._memory = self._empty_memory(problem.num_envs)

    def _check(self, config: DQNOptions) -> None:
        for name in ("prioritized", "noisy"):
            if getattr(config, name):
                raise ArenaError(f"drqn cannot be {name}", f"choose dqn, or leave out {name}")

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        if memory is None:
            memory = self._empty_memory(len(observation))
        greedy, memory = self._greedy_step(observation, memory)
        return self._epsilon_greedy(greedy, generator) if explore else greedy, memory

    def reset_memory(self, memory: Any, begin: Bool) -> Any:
        return np.where(begin[:, None], np.float32(0), memory)

    def _behaviour(self, observation: Array) -> Int:
        greedy, self._memory = self._greedy_step(observation, self._memory)
        return self._epsilon_greedy(greedy, self._exploration)

    def _q_values(self, observation: Array, noise: Noise | None = None) -> Array:
        """Q(s, a) of the first observations of episodes: shape (batch, num_actions)."""
        outputs, _ = _step(self.online, observation, self._empty_memory(len(observation)))
        return self.value_head.expectation(outputs)

    def _empty_memory(self, num_envs: int) -> Array:
        """Memory at the start of an episode: zeros, shape (num_envs, units)."""
        return np.zeros((num_envs, self.config.memory), np.float32)

    def _greedy_step(self, observation: Array, memory: Array) -> tuple[Int, Array]:
        """Greedy actions, shape (batch,), and the memory after this step."""
        outputs, memory = _step(self.online, observation, memory)
        return np.asarray(self.value_head.expectation(outputs).argmax(axis=1)), memory

    def _epsilon_greedy(self, greedy: Int, generator: np.random.Generator) -> Int:
        random = generator.random(len(greedy)) < self.epsilon
        return np.where(random, generator.integers(self.num_actions, size=len(greedy)), greedy)

    def _store(self, transition: Transition) -> None:
        super()._store(transition)
        self._memory = self.reset_memory(self._memory, transition.terminated | transition.truncated)

    @property
    def _length(self) -> int:
        """Number of steps of a sequence, burn-in included."""
        return self.config.burn_in + self.config.sequence_length

    def _can_sample(self) -> bool:
        return len(self.replay) > (self._length - 1) * self.problem.num_envs

    def _update(self, updates: int) -> None:
        """Update Q that many times, each over a minibatch of sequences from the replay buffer."""
        c, loss_sum = self.config, 0.0
        self.adam.learning_rate = self.learning_rate
        for _ in range(updates):
            row = self._sample_sequences()
            learned = row[c.burn_in : self._length]
            target = self._sequence_targets(row, learned)
            observation = self.replay.column("observation", row[: self._length])
            outputs = self.online.keep_outputs(
                _sequence_outputs(self.online, observation, self._begin(row))[c.burn_in :]
            )
            taken = (*np.indices(learned.shape), self.replay.column("action", learned))
            loss, slope, _ = self.value_head.loss(outputs[taken].reshape(target.shape), target)
            gradient = np.zeros_like(outputs)
            gradient[taken] = (slope / len(slope)).reshape(*learned.shape, -1)
            self.online.backward(gradient)
            self.adam.step()
            loss_sum += float(loss.mean())
            self._count_updates(1)
        self._loss = loss_sum / updates
        self._mean_q = float(self.value_head.expectation(outputs.reshape(-1, *outputs.shape[2:])).mean())

    def _sample_sequences(self) -> Int:
        """Rows of sequences and of the n steps after them: shape (length + n_steps, batch_size)."""
        c, num_envs = self.config, self.problem.num_envs
        latest = self.replay.last - (self._length - 1) * num_envs
        start = self._sampling.integers(self.replay.first, latest, size=c.batch_size)
        # The bootstrap needs up to n steps after the last step that is learned from.
        return np.asarray(start + num_envs * np.arange(self._length + c.n_steps)[:, None])

    def _begin(self, row: Int) -> Bool:
        """Steps of sequences at which an episode starts; the first step counts as one, since its memory is empty."""
        ended = self.replay.column("final", row) != NO_FINAL
        return np.concatenate((np.ones((1, row.shape[1]), np.bool_), ended[:-1]))

    def _sequence_targets(self, row: Int, learned: Int) -> Array:
        """Target y of each step learned from, in order: shape (steps · batch, size)."""
        returns = self.replay.n_step_return(learned)
        following = self._next_outputs(self.target, row)
        chooser = self._next_outputs(self.online, row) if self.config.double else following
        # The last step of each return, as an index into the sequence.
        last = np.arange(self.config.burn_in, self._length)[:, None] + returns.taken - 1
        where = (last, np.arange(row.shape[1]))
        following, chooser = (x[where].reshape(-1, *x.shape[2:]) for x in (following, chooser))
        action = self.value_head.expectation(chooser).argmax(axis=1)
        return self.value_head.target(
            returns.reward.ravel(), returns.discount.ravel(), following[np.arange(len(action)), action]
        )

    def _next_outputs(self, approximator: Approximator, row: Int) -> Array:
        """Outputs for the successor of every step but the last: shape (T − 1, batch, actions, size)."""
        network, memory = approximator.network, approximator.network.memory
        assert memory is not None
        final = self.replay.column("final", row[:-1])
        ended = np.nonzero(final != NO_FINAL)
        with torch.no_grad():
            features = _sequence_features(
                approximator, self.replay.column("observation", row), self._begin(row)
            )
            steps, batch = features.shape[0] - 1, features.shape[1]
            flat = network.head_outputs(features[1:].flatten(0, 1))
            outputs = flat.reshape(steps, batch, *flat.shape[1:])
            if len(ended[0]):
                observation = to_tensor(self.replay.final_observation(final[ended]), approximator.device)
                after, _ = memory.step(network.body(observation), features[ended])
                outputs[ended] = network.head_outputs(after)
        return np.asarray(outputs.cpu().numpy())

    def state_dict(self) -> State:
        """State of DQN, and the memory of every environment."""
        return {**super().state_dict(), "memory": self._memory.copy()}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._memory = np.array(state["memory"])


def _step(approximator: Approximator, observation: Array, memory: Array) -> tuple[Array, Array]:
    """One step without gradient: outputs, shape (batch, actions, size), and the next memory, shape (batch, units)."""
    network = approximator.network
    assert network.memory is not None
    with torch.no_grad():
        features = network.body(to_tensor(observation, approximator.device))
        output, after = network.memory.step(features, torch.from_numpy(memory).to(approximator.device))
        return np.asarray(network.head_outputs(output).cpu().numpy()), np.asarray(after.cpu().numpy())


def _sequence_outputs(approximator: Approximator, observation: Array, begin: Bool) -> Tensor:
    """Outputs for every step of sequences, with gradient: shape (T, batch, actions, size)."""
    features = _sequence_features(approximator, observation, begin[: len(observation)])
    outputs = approximator.network.head_outputs(features.flatten(0, 1))
    return outputs.reshape(*features.shape[:2], *outputs.shape[1:])


def _sequence_features(approximator: Approximator, observation: Array, begin: Bool) -> Tensor:
    """Outputs of the recurrent layer for sequences of observations (T, batch, …): shape (T, batch, units)."""
    network = approximator.network
    assert network.memory is not None
    flat = to_tensor(observation.reshape(-1, *observation.shape[2:]), approximator.device)
    features: Tensor = network.body(flat)
    sequences = features.reshape(*observation.shape[:2], -1)
    empty = network.memory.initial(observation.shape[1])
    output: Tensor = network.memory(sequences, empty, torch.from_numpy(begin).to(empty.device))[0]
    return output
