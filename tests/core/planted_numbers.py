"""Agents that say of actions what is not so. See test_laws_catch.py."""

from __future__ import annotations

import numpy as np
from planted import Sound


class ForgetsToExplore(Sound):
    """What it says of exploring is that it does not."""

    def act(self, observation, memory, *, explore, generator):
        greedy, _ = super().act(observation, memory, explore=explore, generator=generator)
        anything = generator.integers(self.q.shape[1], size=len(observation))
        return np.where(explore & (generator.random(len(observation)) < 0.2), anything, greedy), None


class RatesCosts(Sound):
    def action_values(self, observation):
        return -self.q[observation]


class DrawsWhenAsked(Sound):
    def behavior_probabilities(self, observation):
        self.rng.random()
        return super().behavior_probabilities(observation)
