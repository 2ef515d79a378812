"""Variational autoencoders with one code: the VAE and the β-VAE."""

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
    """Base class of variational autoencoders: a model p(z) p(x | z) and an approximate posterior q(z | x).

        ln p(x) = ELBO(x) + KL(q(z|x) ‖ p(z|x)),
        ELBO(x) = E_q ln p(x | z) − KL(q(z|x) ‖ p(z)).

    The expectation is estimated by one reparametrized sample, z = μ(x) + σ(x) ε.

    Metrics, in nats: `reconstruction`, −E_q ln p(x | z); `kl`, KL(q‖p); `elbo`.

    Attributes:
        prior: prior p(z).
        beta: weight of the divergence in the loss.
    """

    bound: ClassVar[Literal["lower"]] = "lower"

    prior: Prior
    beta: float = 1.0

    def q(self, numbers: Tensor) -> DiagonalNormal:
        """Approximate posterior N(μ(x), diag σ²(x)) from the numbers of x, shape (batch, *shape)."""
        raise NotImplementedError

    def loss(self, batch: Batch) -> Tensor:
        numbers = self.preprocess(batch.observation)
        q = self.q(numbers)
        z = q.rsample()
        likelihood = self.decode(z).score(numbers).mean()
        kl = self.prior.divergence(q, z).mean()
        log_likelihood, divergence = likelihood.detach(), kl.detach()
        self.metrics = {
            "reconstruction": -log_likelihood,
            "kl": divergence,
            "elbo": log_likelihood - divergence,
        }
        return self.beta * kl - likelihood

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> DiagonalNormal:
        return self.q(self.preprocess(x))

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Samples of x, from z ~ p(z) and x ~ p(x | z); `decode(z).mean` has no noise of the second."""
        z = self.prior.sample(n, self.latent.shape[0], self.likelihood.log_sigma, generator)
        return self.decode(z).sample(generator=generator)

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """Lower bound of ln p(x), estimated with `importance_samples` samples of the code: shape (batch,)."""
        return importance_weighted(self.log_weights(x, self.config.importance_samples))

    def log_weights(self, x: Tensor, draws: int) -> Tensor:
        """Log importance weights ln p(x | z) p(z) / q(z | x) for samples z ~ q(z | x): shape (draws, batch)."""
        q = self.encode(x)
        z = q.rsample((draws,))
        return self.decode(z).log_prob(x) + self.prior.log_prob(z) - q.log_prob(z)


class VAE(Variational):
    """Variational autoencoder: p(z) = N(0, I), and networks for q(z | x) and p(x | z).

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", section 3 and appendix B.
    """

    @dataclass(frozen=True)
    class Config(VAEOptions):
        """Options of a variational autoencoder with one code."""

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
    """β-VAE: variational autoencoder with a weight β on the divergence, for codes with fewer and independent factors.

        min E −ln p(x | z) + β KL(q(z|x) ‖ p(z))

    β is the Lagrange multiplier of the constraint KL < δ; at β = 1 it is the VAE. `elbo` among the metrics is that of
    β = 1.

    Source: Higgins et al. 2017, "β-VAE: learning basic visual concepts with a constrained variational framework".
    """

    @dataclass(frozen=True)
    class Config(VAEOptions):
        """Options of a VAE, and β."""

        sigma: Annotated[float | None, Positive] = 0.1
        """Scale σ of the gaussian and logistic likelihoods, where bytes are scaled to [0, 1]; None: learned, which
        compensates for much of β."""

        beta: Annotated[float, Between(0, None)] = 4.0
        """Weight β of the divergence KL(q(z|x) ‖ p(z)) in the loss; larger values remove more information from the
        code."""

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__(space, config, labels)
        self.beta = config.beta
