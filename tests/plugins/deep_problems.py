"""Small problems for deep agents, with answers known exactly."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit

from arena import testing
from arena.environments.mdp import TransitionModel
from arena.environments.tabular import TableEnv

#: Discount factor of the corridor.
DISCOUNT = 0.8

#: Laws of agents for the options that no preset has; one pace and one plan of interruptions each are enough here.
LAWS = {
    law.__name__: partial(law, **settings)
    for law, settings in (
        (testing.acts_from_its_generator, {}),
        (testing.acts_in_its_space, {}),
        (testing.batch_equals_singles, {}),
        (testing.boundaries_change_nothing, {"paces": (7,)}),
        (testing.resumes_exactly, {"plans": ((2, 7, 11, 50),)}),
        (testing.same_seed_same_bytes, {}),
        (testing.state_round_trips, {}),
        (testing.transfers, {}),
    )
}


def corridor_model() -> TransitionModel:
    """Five cells: left goes left for a reward of 0.1; right goes right, from the last to an end and a reward of 1."""
    rows = []
    for cell in range(5):
        rows += [
            [(1.0, max(0, cell - 1), 0.1, False)],
            [(1.0, min(4, cell + 1), float(cell == 4), cell == 4)],
        ]
    return TransitionModel.from_rows(5, 2, rows, np.full(5, 0.2))


def corridor(limit: int = 7, render_mode: str | None = None) -> gym.Env:
    """The corridor, cut off after some steps."""
    return TimeLimit(TableEnv(corridor_model(), render_mode), limit)


def corridor_q() -> np.ndarray:
    """Q* of the corridor: shape (5, 2)."""
    q = np.zeros((5, 2))
    for _ in range(200):
        v = q.max(axis=1)
        for cell in range(5):
            q[cell, 0] = 0.1 + DISCOUNT * v[max(0, cell - 1)]
            q[cell, 1] = 1.0 if cell == 4 else DISCOUNT * v[cell + 1]
    return q


class Recall(gym.Env):
    """Shows a sign at the first step only; two steps later the action must be that sign: a guess without memory."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.sign, self.steps = int(self.np_random.integers(2)), 0
        return np.array([2 * self.sign - 1, 0], np.float32), {}

    def step(self, action):
        self.steps += 1
        ended = self.steps == 3
        reward = (1.0 if action == self.sign else -1.0) if ended else 0.0
        return np.array([0, self.steps / 3], np.float32), reward, ended, False, {}
