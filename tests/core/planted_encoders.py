"""A sound autoencoder that perceives, and copies of it with one defect each. See test_encoder_laws_catch.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Distribution, Independent, Normal

from arena.config.options import Between
from arena.encoders.base import Encoder, OptimizationGroup
from arena.encoders.distributions import PointMass
from arena.encoders.preprocessing import Numbers, observations
from arena.errors import ArenaError

CODES = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)


class Reconstruction(Distribution):
    """N(numbers, 0.1²), whose mode and draws are observations."""

    arg_constraints: ClassVar = {}

    def __init__(self, numbers, space):
        self.numbers, self.space = numbers, space
        split = numbers.dim() - len(space.shape)
        super().__init__(numbers.shape[:split], numbers.shape[split:], validate_args=False)

    @property
    def mean(self):
        return self.numbers

    @property
    def mode(self):
        return self.observed(self.numbers)

    def sample(self, shape=torch.Size()):  # noqa: B008
        noise = 0.1 * torch.randn(*shape, *self.mean.shape)
        return self.observed((self.mean + noise).detach())

    def observed(self, numbers):
        lead = numbers.shape[: numbers.dim() - len(self.space.shape)]
        return observations(numbers.reshape(*lead, *Numbers(self.space).shape), self.space)


class Sound(Encoder):
    """A linear autoencoder of numbers or grey pictures that also tells the class and the state."""

    @dataclass(frozen=True)
    class Config:
        width: Annotated[int, Between(1, None)] = 6
        """Units of the layer before the code."""

        drop: Annotated[float, Between(0, 1, open_high=True)] = 0.1
        """The share of units left out while it learns."""

    required_labels: ClassVar = ("class", "state")

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        if not isinstance(space, gym.spaces.Box) or (len(space.shape) > 1 and space.shape[-1] > 1):
            raise ArenaError(f"{space} holds no grey pictures and no numbers", "take others")
        if not {"class", "state"} <= self.labels.keys():
            raise ArenaError("there is no class, or no state", "ask for labels")
        self.numbers, self.latent = Numbers(space), CODES
        size = math.prod(space.shape)
        self.down = nn.Linear(size, config.width)
        self.code = nn.Linear(config.width, 4)
        self.up = nn.Linear(4, size)
        self.tell = nn.Linear(4, 5)
        self.register_buffer("offset", torch.zeros(4))

    def features(self, x):
        return self.down(self.numbers(x).flatten(1)).tanh()

    def look(self, x):
        return self.code(self.features(x)) + self.offset

    def loss(self, batch):
        h = self.features(batch.observation)
        z = self.code(nn.functional.dropout(h, self.config.drop, self.training)) + self.offset
        wrong = (self.up(z) - self.numbers(batch.observation).flatten(1)).square().mean()
        told = self.tell(z)
        logits, state = told[:, :3], told[:, 3:]
        cost = nn.functional.cross_entropy(logits, batch.labels["class"] - 1)
        self.metrics = {"cost": cost.detach()}
        return wrong + cost + (state - batch.labels["state"]).square().mean()

    def shape(self, z):
        return (*z.shape[:-1], *self.space.shape)

    def encode(self, x, *, given=None):
        return PointMass(self.look(x))

    def decode(self, z, *, given=None):
        return Reconstruction(self.up(z).reshape(self.shape(z)), self.space)

    def perceive(self, x):
        told = self.tell(self.look(x))
        return {"class": told[:, :3].argmax(1) + 1, "state": told[:, 3:].clamp(-1, 1)}


class NoHelp(Sound):
    @dataclass(frozen=True)
    class Config(Sound.Config):
        height: Annotated[int, Between(1, None)] = 6


class ChokesOnOptions(Sound):
    @dataclass(frozen=True)
    class Config(Sound.Config):
        width: int = 6
        """Units of the layer before the code; a negative number makes torch raise."""


class ChokesOnSpaces(Sound):
    def __init__(self, space, config, labels=None):
        super().__init__(gym.spaces.Box(-2, 2, space.shape[:1], np.float32), config, labels)
        self.space = space


class FailsLater(Sound):
    def features(self, x):
        assert x.shape[1] > 1
        return super().features(x)


class LossOfShape(Sound):
    def loss(self, batch):
        return super().loss(batch)[None]


class LossOfGlobals(Sound):
    def __init__(self, *args):
        super().__init__(*args)
        self.number = float(np.random.default_rng().random())

    def loss(self, batch):
        return super().loss(batch) + self.number


class InfiniteLoss(Sound):
    def loss(self, batch):
        return super().loss(batch) - torch.zeros(()).log()


class IdleParameter(Sound):
    def __init__(self, *args):
        super().__init__(*args)
        self.idle = nn.Linear(2, 2)


class ForgottenParameter(Sound):
    def optimization_groups(self):
        return {"model": OptimizationGroup(list(self.up.parameters()), self.loss)}


class DetachedLoss(Sound):
    def loss(self, batch):
        return super().loss(batch).detach()


class LiveMetrics(Sound):
    def loss(self, batch):
        loss = super().loss(batch)
        self.metrics = {"cost": loss}
        return loss


class ClimbsInstead(Sound):
    def loss(self, batch):
        return -super().loss(batch)

    def optimization_groups(self):
        return {"model": OptimizationGroup(list(self.parameters()), lambda batch: -self.loss(batch))}


class FlagOutside(Sound):
    """An actnorm that knows outside its state whether it has begun."""

    begun = False

    def loss(self, batch):
        if not self.begun:
            self.begun = True
            with torch.no_grad():
                self.offset -= self.look(batch.observation).mean(0)
        return super().loss(batch)


class Seeded(Sound):
    def __init__(self, *args):
        torch.manual_seed(0)
        super().__init__(*args)


class ByEntropy(Sound):
    def __init__(self, *args):
        super().__init__(*args)
        with torch.no_grad():
            self.offset += torch.from_numpy(np.random.default_rng().random(4)).float()


class LooseTensor(Sound):
    def __init__(self, *args):
        super().__init__(*args)
        self.shift = torch.zeros(4)


class MadeElsewhere(Sound):
    def look(self, x):
        return super().look(x) + torch.ones(4)


class NotSaved(Sound):
    def __init__(self, *args):
        super().__init__(*args)
        self.shift = torch.randn(4).tolist()

    def look(self, x):
        return super().look(x) + torch.tensor(self.shift, device=x.device)


class DrawsToLook(Sound):
    def look(self, x):
        z = super().look(x)
        return z + torch.randn_like(z)


class LearnsToLook(Sound):
    def look(self, x):
        z = super().look(x)
        with torch.no_grad():
            self.offset += 0.1 * z.mean(0)
        return z


class StaysInEval(Sound):
    def look(self, x):
        self.eval()
        return super().look(x)


class SetsThreads(Sound):
    def look(self, x):
        torch.set_num_threads(2)
        return super().look(x)


class CentresTheBatch(Sound):
    def look(self, x):
        z = super().look(x)
        return z - z.mean(0)


class WrongLatent(Sound):
    def __init__(self, *args):
        super().__init__(*args)
        self.latent = gym.spaces.Box(-1, 1, (3,), np.float32)


class NoEvent(Sound):
    def encode(self, x, *, given=None):
        return PointMass(self.look(x), event_dims=0)


class DecodesFloats(Sound):
    def decode(self, z, *, given=None):
        decoded = super().decode(z)
        return Independent(Normal(decoded.mean, 0.1), len(self.space.shape))


class DecodesFlat(Sound):
    def decode(self, z, *, given=None):
        return PointMass(self.up(z))


class TellsLogits(Sound):
    def perceive(self, x):
        told = self.tell(self.look(x))
        return {"class": told[:, :3], "state": told[:, 3:]}


class TellsTooLittle(Sound):
    def perceive(self, x):
        return {"class": super().perceive(x)["class"]}


class TellsTheBatch(Sound):
    def perceive(self, x):
        told = super().perceive(x)
        return {**told, "state": (told["state"] - told["state"].mean(0)).clamp(-1, 1)}
