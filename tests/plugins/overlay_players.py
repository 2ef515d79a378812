"""What the tests of overlays share: encoders, and who plays."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Independent, Normal

from arena.agents.actor import Estimates
from arena.encoders.base import Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.encoded_stream import ObservationEncoder
from arena.encoders.features_extractor import Features
from arena.encoders.observed_environment import ObservedEnvironment
from arena.encoders.preprocessing import Numbers
from arena.experiments.build import build_agent
from arena.random.generators import Generators
from arena.runs.resolve import resolve_experiment
from arena_viewer.overlay import OverlayContext
from arena_viewer.playback import Playback
from arena_viewer.roles import Role, untrained_role

NAMES = ["action-probabilities", "latent", "policy", "q-values", "reconstruction", "values", "visits"]
PIXELS = {"observation": "pixels", "tile_size": 2}


class Telling(Encoder):
    """Three numbers of an observation, and the way back."""

    latent = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)

    def __init__(self, space):
        super().__init__(space, None)
        torch.manual_seed(0)
        self.numbers = Numbers(space)
        size = int(np.prod(self.numbers.shape))
        self.w, self.v = nn.Linear(size, 3), nn.Linear(3, size)

    def loss(self, batch):
        return self.w(self.numbers(batch.observation).flatten(1)).sum()

    def encode(self, x, *, given=None):
        return PointMass(self.w(self.numbers(x).flatten(1)))

    def decode(self, z, *, given=None):
        told = 255 * self.v(z).sigmoid().reshape(len(z), *self.numbers.shape).movedim(1, 3)
        return Independent(Normal(told, 1.0), 3)


class Recalling(Telling):
    """The same, with all that was seen before."""

    def initial(self, batch):
        return torch.zeros(batch, 3)

    def step(self, memory, x, action=None):
        memory = memory / 2 + self.w(self.numbers(x).flatten(1))
        return memory, PointMass(memory)

    def unroll(self, memory, x, action=None, begin=None):
        raise NotImplementedError


class Person:
    """Goes right and says nothing."""

    version = 0

    def reset(self):
        pass

    def act(self, observation, *, explore=False):
        return 1

    def estimates(self):
        return Estimates()


def through(encoder_class, joint=False):
    """A role that sees FourRooms through an encoder, in front of the agent or in it."""
    experiment = resolve_experiment("dqn", "arena/FourRooms-v0", env_options=PIXELS)
    space = experiment.factory.properties.observation_space
    encoder = None if joint else ObservationEncoder(encoder_class(space), space, "cpu")
    features = Features(encoder_class(space), None) if joint else None
    environment = ObservedEnvironment(experiment.factory, encoder)
    agent = build_agent(experiment, environment, Generators(0), features=features)
    return Role("dqn", agent, environment, 0, 40)


def fresh(agent, env, **settings):
    return untrained_role(resolve_experiment(agent, env, **settings))


def play(player, steps):
    for _ in range(steps):
        if not player.advance():
            player.begin(player.episode + 1)


def at_newest(found, shown):
    """A show of the newest moment."""
    playback = Playback(found, overlays=shown)
    playback.seek(playback.newest)
    return playback


def context_of(player, cell=None, moment=None):
    moment = moment or player.now
    cells = hasattr(player.painter, "cell")
    cell = player.painter.cell(moment.scene) if cells and cell is None else cell
    return OverlayContext(player, moment, cell, hovers=True)
