"""Evaluation of an agent over whole episodes without exploration, with the same episode seeds every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena.agents.base import Agent
from arena.encoders.observed_environment import ObservedEnvironment
from arena.random.generators import Generators, derive, reset_seed
from arena.streams.base import Stream

__all__ = ["Evaluator", "evaluation_episode_seed", "evaluation_seed"]

#: Maximum number of parallel instances of an ordinary Gymnasium environment, all in this process.
MOST_INSTANCES = 10


class Evaluator:
    """Evaluator: plays episodes with an agent and returns their undiscounted returns.

    Every call uses the same episode seeds and random numbers, so that evaluations of one run differ by the agent
    alone, and those of a resumed run equal those of an uninterrupted one.

    Args:
        environment: as the agent observes it.
        agent_class: the agent's class, whose needs decide the form of observations and actions.
        horizon: maximum length of an episode, in steps.
        episodes: number of episodes.
        seed: the run's seed, from which the evaluation's seed is derived.
    """

    def __init__(
        self,
        environment: ObservedEnvironment,
        agent_class: type[Agent],
        horizon: int,
        episodes: int,
        seed: int,
    ) -> None:
        self.environment, self.needs = environment, agent_class.needs
        self.horizon, self.episodes, self._run_seed = horizon, episodes, seed
        self.seed = evaluation_seed(seed)
        self._stream: Stream | None = None

    def __call__(self, agent: Agent) -> npt.NDArray[np.float64]:
        """Play the episodes and return their undiscounted returns, shape (episodes,), lane by lane."""
        generators = Generators(self.seed)
        # Environments use these generators too: one that draws from the global ones repeats itself every time.
        with generators.lent("act"):
            return self._play(agent, self._begin(), generators.numpy("act"))

    def _play(self, agent: Agent, stream: Stream, generator: np.random.Generator) -> npt.NDArray[np.float64]:
        lanes = stream.num_envs
        quota = np.full(lanes, self.episodes // lanes)
        quota[: self.episodes % lanes] += 1
        returns: list[list[float]] = [[] for _ in range(lanes)]
        total = np.zeros(lanes)
        memory = None
        # Each lane counts a fixed number of its first episodes: taking the first to finish would favour short ones.
        while any(len(found) < n for found, n in zip(returns, quota, strict=True)):
            action, memory = agent.act(stream.observation, memory, explore=False, generator=generator)
            transition = stream.step(action)
            total += transition.reward
            done = transition.terminated | transition.truncated
            for lane in np.flatnonzero(done):
                returns[lane].append(float(total[lane]))
                total[lane] = 0.0
            if done.any():
                memory = agent.reset_memory(memory, done)
        return np.array([found for lane, n in zip(returns, quota, strict=True) for found in lane[:n]])

    def close(self) -> None:
        """Close the environments."""
        if self._stream is not None:
            self._stream.close()

    def _begin(self) -> Stream:
        if self._stream is None:
            lanes = (
                self.episodes if self.environment.factory.is_native else min(self.episodes, MOST_INSTANCES)
            )
            self._stream = self.environment.open_stream(lanes, self.needs, self._seed_of, limit=self.horizon)
        self._stream.begin()
        return self._stream

    def _seed_of(self, lane: int, episode: int) -> int:
        return evaluation_episode_seed(self._run_seed, lane, episode)


def evaluation_seed(seed: int) -> int:
    """Seed from which all random numbers of a run's evaluations are derived."""
    return derive(seed, "evaluation", bits=64)


def evaluation_episode_seed(seed: int, lane: int, episode: int = 0) -> int:
    """Seed of one evaluation episode, in [0, 2³¹).

    Args:
        seed: the run's seed.
        lane: index of the parallel environment.
        episode: number of earlier episodes of this lane.
    """
    return reset_seed(evaluation_seed(seed), "episode", lane, episode)
