"""Hierarchical variational autoencoder: several layers of codes, each predicting the layer below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import torch
from torch import Tensor, nn

from arena.errors import ArenaError
from arena_autoencoder.codes import DiagonalNormal, codes
from arena_autoencoder.likelihoods import Observation
from arena_autoencoder.networks import GaussianNetwork
from arena_autoencoder.options import Count, VariationalOptions
from arena_autoencoder.priors import Chain
from arena_autoencoder.vae import Variational

__all__ = ["HierarchicalVAE"]


class HierarchicalVAE(Variational):
    """Hierarchical VAE: codes z_1, …, z_L, of which z_1 generates the observation and each z_i the layer below.

        p(x, z) = p(x | z_1) p(z_1 | z_2) … p(z_(L−1) | z_L) p(z_L),   q(z | x) = Π q(z_i | x),
        ELBO = E_q ln p(x | z_1) − KL(q(z_L|x)‖p(z_L)) − Σ_(i<L) E_q KL(q(z_i|x)‖p(z_i | z_(i+1))).

    Each q(z_i | x) is computed from its own features, one layer above those of q(z_(i−1) | x). A code is the
    concatenation of all z_i.

    Source: Rezende, Mohamed & Wierstra 2014, "Stochastic backpropagation and approximate inference in deep generative
    models", with the posterior of every layer independent given x; Sønderby et al. 2016, section 2, for the bound.
    """

    @dataclass(frozen=True)
    class Config(VariationalOptions):
        """Options of a variational autoencoder with several layers of codes."""

        latents: tuple[Count, ...] = (16, 8)
        """Size of each layer's code, from the observation's side; more layers allow a more flexible prior."""

    config: Config

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        if not config.latents:
            raise ArenaError(
                "hierarchical-vae has no layer of codes", "give --encoder.latents at least one size"
            )
        super().__init__(space, config, labels, config.latents[0])
        self.latent = codes(sum(config.latents))
        between = config.hidden_sizes[-1:]
        self.prior = Chain(config.latents, between)
        width = self.analysis.width
        self.up = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU()) if between else nn.Identity()
            for _ in config.latents[1:]
        )
        self.posteriors = nn.ModuleList(GaussianNetwork(width, (), size) for size in config.latents)

    def q(self, numbers: Tensor) -> DiagonalNormal:
        features = [self.analysis(numbers)]
        for step in self.up:
            features.append(step(features[-1]))
        parts = [network(h) for network, h in zip(self.posteriors, features, strict=True)]
        return DiagonalNormal(
            torch.cat([q.mean for q in parts], -1), torch.cat([q.stddev for q in parts], -1)
        )

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> Observation:
        """Distribution p(x | z_1): only the lowest layer of a code generates the observation."""
        return super().decode(z[..., : self.config.latents[0]])
