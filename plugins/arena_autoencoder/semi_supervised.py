"""Semi-supervised variational autoencoder: classes are known for some observations, and inferred for the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Generator, Tensor, nn

from arena.config.options import Between
from arena.encoders.base import Batch
from arena.errors import ArenaError
from arena_autoencoder.base import Autoencoder
from arena_autoencoder.codes import DiagonalNormal, codes
from arena_autoencoder.label_code import LabelledCode
from arena_autoencoder.networks import GaussianNetwork
from arena_autoencoder.options import VAEOptions
from arena_autoencoder.priors import StandardNormal
from arena_autoencoder.subset import Subset

__all__ = ["SemiSupervisedVAE"]


class SemiSupervisedVAE(Autoencoder):
    """Semi-supervised VAE (M2): a class y and a style z generate an observation; most classes are unknown.

        p(x, y, z) = p(x | y, z) p(z) / K,   q(y, z | x) = q(y | x) q(z | x, y)

        L(x, y) = E_q(z|x,y) ln p(x | y, z) − ln K − KL(q(z|x,y) ‖ p(z))          ≤ ln p(x, y)
        U(x)    = Σ_y q(y|x) L(x, y) + H(q(y|x))                                  ≤ ln p(x)

    The loss of an observation whose class is known is −L(x, y) − α ln q(y | x), of any other −U(x), where the sum over
    all K classes is taken term by term.

    A code is the class, one-hot, followed by the style; its distribution is `LabelledCode`. `given` is the class, one
    whole number per observation.

    Metrics, in nats, over the whole batch: `reconstruction` and `kl`, where an unknown class adds
    KL(q(y|x) ‖ 1/K) to its style's KL, and a known class ln K; `elbo`; `labeled`, the fraction of known classes; and
    `accuracy` among all observations with a class label.

    Source: Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep generative models", model M2.

    Raises:
        ArenaError: there is no label that is a class.
    """

    @dataclass(frozen=True)
    class Config(VAEOptions):
        """Options of a VAE, and of the labels."""

        label: str = ""
        """Name of the label that is the class; empty: the first `Discrete` label in alphabetical order."""

        labeled_fraction: Annotated[float, Between(0, 1)] = 0.1
        """Fraction of observations whose class is used in training, in [0, 1]. A hash of the observation selects them,
        so they are the same in every epoch."""

        alpha: Annotated[float, Between(0, None)] = 1.0
        """Weight α of the classification loss on known classes; the paper's 0.1 N is 0.1 / labeled_fraction here."""

    bound: ClassVar[Literal["lower"]] = "lower"

    config: Config

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        label, classes, first = _classes(config.label, labels or {})
        super().__init__(space, config, labels, classes + config.latent)
        self.label, self.classes, self.first = label, classes, first
        self.latent = codes(self.classes + config.latent)
        width, between = self.analysis.width, config.hidden_sizes[-1:]
        self.classifier = nn.Linear(width, self.classes)
        self.posterior = GaussianNetwork(width + self.classes, between, config.latent)
        self.prior = StandardNormal()
        self.known = Subset(math.prod(space.shape or ()), config.labeled_fraction)

    def loss(self, batch: Batch) -> Tensor:
        x = batch.observation
        features = self.analysis(self.preprocess(x))
        log_q: Tensor = self.classifier(features).log_softmax(-1)
        truth = self._truth(batch, log_q)
        known: Tensor = self.known(x) & (truth >= 0)
        one_hot = F.one_hot(truth.clamp(min=0), self.classes).to(log_q)
        # A known class has the weight 1, an unknown one q(y | x): then both bounds are one sum over y.
        weight = torch.where(known[:, None], one_hot, log_q.exp())
        reconstruction, style = self._terms(x, features)
        reconstruction = (weight * reconstruction.T).sum(1).mean()
        entropy = torch.where(known, 0.0, -(log_q.exp() * log_q).sum(1))
        kl = ((weight * style.T).sum(1) + math.log(self.classes) - entropy).mean()
        classification = -(one_hot * log_q).sum(1) * known
        self.metrics = {
            "reconstruction": reconstruction.detach(),
            "kl": kl.detach(),
            "elbo": -(reconstruction + kl).detach(),
            "labeled": known.float().mean(),
            "accuracy": _mean((log_q.argmax(1) == truth)[truth >= 0]),
        }
        return reconstruction + kl + self.config.alpha * classification.mean()

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> LabelledCode:
        """Distribution q(y, z | x), or q(z | x, y) for a given class y."""
        features = self.analysis(self.preprocess(x))
        logits = self.classifier(features)
        if given is not None:
            known = F.one_hot(given.long() - self.first, self.classes).bool()
            logits = torch.zeros_like(logits).masked_fill(~known, -torch.inf)
        return LabelledCode(logits, self._styles(features))

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """Predicted class: the maximum of q(y | x)."""
        return {self.label: self.classifier(self.analysis(self.preprocess(x))).argmax(1) + self.first}

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Samples of x, from a class y (drawn unless given, shape (n,) or ()) and a style z."""
        like = self.likelihood.log_sigma
        y = torch.randint(self.classes, (n,), generator=generator, device=like.device)
        y = y if given is None else (given.long() - self.first).to(like.device).expand(n)
        z = self.prior.sample(n, self.config.latent, like, generator)
        return self.decode(torch.cat([F.one_hot(y, self.classes).to(z), z], -1)).sample(generator=generator)

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """Estimate of U(x) ≤ ln p(x); for a given class, of L(x, y) + ln K ≤ ln p(x | y)."""
        features = self.analysis(self.preprocess(x))
        reconstruction, style = self._terms(x, features)
        bounds = -(reconstruction + style).T  # L(x, y) + ln K
        if given is not None:
            return bounds.gather(1, given.long()[:, None] - self.first).squeeze(1)
        log_q: Tensor = self.classifier(features).log_softmax(-1)
        return (log_q.exp() * (bounds - log_q)).sum(1) - math.log(self.classes)

    def _terms(self, x: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Terms −ln p(x | y, z), for z ~ q(z | x, y), and KL(q(z|x,y) ‖ p(z)), for every y: shape (classes, batch)."""
        q = self._styles(features)
        z = q.rsample()
        y = self._every_class(z)
        return -self.decode(torch.cat([y, z], -1)).log_prob(x), self.prior.divergence(q, z)

    def _styles(self, features: Tensor) -> DiagonalNormal:
        """Distribution q(z | x, y) for every y: batch shape (classes, batch)."""
        features = features.expand(self.classes, *features.shape)
        q: DiagonalNormal = self.posterior(torch.cat([features, self._every_class(features)], -1))
        return q

    def _every_class(self, like: Tensor) -> Tensor:
        """All classes, one-hot: shape (classes, batch, classes)."""
        every = torch.eye(self.classes, dtype=like.dtype, device=like.device)
        return every[:, None].expand(-1, like.shape[1], -1)

    def _truth(self, batch: Batch, like: Tensor) -> Tensor:
        """Class labels counted from 0, −1 where there are none: shape (batch,)."""
        if self.label not in batch.labels:
            return torch.full((len(like),), -1, device=like.device)
        return batch.labels[self.label].long() - self.first


def _classes(name: str, labels: Mapping[str, gym.Space[Any]]) -> tuple[str, int, int]:
    """Name of the class label, number of classes, and number of the first class."""
    discrete = {key: space for key, space in labels.items() if isinstance(space, gym.spaces.Discrete)}
    if not discrete or (name and name not in discrete):
        missing = f"label {name!r} is not a class (Discrete)" if name else "no label is a class (Discrete)"
        known = ", ".join(sorted(discrete)) or "none"
        raise ArenaError(missing, f"use frames with such a label (class labels here: {known})")
    name = name or min(discrete)
    return name, int(discrete[name].n), int(discrete[name].start)


def _mean(right: Tensor) -> Tensor:
    return right.float().mean() if len(right) else right.new_zeros((), dtype=torch.float32)
