"""Evaluation: whole episodes, not exploring, on the same episodes every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena.agents.base import Agent
from arena.encoders.observed_environment import ObservedEnvironment
from arena.random.generators import Generators, derive, reset_seed
from arena.streams.base import Stream

__all__ = ["Evaluator", "evaluation_episode_seed", "evaluation_seed"]

#: Anyone's environments are instances in this process: so many side by side at most.
MOST_INSTANCES = 10


class Evaluator:
    """Plays an agent's episodes.

    Every call plays the same episodes with the same random numbers, whatever happened before, so that evaluations
    of one run differ by the agent alone, and a resumed run's are an uninterrupted one's.

    Args:
        environment: as the agent observes it.
        agent_class: whose needs say how it is seen.
        horizon: the longest episode, in steps.
        episodes: how many.
        seed: of the run; evaluation derives its own from it.
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
        """Undiscounted returns, shape (episodes,), lane by lane."""
        generators = Generators(self.seed)
        # Environments are lent the generators too: one that draws from the global ones plays the same every time.
        with generators.lent("act"):
            return self._play(agent, self._begin(), generators.numpy("act"))

    def _play(self, agent: Agent, stream: Stream, generator: np.random.Generator) -> npt.NDArray[np.float64]:
        lanes = stream.num_envs
        quota = np.full(lanes, self.episodes // lanes)
        quota[: self.episodes % lanes] += 1
        returns: list[list[float]] = [[] for _ in range(lanes)]
        total = np.zeros(lanes)
        memory = None
        # A lane gives its first episodes, as many as its quota: the first to finish anywhere would be the short ones.
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
        """Closes the environments."""
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
    """What the randomness of evaluations derives from, under a run's seed."""
    return derive(seed, "evaluation", bits=64)


def evaluation_episode_seed(seed: int, lane: int, episode: int = 0) -> int:
    """The seed of an evaluation's episode, in [0, 2³¹).

    Args:
        seed: of the run.
        lane: which of the parallel environments.
        episode: how many episodes the lane has had before.
    """
    return reset_seed(evaluation_seed(seed), "episode", lane, episode)
