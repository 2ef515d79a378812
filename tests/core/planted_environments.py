"""Environments with planted defects, and sound ones beside them; see test_laws_catch.py."""

from __future__ import annotations

import random
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from arena.environments.mdp import TransitionModel
from arena.environments.tabular import TableEnv, TableVectorEnv


def corridor(slip: float = 0.25, reward: float = 1.0) -> TransitionModel:
    """Five cells; right goes right but for a slip, left goes left; the last cell ends the episode."""
    rows = []
    for state in range(5):
        left = (1.0, max(0, state - 1), 0.0, False)
        right = (min(4, state + 1), reward if state >= 3 else 0.0, state >= 3)
        rows += [[left], [(1 - slip, *right), (slip, state, 0.0, False)]]
    return TransitionModel.from_rows(5, 2, rows, [0.5, 0.5, 0, 0, 0])


class Honest(TableEnv):
    def __init__(self, render_mode=None):
        super().__init__(corridor(), render_mode)


class LiesAboutChance(Honest):
    def __init__(self, render_mode=None):
        super().__init__(render_mode)
        self.model = corridor(slip=0.1)


class LiesAboutReward(Honest):
    def __init__(self, render_mode=None):
        super().__init__(render_mode)
        self.model = corridor(reward=2.0)


class LiesAboutTheStart(Honest):
    def __init__(self, render_mode=None):
        super().__init__(render_mode)
        model = corridor()
        arrays = model.indptr, model.successor, model.probability, model.reward, model.terminated
        self.model = TransitionModel(5, 2, *arrays, initial=[0.9, 0.1, 0, 0, 0])


class HonestVector(TableVectorEnv):
    def __init__(self, num_envs=1, max_episode_steps=None):
        super().__init__(corridor(), num_envs, max_episode_steps)


class ShuffledLanes(HonestVector):
    def begin(self, seeds):
        super().begin(seeds[::-1])


class OtherDynamics(HonestVector):
    def __init__(self, num_envs=1, max_episode_steps=None):
        TableVectorEnv.__init__(self, corridor(slip=0.3), num_envs, max_episode_steps)


class ForgetsTheLimit(HonestVector):
    def __init__(self, num_envs=1, max_episode_steps=None):
        super().__init__(num_envs, 1 + (max_episode_steps or 1000))


class OutsideItsSpace(gym.Env):
    observation_space = gym.spaces.Discrete(3)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 3, {}

    def step(self, action):
        return 0, 0.0, True, False, {}


class DrawsFromGlobalsEnv(gym.Env):
    """Its randomness is the process's: lent by the runner, and so repeatable, but not from its seed."""

    observation_space = gym.spaces.Discrete(3)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return int(np.random.randint(3)), {}

    def step(self, action):
        return int(np.random.randint(3)), random.random(), bool(np.random.random() < 0.1), False, {}


@dataclass(frozen=True)
class HelplessOptions:
    size: int = 3


class Counting(gym.Wrapper):
    """A third-party wrapper with hidden state: from the thirtieth episode on, the reward tells how many there were."""

    count = 0
    first = 30

    def reset(self, **options):
        self.count += 1
        return self.env.reset(**options)

    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, reward + max(0, self.count - self.first), *rest


class CountingAtOnce(Counting):
    first = 0


class RaisesLate(gym.Wrapper):
    """Raises in the middle of an episode, at its two-hundredth step."""

    steps = 0

    def step(self, action):
        self.steps += 1
        if self.steps == 200:
            raise ValueError("the motor is on fire")
        return self.env.step(action)
