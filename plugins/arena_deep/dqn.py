"""Deep Q-networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from arena.agent import Agent, Needs, Problem, Progress
from arena.codec import State
from arena.errors import ArenaError
from arena.stream import Stream, Transition
from arena_deep.adam import Adam
from arena_deep.approximator import approximator
from arena_deep.distributional import Categorical
from arena_deep.dqn_options import DQNOptions
from arena_deep.noisy import Noise, draw_noise
from arena_deep.novelty import count_bonus
from arena_deep.prioritized import Priorities
from arena_deep.q_network import QNetwork
from arena_deep.replay import Batch, Int, Replay
from arena_deep.values import Scalar, Values

__all__ = ["DQN"]

Array = npt.NDArray[Any]

#: Vector steps between two yields at most, while it does not learn.
STEPS = 64

#: Transitions drawn at once at most.
MOST_ROWS = 8192

#: Draws of the noise of noisy layers by which their exploration is estimated: to within 0.06 or so.
NOISES = 64


class DQN(Agent):
    """Q-learning with a deep network, experience replay and a target network.

    After every `train_frequency` steps, `gradient_steps` times over a batch from the replay,

        y = r + γ max_a' Q̂(s', a'),   θ ← θ − α ∇_θ L(y − Q(s, a; θ)),

    where Q̂ is a copy of Q from up to `target_update_interval` updates ago, and r + γ … stands for r alone
    where the episode terminated. It acts ε-greedily.

    Every option replaces one part: `double` the choice of a', `dueling` and `noisy` the network, `n_steps` the return,
    `prioritized` the draw, `distributional` the values and L, `bonus` adds to r. All of them together are Rainbow
    (Hessel et al. 2018).

    Metrics: `loss`, the mean over the last round's updates; `q`, the mean of Q over the last batch and all actions;
    `epsilon`, unless it is noisy.

    Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning", algorithm 1.
    """

    Config = DQNOptions

    needs: ClassVar[Needs] = Needs(observations=("box",), actions=("discrete",), features=True, bonus=True)

    def __init__(self, problem: Problem, config: DQNOptions) -> None:
        super().__init__(problem, config)
        assert isinstance(problem.action_space, gym.spaces.Discrete)
        self._refuse(config)
        self.num_actions = int(problem.action_space.n)
        self.reading: Values = (
            Categorical(config.v_min, config.v_max, config.num_atoms)
            if config.distributional
            else Scalar(config.loss)
        )
        network = QNetwork(
            problem.observation_space,
            self.num_actions,
            self.reading.size,
            config,
            problem.features,
            dueling=config.dueling,
            sigma=config.noisy_sigma if config.noisy else None,
        )
        self.online, self.target = approximator(network, problem.device)
        self.adam = Adam(
            self.online.vector,
            config.learning_rate,
            epsilon=config.adam_epsilon,
            max_grad_norm=config.max_grad_norm,
        )
        self.replay = Replay(
            config.buffer_size, problem.observation_space, problem.num_envs, config.n_steps, config.discount
        )
        self.priorities = Priorities(self.replay, config.priority_exponent) if config.prioritized else None
        generators = problem.generators
        self.novelty = count_bonus(problem, config)
        self._explore, self._draws = generators.numpy("explore"), generators.numpy("replay")
        self._steps = self._updates = 0
        self._loss = self._q = 0.0

    def _refuse(self, config: DQNOptions) -> None:
        if config.memory:
            raise ArenaError("dqn learns from single steps, and so has no memory", "take drqn, which has")

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Act, remember, and every so often learn."""
        while True:
            for _ in range(min(-(-stream.remaining // stream.num_envs), STEPS)):
                self._remember(stream.step(self._behave(stream.observation)))
                rounds = self._rounds()
                if rounds:
                    self._learn(rounds * self.config.gradient_steps)
                    break
            yield stream.progress(**self._metrics())

    @property
    def epsilon(self) -> float:
        """How often it acts at random now."""
        c = self.config
        return 0.0 if c.noisy else self._on_the_way(c.epsilon, c.epsilon_final, c.epsilon_steps)

    @property
    def learning_rate(self) -> float:
        """Adam's step size now."""
        c = self.config
        final = c.learning_rate if c.learning_rate_final is None else c.learning_rate_final
        return self._on_the_way(c.learning_rate, final, c.learning_rate_steps)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Greedily by the means of noisy layers, or as in training."""
        return (self._choose(observation, generator) if explore else self._greedy(observation)), None

    def action_values(self, observation: Array) -> npt.NDArray[np.float64]:
        """Q(s, a), of noisy layers by their means: shape (batch, num_actions)."""
        return self._rate(observation).astype(np.float64)

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(s) = max_a Q(s, a): shape (batch,)."""
        return np.asarray(self.action_values(observation).max(axis=1))

    def behaviour_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | s) as it explores now: shape (batch, num_actions).

        What noisy layers choose has no closed form: theirs is the share of `NOISES` draws, the same at every call.
        """
        own = np.random.default_rng(0)
        noises = [self._noise(own) for _ in range(NOISES)] if self.config.noisy else [None]
        best = np.mean([np.eye(self.num_actions)[self._greedy(observation, n)] for n in noises], axis=0)
        return np.asarray(self.epsilon / self.num_actions + (1 - self.epsilon) * best)

    def _on_the_way(self, start: float, final: float, steps: int) -> float:
        """Where a straight line from `start` to `final`, which takes so many environment steps, is now."""
        return final if self._steps >= steps else start + (final - start) * (self._steps / steps)

    def _behave(self, observation: Array) -> Int:
        """The actions of this step."""
        return self._choose(observation, self._explore)

    def _choose(self, observation: Array, generator: np.random.Generator) -> Int:
        if self.config.noisy:
            return self._greedy(observation, self._noise(generator))
        at_random = generator.random(len(observation)) < self.epsilon
        action = generator.integers(self.num_actions, size=len(observation))
        return action if at_random.all() else np.where(at_random, action, self._greedy(observation))

    def _greedy(self, observation: Array, noise: Noise | None = None) -> Int:
        return self._rate(observation, noise).argmax(axis=1)

    def _rate(self, observation: Array, noise: Noise | None = None) -> Array:
        """Q(s, a) as the network has it: shape (batch, num_actions)."""
        return self.reading.expectation(self.online(observation, noise))

    def _remember(self, transition: Transition) -> None:
        if self.novelty is not None:
            transition.bonus[...] += self.novelty(transition.next_observation)
        self.replay.append(transition)
        if self.priorities is not None:
            self.priorities.extend()
        self._steps += self.problem.num_envs

    def _rounds(self) -> int:
        """How many multiples of `train_frequency` the last step has reached or passed, once learning has begun."""
        c = self.config
        if self._steps < c.learning_starts or not self._ready():
            return 0
        return self._steps // c.train_frequency - (self._steps - self.problem.num_envs) // c.train_frequency

    def _ready(self) -> bool:
        """Whether anything can be drawn."""
        return len(self.replay) > 0

    def _learn(self, updates: int) -> None:
        size, left, losses = self.config.batch_size, updates, 0.0
        self.adam.learning_rate = self.learning_rate
        while left:
            count = self._together(left)
            row, weight = self._draw(count * size)
            batch = self.replay.batch(row)
            # Unless the online network has a say in them, all targets are known beforehand.
            targets = None if self.config.double or self.config.noisy else self._targets(batch)
            for start in range(0, len(row), size):
                part = slice(start, start + size)
                one = Batch(*(column[part] for column in batch))
                target = self._targets(one) if targets is None else targets[part]
                outputs, loss, error = self._descend(one, target, weight)
                losses += float(loss.sum())
            if self.priorities is not None:
                self.priorities.update(row, error)
            left -= count
            self._count(count)
        self._loss = losses / (updates * size)
        self._q = float(self.reading.expectation(outputs).mean())

    def _count(self, updates: int) -> None:
        self._updates += updates
        if self._updates % self.config.target_update_interval == 0:
            self.target.follow(self.online, self.config.tau)

    def _together(self, left: int) -> int:
        """How many updates can be drawn at once: those before the target or a priority changes."""
        c = self.config
        if c.prioritized:
            return 1
        until_target = c.target_update_interval - self._updates % c.target_update_interval
        return min(left, until_target, max(1, MOST_ROWS // c.batch_size))

    def _draw(self, count: int) -> tuple[Int, Array | None]:
        if self.priorities is None:
            return self.replay.draw(self._draws, count), None
        c = self.config
        correction = self._on_the_way(c.importance_exponent, 1.0, c.importance_exponent_steps)
        return self.priorities.draw(self._draws, count, correction)

    def _targets(self, batch: Batch) -> Array:
        """The y of each transition: shape (batch, size)."""
        following = self.target(batch.next_observation, self._noise(self._draws))
        chooser = following
        if self.config.double:
            chooser = self.online(batch.next_observation, self._noise(self._draws))
        action = self.reading.expectation(chooser).argmax(axis=1)
        return self.reading.target(batch.reward, batch.discount, following[np.arange(len(action)), action])

    def _descend(self, batch: Batch, target: Array, weight: Array | None) -> tuple[Array, Array, Array]:
        """One step of Adam; the outputs before it, and the loss and error of each transition, shape (batch,)."""
        outputs = self.online.forward(batch.observation, self._noise(self._draws))
        taken = np.arange(len(target)), batch.action
        loss, slope, error = self.reading.loss(outputs[taken], target)
        if weight is not None:
            loss, slope = loss * weight, slope * weight[:, None]
        gradient = np.zeros_like(outputs)
        gradient[taken] = slope / len(target)
        self.online.backward(gradient)
        self.adam.step()
        return outputs, loss, error

    def _noise(self, generator: np.random.Generator) -> Noise | None:
        if not self.config.noisy:
            return None
        seeded = torch.Generator().manual_seed(int(generator.integers(2**63)))
        return draw_noise(self.online.network, seeded)

    def _metrics(self) -> Mapping[str, float]:
        metrics = {"loss": self._loss, "q": self._q} if self._updates else {}
        return metrics if self.config.noisy else {**metrics, "epsilon": self.epsilon}

    def state_dict(self) -> State:
        """Both networks, Adam's moments, the replay with its priorities, counts and metrics."""
        state: State = {
            **self.snapshot(),
            "target": self.target.state_dict(),
            "adam": self.adam.state_dict(),
            "replay": self.replay.state_dict(),
            "updates": self._updates,
            "metrics": {"loss": self._loss, "q": self._q},
        }
        for name in ("priorities", "novelty"):
            if (part := getattr(self, name)) is not None:
                state[name] = part.state_dict()
        return state

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        self.load_snapshot(state)
        for name in ("target", "adam", "replay", "priorities", "novelty"):
            if (part := getattr(self, name)) is not None:
                part.load_state_dict(state[name])
        self._updates = state["updates"]
        self._loss, self._q = state["metrics"]["loss"], state["metrics"]["q"]

    def snapshot(self) -> State:
        """The online network, and the steps so far, which ε follows."""
        return {"online": self.online.state_dict(), "steps": self._steps}

    def load_snapshot(self, state: State) -> None:
        """Takes them back."""
        self.online.load_state_dict(state["online"])
        self._steps = state["steps"]

    def transfer(self, state: State) -> None:
        """Begins with another run's network, its target likewise; schedules begin anew."""
        self.load_snapshot({**state, "steps": 0})
        self.target.follow(self.online, 1.0)
