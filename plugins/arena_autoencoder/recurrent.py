"""Recurrent autoencoder: its code is the memory after a sequence of observations."""

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
    """Recurrent autoencoder: reconstructs the current observation and predicts the next one from its memory.

        h_t = GRU(h_{t−1}, f(x_t)),   min E Σ_t −ln p(x_t | h_t) − w · ln p(x_{t+1} | h_t)

    with h = 0 before an episode. One observation shows no velocity; predicting the next one requires it. The
    code is h. Nothing is predicted beyond the end of an episode.

    Metrics: `reconstruction` and `prediction`, −ln p of the current and of the next observation, in nats.

    Source: Srivastava, Mansimov & Salakhutdinov 2015, "Unsupervised learning of video representations using LSTMs", the
    composite model; Cho et al. 2014 for the GRU.
    """

    @dataclass(frozen=True)
    class Config(NetworkOptions):
        """Options of an autoencoder; `latent` is the size of the memory."""

        latent: Annotated[int, Between(1, None)] = 64
        """Size of the code, which is the memory; a larger memory holds more of the past."""

        prediction_weight: Annotated[float, Between(0, None)] = 1.0
        """Weight w of the loss of the next observation's prediction; 0: reconstruction only."""

    config: Config

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels, config.latent)
        self.latent = codes(config.latent)
        self.cell = nn.GRU(self.analysis.width, config.latent)
        self.prospect = Synthesis(config.latent, self.numbers.shape, self.layers)

    def initial(self, batch: int) -> Tensor:
        """Initial memory: zeros, shape (batch, latent)."""
        return self.likelihood.log_sigma.new_zeros((batch, self.config.latent))

    def step(self, memory: Tensor, x: Tensor, action: Tensor | None = None) -> tuple[Tensor, PointMass]:
        """Memory after one more observation, and the code, which equals it; actions are ignored."""
        memory = self.cell(self.analysis(self.preprocess(x))[None], memory[None])[1][0]
        return memory, PointMass(memory)

    def unroll(
        self, memory: Tensor, x: Tensor, action: Tensor | None = None, begin: Tensor | None = None
    ) -> tuple[Tensor, PointMass]:
        """Memory and codes of a sequence, with one call of the GRU for each part between starts of episodes."""
        features = self.analysis(self.preprocess(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        remembered = []
        for start, stop in _stretches(len(x), begin):
            if begin is not None:
                memory = memory.masked_fill(begin[start][:, None], 0)
            found, last = self.cell(features[start:stop], memory[None])
            memory = last[0]
            remembered.append(found)
        return memory, PointMass(torch.cat(remembered))

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> PointMass:
        """Code of observations with which episodes begin."""
        return self.step(self.initial(len(x)), x)[1]

    def predict(self, code: Tensor) -> Observation:
        """Distribution p(x_{t+1} | h_t) over (…, *space.shape), from codes (…, latent)."""
        distribution: Observation = self.likelihood(self.prospect(code))
        return distribution

    def loss(self, batch: Batch) -> Tensor:
        """Mean negative log likelihood of sequences: tensors of shape (length, batch, …)."""
        x, begin = batch.observation, batch.begin
        code = self.unroll(self.initial(x.shape[1]), x, begin=begin)[1].value
        reconstruction = -self.decode(code).log_prob(x).mean()
        goes_on = torch.ones_like(code[1:, :, 0]) if begin is None else (~begin[1:]).to(code)
        surprise = -self.predict(code[:-1]).log_prob(x[1:])
        prediction = (surprise * goes_on).sum() / goes_on.sum().clamp(min=1)
        self.metrics = {"reconstruction": reconstruction.detach(), "prediction": prediction.detach()}
        return reconstruction + self.config.prediction_weight * prediction


def _stretches(length: int, begin: Tensor | None) -> list[tuple[int, int]]:
    """Parts of a batch of sequences in which no episode begins after the first step: pairs of start and stop."""
    cuts = [] if begin is None else (begin[1:].any(1).nonzero()[:, 0] + 1).tolist()
    return list(zip([0, *cuts], [*cuts, length], strict=True))
