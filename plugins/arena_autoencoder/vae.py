"""Variational autoencoders with one code: the plain one, and with a weight on what the code costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
from torch import Generator, Tensor

from arena.config.options import Between, Positive
from arena.encoders.base import Batch
from arena_autoencoder.base import Autoencoder
from arena_autoencoder.bounds import importance_weighted
from arena_autoencoder.codes import DiagonalNormal, codes
from arena_autoencoder.networks import GaussianNetwork
from arena_autoencoder.options import VAEOptions
from arena_autoencoder.priors import Prior, StandardNormal

__all__ = ["VAE", "BetaVAE", "Variational"]


class Variational(Autoencoder):
    """A model p(z) p(x | z), and an encoder q(z | x) that makes it learnable; a subclass says which.

        ln p(x) = ELBO(x) + KL(q(z|x) ‖ p(z|x)),
        ELBO(x) = E_q ln p(x | z) − KL(q(z|x) ‖ p(z)).

    The expectation is estimated by one reparametrised draw, z = μ(x) + σ(x) ε.

    Metrics, in nats: `reconstruction`, −E_q ln p(x | z); `kl`, KL(q‖p); `elbo`.

    Attributes:
        prior: p(z).
        beta: how much the divergence counts.
    """

    bound: ClassVar[Literal["lower"]] = "lower"

    prior: Prior
    beta: float = 1.0

    def q(self, numbers: Tensor) -> DiagonalNormal:
        """What the numbers of x, shape (batch, *shape), tell of its code: N(μ(x), diag σ²(x))."""
        raise NotImplementedError

    def loss(self, batch: Batch) -> Tensor:
        numbers = self.read(batch.observation)
        q = self.q(numbers)
        z = q.rsample()
        likelihood = self.decode(z).score(numbers).mean()
        kl = self.prior.divergence(q, z).mean()
        told, cost = likelihood.detach(), kl.detach()
        self.metrics = {"reconstruction": -told, "kl": cost, "elbo": told - cost}
        return self.beta * kl - likelihood

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> DiagonalNormal:
        return self.q(self.read(x))

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Draws z, and x given z; `decode(…).mean` would be the picture without noise."""
        z = self.prior.sample(n, self.latent.shape[0], self.likelihood.log_sigma, generator)
        return self.decode(z).sample(generator=generator)

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """A lower bound of ln p(x), estimated with `importance` draws: shape (batch,)."""
        return importance_weighted(self.log_weights(x, self.config.importance))

    def log_weights(self, x: Tensor, draws: int) -> Tensor:
        """Ln w = ln p(x | z) p(z) / q(z | x) of draws z ~ q(z | x), so that E w = p(x): shape (draws, batch)."""
        q = self.encode(x)
        z = q.rsample((draws,))
        return self.decode(z).log_prob(x) + self.prior.log_prob(z) - q.log_prob(z)


class VAE(Variational):
    """A variational autoencoder: p(z) = N(0, I), and networks say the rest.

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", section 3 and appendix B.
    """

    @dataclass(frozen=True)
    class Config(VAEOptions):
        """Those of a variational autoencoder with one code."""

    def __init__(
        self, space: gym.Space[Any], config: VAEOptions, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels, config.latent)
        self.latent = codes(config.latent)
        self.posterior = GaussianNetwork(self.analysis.width, (), config.latent)
        self.prior = StandardNormal()

    def q(self, numbers: Tensor) -> DiagonalNormal:
        q: DiagonalNormal = self.posterior(self.analysis(numbers))
        return q


class BetaVAE(VAE):
    """A variational autoencoder that pays more for its code, which it may then spread over fewer, separate numbers.

        min E −ln p(x | z) + β KL(q(z|x) ‖ p(z))

    β is the multiplier of the constraint KL < δ; at 1 it is the VAE. `elbo` among the metrics is that of β = 1.

    Source: Higgins et al. 2017, "β-VAE: learning basic visual concepts with a constrained variational framework".
    """

    @dataclass(frozen=True)
    class Config(VAEOptions):
        """Those of a VAE, and β."""

        sigma: Annotated[float | None, Positive] = 0.1
        """The spread of gaussian and logistic in scaled numbers, in which bytes go from 0 to 1; None learns one
        number, which makes up for much of β."""

        beta: Annotated[float, Between(0, None)] = 4.0
        """β: what a nat of the code costs, in nats of the reconstruction."""

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        self.beta = config.beta
