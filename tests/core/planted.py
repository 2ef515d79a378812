"""A sound agent, and copies of it with one defect each; environments that lie. See test_laws_catch.py."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from arena.agents.base import Agent, Needs


class Sound(Agent):
    """Expected nothing, forgets nothing: SARSA in plain Python."""

    @dataclass(frozen=True)
    class Config:
        """Hyperparameters."""

        discount: float = 0.9
        """Discount factor, in [0, 1]: weight of a reward one step later."""

        learning_rate: float = 0.5
        """Learning rate, in (0, 1]: the fraction of the distance to the target."""

    needs: ClassVar[Needs] = Needs(observations=("discrete",), actions=("discrete",))

    def __init__(self, problem, config):
        super().__init__(problem, config)
        self.q = np.zeros((problem.observation_space.n, problem.action_space.n))
        self.rng = self.generator()
        self.pending = np.full(problem.num_envs, -1)
        self.updates = 0

    def generator(self):
        return self.problem.generators.numpy("explore")

    def choose(self, observation):
        greedy = (self.q[observation] + 1e-3 * self.rng.random(self.q[observation].shape)).argmax(axis=1)
        anything = self.rng.integers(self.q.shape[1], size=len(observation))
        return np.where(self.rng.random(len(observation)) < 0.3, anything, greedy)

    def follows(self, transition):
        """Where the successor's value counts."""
        return ~transition.terminated

    def learning_rate(self):
        return self.config.learning_rate

    def once(self, stream):
        action = self.pending.copy()
        if (action < 0).any():
            action = np.where(action < 0, self.choose(stream.observation), action)
        t = stream.step(action)
        successor = self.choose(t.next_observation)
        future = self.q[t.next_observation, successor] * self.follows(t)
        for i, target in enumerate(t.reward + self.config.discount * future):
            cell = t.observation[i], t.action[i]
            self.q[cell] += self.learning_rate() * (target - self.q[cell])
        self.pending = np.where(t.terminated | t.truncated, -1, successor)
        self.updates += 1

    def train(self, stream):
        while True:
            self.once(stream)
            yield stream.progress(updates=self.updates)

    def act(self, observation, memory, *, explore, generator):
        return self.q[observation].argmax(axis=1), None

    def values(self, observation):
        return self.q[observation].max(axis=1)

    def action_values(self, observation):
        return self.q[observation]

    def behavior_probabilities(self, observation):
        return np.eye(self.q.shape[1])[self.q[observation].argmax(axis=1)]

    def state_dict(self):
        return {"q": self.q.copy(), "pending": self.pending.copy(), "updates": self.updates}

    def load_state_dict(self, state):
        self.q[...] = state["q"]
        self.updates = state["updates"]
        if len(state["pending"]) == len(self.pending):
            self.pending[...] = state["pending"]


class ForgetsPending(Sound):
    def state_dict(self):
        return {"q": self.q.copy(), "updates": self.updates}

    def load_state_dict(self, state):
        super().load_state_dict({**state, "pending": np.full(len(self.pending), -1)})


class CountsOutside(Sound):
    """Its step size decays with a count that is not in the state."""

    count = 0

    def learning_rate(self):
        self.count += 1
        return 0.5 / (1 + 0.01 * self.count)


class CodeBeforeTheLoop(Sound):
    """What stands before the loop is not idempotent."""

    def train(self, stream):
        self.q += 0.25
        yield from super().train(stream)


class ForgetsMetrics(Sound):
    """Its metrics begin with the session."""

    def train(self, stream):
        for turn, progress in enumerate(super().train(stream)):
            yield stream.progress(turn=turn, steps=progress.steps)


class MetricsOfChunks(Sound):
    def train(self, stream):
        while True:
            chunk = min(5, stream.remaining)
            for _ in range(chunk):
                self.once(stream)
            yield stream.progress(chunk=chunk)


class DecaysByYields(Sound):
    def train(self, stream):
        while True:
            for _ in range(min(10, stream.remaining)):
                self.once(stream)
            self.q *= 0.99
            yield stream.progress()


class TruncationEnds(Sound):
    def follows(self, transition):
        return ~(transition.terminated | transition.truncated)


class EndsGoOn(Sound):
    def follows(self, transition):
        return np.ones_like(transition.terminated)


class BootstrapsFromTheReset(Sound):
    """Takes where the next episode begins for the successor."""

    def once(self, stream):
        t = stream.step(self.choose(stream.observation))
        future = self.q[stream.observation].max(axis=1) * self.follows(t)
        for i, target in enumerate(t.reward + self.config.discount * future):
            self.q[t.observation[i], t.action[i]] += 0.5 * (target - self.q[t.observation[i], t.action[i]])


class CentresTheBatch(Sound):
    def act(self, observation, memory, *, explore, generator):
        q = self.q[observation]
        return (q - q.mean(axis=0)).argmax(axis=1), None


class ActsByGlobals(Sound):
    def act(self, observation, memory, *, explore, generator):
        return np.random.randint(0, self.q.shape[1], len(observation)), None


class LearnsByActing(Sound):
    def act(self, observation, memory, *, explore, generator):
        self.updates += 1
        return super().act(observation, memory, explore=explore, generator=generator)


class ActsOutside(Sound):
    def act(self, observation, memory, *, explore, generator):
        return np.full(len(observation), self.q.shape[1]), None


class ActsForOne(Sound):
    def act(self, observation, memory, *, explore, generator):
        return self.q[observation[0]].argmax(), None


class HashSeeded(Sound):
    def generator(self):
        return np.random.default_rng(abs(hash(type(self).__name__)))


class EntropySeeded(Sound):
    def generator(self):
        return np.random.default_rng()


class SeedBlind(Sound):
    def generator(self):
        return np.random.default_rng(0)


class LossyLoad(Sound):
    def learning_rate(self):
        return 1 / 3  # makes numbers that float32 lacks

    def load_state_dict(self, state):
        super().load_state_dict({**state, "q": state["q"].astype(np.float32)})


class HoldsASet(Sound):
    def state_dict(self):
        return {**super().state_dict(), "seen": {1, 2}}


class EmptySnapshot(Sound):
    def snapshot(self):
        return {"updates": self.updates}

    def load_snapshot(self, state):
        self.updates = state["updates"]


class CountsSnapshots(Sound):
    def snapshot(self):
        self.updates += 1
        return {"q": self.q}


class DrawsForSnapshots(Sound):
    def snapshot(self):
        self.rng.random()
        return super().snapshot()


class NoisySnapshot(Sound):
    def snapshot(self):
        return {"q": self.q + 1e-9 * np.random.random(self.q.shape)}


class TransfersNothing(Sound):
    def transfer(self, state):
        pass


class LendsAcrossTheYield(Sound):
    def train(self, stream):
        with self.problem.generators.lent("train"):
            yield from super().train(stream)


class DrawsFromGlobals(Sound):
    """Harmless while the runner lends the run's generators; see the test that takes the lending away."""

    def once(self, stream):
        self.q[0] += 1e-3 * np.random.random() + 1e-3 * random.random()
        super().once(stream)


class NeverSteps(Sound):
    def train(self, stream):
        while True:
            yield stream.progress()


class OtherFastPath(Sound):
    def choose(self, observation):
        return super().choose(observation) if self.slow else np.zeros(len(observation), dtype=np.int64)

    def train(self, stream):
        self.slow = stream.tabular is None
        yield from super().train(stream)


class NoHelp(Sound):
    @dataclass(frozen=True)
    class Config:
        discount: float = 0.9
        """Discount factor, in [0, 1]: weight of a reward one step later."""

        learning_rate: float = 0.5
