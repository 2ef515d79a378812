"""A recurrent autoencoder: its code is what a sequence of observations has left in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium as gym
import torch
from torch import Tensor, nn

from arena.config.options import Between
from arena.encoders.base import Batch
from arena.encoders.distributions import PointMass
from arena_autoencoder.base import Autoencoder
from arena_autoencoder.codes import codes
from arena_autoencoder.likelihoods import Observation
from arena_autoencoder.networks import Synthesis
from arena_autoencoder.options import NetworkOptions

__all__ = ["RecurrentAE"]


class RecurrentAE(Autoencoder):
    """An autoencoder of sequences: what it remembers tells this observation and the next.

        h_t = GRU(h_{t−1}, f(x_t)),   min E Σ_t −ln p(x_t | h_t) − forecast · ln p(x_{t+1} | h_t)

    with h before an episode at zero. One observation shows no velocity; what tells the next one has to know it. The
    code is h. Where an episode ends, nothing is forecast.

    Metrics: `reconstruction` and `forecast`, −ln p of either in nats an observation.

    Source: Srivastava, Mansimov & Salakhutdinov 2015, "Unsupervised learning of video representations using LSTMs", the
    composite model; Cho et al. 2014 for the GRU.
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Those of an autoencoder; `latent` are the numbers that it remembers."""

        latent: Annotated[int, Between(1, None)] = 64
        """Numbers of a code, which is the memory."""

        forecast: Annotated[float, Between(0, None)] = 1.0
        """What the next observation counts beside this one."""

    config: Config

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels, config.latent)
        self.latent = codes(config.latent)
        self.cell = nn.GRU(self.analysis.width, config.latent)
        self.prospect = Synthesis(config.latent, self.numbers.shape, self.layers)

    def initial(self, batch: int) -> Tensor:
        """Zeros, shape (batch, latent)."""
        return self.likelihood.log_sigma.new_zeros((batch, self.config.latent))

    def step(self, memory: Tensor, x: Tensor, action: Tensor | None = None) -> tuple[Tensor, PointMass]:
        """The memory after one more observation, which is the code; actions are not asked about."""
        memory = self.cell(self.analysis(self.read(x))[None], memory[None])[1][0]
        return memory, PointMass(memory)

    def unroll(
        self, memory: Tensor, x: Tensor, action: Tensor | None = None, begin: Tensor | None = None
    ) -> tuple[Tensor, PointMass]:
        """A whole sequence, a call for each stretch in which no episode begins."""
        features = self.analysis(self.read(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        remembered = []
        for start, stop in _stretches(len(x), begin):
            if begin is not None:
                memory = memory.masked_fill(begin[start][:, None], 0)
            found, last = self.cell(features[start:stop], memory[None])
            memory = last[0]
            remembered.append(found)
        return memory, PointMass(torch.cat(remembered))

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """The code of observations with which episodes begin."""
        return self.step(self.initial(len(x)), x)[1]

    def predict(self, code: Tensor) -> Observation:
        """p(x_{t+1} | h_t): codes (…, latent) to a distribution over (…, *space.shape)."""
        distribution: Observation = self.likelihood(self.prospect(code))
        return distribution

    def loss(self, batch: Batch) -> Tensor:
        """Of sequences: tensors of shape (length, batch, …)."""
        x, begin = batch.observation, batch.begin
        code = self.unroll(self.initial(x.shape[1]), x, begin=begin)[1].value
        reconstruction = -self.decode(code).log_prob(x).mean()
        goes_on = torch.ones_like(code[1:, :, 0]) if begin is None else (~begin[1:]).to(code)
        surprise = -self.predict(code[:-1]).log_prob(x[1:])
        forecast = (surprise * goes_on).sum() / goes_on.sum().clamp(min=1)
        self.metrics = {"reconstruction": reconstruction.detach(), "forecast": forecast.detach()}
        return reconstruction + self.config.forecast * forecast


def _stretches(length: int, begin: Tensor | None) -> list[tuple[int, int]]:
    """From where to where no episode begins in any lane: each stretch is one call."""
    cuts = [] if begin is None else (begin[1:].any(1).nonzero()[:, 0] + 1).tolist()
    return list(zip([0, *cuts], [*cuts, length], strict=True))
