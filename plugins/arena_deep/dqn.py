"""Deep Q-networks (DQN), with the improvements of Rainbow as options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from arena.agents.base import Agent, Needs, Problem
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress, Stream, Transition
from arena_deep.adam import Adam
from arena_deep.approximator import online_and_target
from arena_deep.distributional import CategoricalValueHead
from arena_deep.dqn_options import DQNOptions
from arena_deep.noisy import Noise, draw_noise
from arena_deep.novelty import count_bonus
from arena_deep.prioritized import Priorities
from arena_deep.q_network import QNetwork
from arena_deep.replay_buffer import Batch, Int, ReplayBuffer
from arena_deep.schedules import linear_schedule, steps_until_yield
from arena_deep.value_heads import ScalarValueHead, ValueHead

__all__ = ["DQN"]

Array = npt.NDArray[Any]

#: Greatest number of transitions sampled at once.
MAX_ROWS = 8192

#: Noise samples by which the exploration of noisy layers is estimated: to within about 0.06.
NOISE_SAMPLES = 64


class DQN(Agent):
    """Q-learning with a deep network, a replay buffer and a target network.

    After every `train_frequency` environment steps, `gradient_steps` times over a minibatch from the replay buffer,

        y = r + γ max_a' Q̂(s', a'),   θ ← θ − α ∇_θ L(y − Q(s, a; θ)),

    where Q̂ is the target network, a copy of Q from up to `target_update_interval` updates ago, and y = r where the
    episode terminated. Actions are ε-greedy.

    Every option replaces one part: `double` the choice of a', `dueling` and `noisy` the network, `n_steps` the return,
    `prioritized` the sampling, `distributional` the values and L, `bonus` adds to r. All of them but `bonus` together
    are Rainbow (Hessel et al. 2018).

    Metrics: `loss`, the mean over the last round's updates; `q`, the mean of Q over the last minibatch and all actions;
    `epsilon`, absent with noisy layers.

    Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning", algorithm 1.
    """

    @dataclass(frozen=True)
    class Config(DQNOptions):
        """Hyperparameters of DQN."""

    config: DQNOptions

    needs: ClassVar[Needs] = Needs(observations=("box",), actions=("discrete",), features=True, bonus=True)

    def __init__(self, problem: Problem, config: DQNOptions) -> None:
        super().__init__(problem, config)
        assert isinstance(problem.action_space, gym.spaces.Discrete)
        self._check(config)
        self.num_actions = int(problem.action_space.n)
        self.value_head: ValueHead = (
            CategoricalValueHead(config.v_min, config.v_max, config.num_atoms)
            if config.distributional
            else ScalarValueHead(config.loss)
        )
        network = QNetwork(
            problem.observation_space,
            self.num_actions,
            self.value_head.size,
            config,
            problem.features,
            dueling=config.dueling,
            sigma=config.noisy_sigma if config.noisy else None,
        )
        self.online, self.target = online_and_target(network, problem.device)
        self.adam = Adam(
            self.online.vector,
            config.learning_rate,
            epsilon=config.adam_epsilon,
            max_grad_norm=config.max_grad_norm,
        )
        self.replay = ReplayBuffer(
            config.buffer_size, problem.observation_space, problem.num_envs, config.n_steps, config.discount
        )
        self.priorities = Priorities(self.replay, config.priority_exponent) if config.prioritized else None
        generators = problem.generators
        self.novelty = count_bonus(problem, config)
        self._exploration, self._sampling = generators.numpy("explore"), generators.numpy("replay")
        self._steps = self._updates = 0
        self._loss = self._mean_q = 0.0

    def _check(self, config: DQNOptions) -> None:
        """Refuse options that this agent cannot have."""
        if config.memory:
            raise ArenaError(
                "dqn has no recurrent layer, since it learns from single steps",
                "choose drqn, or leave out memory",
            )

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Act, store the transition, and after every `train_frequency` steps update Q."""
        while True:
            for _ in range(steps_until_yield(stream)):
                action = self._behaviour(stream.observation)
                self._store(stream.step(action))
                updates = self._updates_due()
                if updates:
                    self._update(updates)
                    break
            yield stream.progress(**self._metrics())

    @property
    def epsilon(self) -> float:
        """Current probability of a random action: 0 with noisy layers."""
        c = self.config
        if c.noisy:
            return 0.0
        return linear_schedule(c.epsilon, c.epsilon_final, c.epsilon_steps, self._steps)

    @property
    def learning_rate(self) -> float:
        """Current learning rate of Adam."""
        c = self.config
        final = c.learning_rate if c.learning_rate_final is None else c.learning_rate_final
        return linear_schedule(c.learning_rate, final, c.learning_rate_steps, self._steps)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Actions of the greedy policy (noisy layers by their means), or of the behaviour policy."""
        if explore:
            return self._sample_action(observation, generator), None
        return self._greedy_action(observation), None

    def action_values(self, observation: Array) -> npt.NDArray[np.float64]:
        """Q(s, a), of noisy layers by their means: shape (batch, num_actions)."""
        return self._q_values(observation).astype(np.float64)

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(s) = max_a Q(s, a): shape (batch,)."""
        return np.asarray(self.action_values(observation).max(axis=1))

    def behavior_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | s) of the current behaviour policy: shape (batch, num_actions).

        For noisy layers there is no closed form: theirs is the relative frequency in `NOISE_SAMPLES` samples, the same
        ones at every call.
        """
        fixed = np.random.default_rng(0)
        noises = [self._noise(fixed) for _ in range(NOISE_SAMPLES)] if self.config.noisy else [None]
        best = np.mean(
            [np.eye(self.num_actions)[self._greedy_action(observation, n)] for n in noises], axis=0
        )
        return np.asarray(self.epsilon / self.num_actions + (1 - self.epsilon) * best)

    def _behaviour(self, observation: Array) -> Int:
        """Actions of the behaviour policy in training: shape (num_envs,)."""
        return self._sample_action(observation, self._exploration)

    def _sample_action(self, observation: Array, generator: np.random.Generator) -> Int:
        """ε-greedy actions; with noisy layers, greedy ones under sampled noise."""
        if self.config.noisy:
            return self._greedy_action(observation, self._noise(generator))
        random = generator.random(len(observation)) < self.epsilon
        action = generator.integers(self.num_actions, size=len(observation))
        return action if random.all() else np.where(random, action, self._greedy_action(observation))

    def _greedy_action(self, observation: Array, noise: Noise | None = None) -> Int:
        """argmax_a Q(s, a): shape (batch,)."""
        return np.asarray(self._q_values(observation, noise).argmax(axis=1))

    def _q_values(self, observation: Array, noise: Noise | None = None) -> Array:
        """Q(s, a) in the network's precision: shape (batch, num_actions)."""
        return self.value_head.expectation(self.online(observation, noise))

    def _store(self, transition: Transition) -> None:
        """Append a step of every environment to the replay buffer."""
        if self.novelty is not None:
            transition.bonus[...] += self.novelty(transition.next_observation)
        self.replay.append(transition)
        if self.priorities is not None:
            self.priorities.extend()
        self._steps += self.problem.num_envs

    def _updates_due(self) -> int:
        """Number of updates due now: `gradient_steps` for each multiple of `train_frequency` that the step reached."""
        c = self.config
        if self._steps < c.learning_starts or not self._can_sample():
            return 0
        rounds = self._steps // c.train_frequency - (self._steps - self.problem.num_envs) // c.train_frequency
        return int(rounds * c.gradient_steps)

    def _can_sample(self) -> bool:
        """True once the replay buffer holds a complete transition."""
        return len(self.replay) > 0

    def _update(self, updates: int) -> None:
        """Update Q that many times, each over a minibatch from the replay buffer."""
        self.adam.learning_rate = self.learning_rate
        size, loss_sum, remaining = self.config.batch_size, 0.0, updates
        while remaining:
            # Several minibatches are sampled at once, up to the next change of the target network.
            count = self._updates_per_draw(remaining)
            row, weight = self._sample(count * size)
            batch = self.replay.batch(row)
            # Unless the online network takes part in them, their targets do not change with the updates.
            targets = None if self.config.double or self.config.noisy else self._targets(batch)
            for start in range(0, count * size, size):
                part = slice(start, start + size)
                minibatch = batch.rows(part)
                target = self._targets(minibatch) if targets is None else targets[part]
                outputs, loss, error = self._gradient_step(minibatch, target, weight)
                loss_sum += float(loss.sum())
            if self.priorities is not None:
                self.priorities.update(row, error)
            remaining -= count
            self._count_updates(count)
        self._loss = loss_sum / (updates * size)
        self._mean_q = float(self.value_head.expectation(outputs).mean())

    def _targets(self, batch: Batch) -> Array:
        """Target y of each transition: shape (batch, size)."""
        following = self.target(batch.next_observation, self._noise(self._sampling))
        chooser = following
        if self.config.double:
            chooser = self.online(batch.next_observation, self._noise(self._sampling))
        action = self.value_head.expectation(chooser).argmax(axis=1)
        return self.value_head.target(batch.reward, batch.discount, following[np.arange(len(action)), action])

    def _gradient_step(self, batch: Batch, target: Array, weight: Array | None) -> tuple[Array, Array, Array]:
        """One step of Adam towards the targets.

        Args:
            batch: the transitions.
            target: y, shape (batch, size).
            weight: importance weights, shape (batch,); None: all 1.

        Returns:
            The outputs before the step, shape (batch, num_actions, size); the loss and the error of each transition,
            shape (batch,).
        """
        outputs = self.online.forward(batch.observation, self._noise(self._sampling))
        taken = np.arange(len(target)), batch.action
        loss, slope, error = self.value_head.loss(outputs[taken], target)
        if weight is not None:
            loss, slope = loss * weight, slope * weight[:, None]
        gradient = np.zeros_like(outputs)
        gradient[taken] = slope / len(target)
        self.online.backward(gradient)
        self.adam.step()
        return outputs, loss, error

    def _count_updates(self, updates: int) -> None:
        """Count updates, and update the target network where its interval ends."""
        self._updates += updates
        if self._updates % self.config.target_update_interval == 0:
            self.target.update_towards(self.online, self.config.tau)

    def _updates_per_draw(self, remaining: int) -> int:
        """Number of minibatches to sample at once: until the target network or a priority changes."""
        c = self.config
        if c.prioritized:
            return 1
        until_target = c.target_update_interval - self._updates % c.target_update_interval
        return int(min(remaining, until_target, max(1, MAX_ROWS // c.batch_size)))

    def _sample(self, count: int) -> tuple[Int, Array | None]:
        """Rows of the replay buffer, and their importance weights where it is prioritized: shapes (count,)."""
        if self.priorities is None:
            return self.replay.sample(self._sampling, count), None
        c = self.config
        exponent = linear_schedule(c.importance_exponent, 1.0, c.importance_exponent_steps, self._steps)
        return self.priorities.sample(self._sampling, count, exponent)

    def _noise(self, generator: np.random.Generator) -> Noise | None:
        """Noise of the noisy layers for one call of a network; None without such layers."""
        if not self.config.noisy:
            return None
        seeded = torch.Generator().manual_seed(int(generator.integers(2**63)))
        return draw_noise(self.online.network, seeded)

    def _metrics(self) -> Mapping[str, float]:
        metrics = {"loss": self._loss, "q": self._mean_q} if self._updates else {}
        return metrics if self.config.noisy else {**metrics, "epsilon": self.epsilon}

    def state_dict(self) -> State:
        """State of both networks, Adam, the replay buffer with its priorities, the bonus, and all counters."""
        state: State = {
            **self.snapshot(),
            "target": self.target.state_dict(),
            "adam": self.adam.state_dict(),
            "replay": self.replay.state_dict(),
            "updates": self._updates,
            "metrics": {"loss": self._loss, "q": self._mean_q},
        }
        for name in ("priorities", "novelty"):
            if (part := getattr(self, name)) is not None:
                state[name] = part.state_dict()
        return state

    def load_state_dict(self, state: State) -> None:
        """Restore all of training."""
        self.load_snapshot(state)
        for name in ("target", "adam", "replay", "priorities", "novelty"):
            if (part := getattr(self, name)) is not None:
                part.load_state_dict(state[name])
        self._updates = state["updates"]
        self._loss, self._mean_q = state["metrics"]["loss"], state["metrics"]["q"]

    def snapshot(self) -> State:
        """The online network, and the number of steps so far, on which ε depends."""
        return {"online": self.online.state_dict(), "steps": self._steps}

    def load_snapshot(self, state: State) -> None:
        """Restore the online network and the number of steps."""
        self.online.load_state_dict(state["online"])
        self._steps = state["steps"]

    def transfer(self, state: State) -> None:
        """Start from another run's network, as online and as target network; schedules start at step 0."""
        self.load_snapshot({**state, "steps": 0})
        self.target.update_towards(self.online, 1.0)
