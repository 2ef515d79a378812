"""Sound encoders that sample, score, invert, absorb or remember, and copies with one defect each.

See test_encoder_laws_catch.py.
"""

from __future__ import annotations

import math
from typing import ClassVar

import gymnasium as gym
import numpy as np
import torch
from planted_encoders import CODES
from torch import nn
from torch.distributions import Categorical

from arena.encoders.base import Encoder
from arena.encoders.distributions import PointMass, mode
from arena.encoders.preprocessing import Numbers
from arena.errors import ArenaError


class Gaussian(Encoder):
    """N(m, diag e^(2s)) of numbers: it samples, scores, and inverts into white noise."""

    bound: ClassVar = "exact"

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        if not isinstance(space, gym.spaces.Box) or space.dtype != np.float32 or len(space.shape) != 1:
            raise ArenaError(f"{space} holds no numbers", "take others")
        self.middle = nn.Parameter(0.1 * torch.randn(space.shape))
        self.log_scale = nn.Parameter(torch.zeros(space.shape))

    def loss(self, batch):
        return -self.log_prob(batch.observation).mean()

    def transform(self, x):
        z = (x - self.middle) * (-self.log_scale).exp()
        return z, -self.log_scale.sum().expand(len(x))

    def inverse(self, z):
        return z * self.log_scale.exp() + self.middle, self.log_scale.sum().expand(len(z))

    def log_prob(self, x, *, given=None):
        z, ladj = self.transform(x)
        return ladj - (z.square() + math.log(2 * math.pi)).sum(1) / 2

    def sample(self, n, *, given=None, generator=None):
        with torch.no_grad():
            drawn = self.inverse(torch.randn(n, *self.space.shape, generator=generator))[0]
            return drawn.clamp(torch.from_numpy(self.space.low), torch.from_numpy(self.space.high))


class SamplesByGlobals(Gaussian):
    def sample(self, n, *, given=None, generator=None):
        return super().sample(n)


class SamplesTheSame(Gaussian):
    def sample(self, n, *, given=None, generator=None):
        return super().sample(n, generator=torch.Generator().manual_seed(0))


class SamplesOutside(Gaussian):
    def sample(self, n, *, given=None, generator=None):
        return 100 + super().sample(n, generator=generator)


class ForgetsAConstant(Gaussian):
    def log_prob(self, x, *, given=None):
        return super().log_prob(x) + 0.1


class BoundAbove(ForgetsAConstant):
    bound: ClassVar = "lower"


class UnknownBound(Gaussian):
    bound: ClassVar = "upper"


class ScoresTheMean(Gaussian):
    def log_prob(self, x, *, given=None):
        return super().log_prob(x).mean().expand(len(x))


class ScoresPixels(Gaussian):
    def log_prob(self, x, *, given=None):
        return torch.stack([super().log_prob(x)] * 2, 1)


class EstimatesExactly(Gaussian):
    def log_prob(self, x, *, given=None):
        return super().log_prob(x) + torch.randn(len(x))


class WrongWay(Gaussian):
    def transform(self, x):
        z, ladj = super().transform(x)
        return z, -ladj

    def inverse(self, z):
        x, ladj = super().inverse(z)
        return x, -ladj

    def log_prob(self, x, *, given=None):
        return super().log_prob(x) + 2 * self.log_scale.sum()


class InvertsInPart(Gaussian):
    def inverse(self, z):
        x, ladj = super().inverse(z)
        return x - self.middle, ladj


class Bits(Encoder):
    """Independent levels of a byte's few: probabilities of pictures, which a sum over all of them can check."""

    bound: ClassVar = "exact"

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        if not isinstance(space, gym.spaces.Box) or space.dtype != np.uint8:
            raise ArenaError(f"{space} holds no bytes", "take others")
        levels = int(space.high.max()) + 1
        self.logits = nn.Parameter(torch.randn(math.prod(space.shape), levels))

    def loss(self, batch):
        return -self.log_prob(batch.observation).mean()

    def log_prob(self, x, *, given=None):
        return Categorical(logits=self.logits).log_prob(x.flatten(1).long()).sum(1)


class BitsWithLogits(Bits):
    def log_prob(self, x, *, given=None):
        rows = self.logits.expand(len(x), *self.logits.shape)
        return rows.gather(2, x.flatten(1).long()[..., None]).sum((1, 2))


class Average(Encoder):
    """Learns the mean observation in one pass."""

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        self.numbers, self.latent = Numbers(space), CODES
        shape = self.numbers.shape
        for name in ("total", "mean"):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def optimization_groups(self):
        return {}

    def partial_fit(self, batch):
        self.total += self.numbers(batch.observation).sum(0)
        self.count += len(batch.observation)

    def finalize(self):
        self.mean.copy_(self.total / self.count)

    def loss(self, batch):
        return (self.numbers(batch.observation) - self.mean).square().mean()


class AddsAtTheEnd(Average):
    def finalize(self):
        self.mean += self.total / self.count


class FitsTheLast(Average):
    def partial_fit(self, batch):
        self.total.copy_(self.numbers(batch.observation).sum(0))
        self.count += len(batch.observation)


class NeverFits(Average):
    def finalize(self):
        pass


class Recurrent(Encoder):
    """A code that remembers: a linear cell over the observation's numbers."""

    def __init__(self, space, config, labels=None):
        super().__init__(space, config, labels)
        self.numbers, self.latent = Numbers(space), CODES
        self.cell = nn.GRUCell(math.prod(self.numbers.shape), 4)

    def read(self, x):
        return self.numbers(x).flatten(1)

    def loss(self, batch):
        memory = self.initial(batch.observation.shape[1])
        _, codes = self.unroll(memory, batch.observation)
        return (codes.mean - 1).square().mean()

    def initial(self, batch):
        return torch.zeros(batch, 4)

    def step(self, memory, x, action=None):
        memory = self.cell(self.read(x), memory)
        return memory, PointMass(memory)

    def unroll(self, memory, x, action=None, begin=None):
        codes = []
        begin = torch.zeros(x.shape[:2], dtype=torch.bool) if begin is None else begin
        for one, begins in zip(x, begin, strict=True):
            memory, code = self.step(memory.masked_fill(begins[:, None], 0), one)
            codes.append(mode(code))
        return memory, PointMass(torch.stack(codes))


class StepsOtherwise(Recurrent):
    def unroll(self, memory, x, action=None, begin=None):
        memory, codes = super().unroll(memory, x, action, begin)
        return memory, PointMass(codes.mean.flip(0))


class OverlooksBeginnings(Recurrent):
    def unroll(self, memory, x, action=None, begin=None):
        return super().unroll(memory, x)


class RemembersInside(Recurrent):
    last = None

    def step(self, memory, x, action=None):
        memory, code = super().step(memory if self.last is None else memory + 0.1 * self.last.mean(), x)
        self.last = memory.detach()
        return memory, code


class MixesLanes(Recurrent):
    def step(self, memory, x, action=None):
        return super().step(memory.mean(0, keepdim=True).expand_as(memory), x)
