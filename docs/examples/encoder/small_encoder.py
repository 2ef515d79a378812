"""Example of an encoder: a linear autoencoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import gymnasium as gym
import numpy as np
from torch import nn

from arena.config.options import Between
from arena.encoders.base import Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers


class SmallAutoencoder(Encoder):
    """Linear autoencoder: reconstructs the observation from a code by a linear map.

    `loss` lets it be fitted; `encode` and `latent` give codes to agents. With `decode` it would also reconstruct
    observations, and with `log_prob` score them: `arena.encoders.base` has all protocols.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyperparameters; the docstring below a field is its help text."""

        latent: Annotated[int, Between(1, None)] = 8
        """Size of the code; a larger code loses less of the observation."""

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        self.numbers = Numbers(space)  # bytes as numbers from 0 to 1, the channels of images first
        size = math.prod(self.numbers.shape)
        self.latent = gym.spaces.Box(-np.inf, np.inf, (config.latent,), np.float32)
        self.down, self.up = nn.Linear(size, config.latent), nn.Linear(config.latent, size)

    def loss(self, batch):
        x = self.numbers(batch.observation).flatten(1)
        return (self.up(self.down(x)) - x).square().mean()

    def encode(self, x, *, given=None):
        return PointMass(self.down(self.numbers(x).flatten(1)))
