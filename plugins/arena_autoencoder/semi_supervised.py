"""A variational autoencoder that knows a class of some observations, and infers that of the others."""

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
    """A class y and a style z tell an observation; of most observations the class is not known.

        p(x, y, z) = p(x | y, z) p(z) / K,   q(y, z | x) = q(y | x) q(z | x, y)

        L(x, y) = E_q(z|x,y) ln p(x | y, z) − ln K − KL(q(z|x,y) ‖ p(z))          ≤ ln p(x, y)
        U(x)    = Σ_y q(y|x) L(x, y) + H(q(y|x))                                  ≤ ln p(x)

    An observation whose class is known costs −L(x, y) − α ln q(y | x), any other −U(x), where the sum over all K
    classes is taken term by term.

    A code is the class, one-hot, and the style behind it; its distribution is `LabelledCode`. `given` is the class, a
    whole number an observation.

    Metrics, in nats, over the whole batch: `reconstruction` and `kl`, where a class that is not known costs
    KL(q(y|x) ‖ 1/K) beside its style's KL, and a known one ln K; `elbo`; `labelled`, the share of known classes; and
    `accuracy` among all that came with one.

    Source: Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep generative models", model M2.

    Raises:
        ArenaError: no label is a class.
    """

    @dataclass(frozen=True)
    class Config(VAEOptions):
        """Those of a VAE, and the labels."""

        label: str = ""
        """Which label is the class; by default the first that is `Discrete`, by name."""

        fraction: Annotated[float, Between(0, 1)] = 0.1
        """The share of observations whose class it may look at. An observation itself decides, by its hash, so it is
        the same ones in every epoch."""

        alpha: Annotated[float, Between(0, None)] = 1.0
        """α: the weight of telling the known classes; the paper's 0.1 N is 0.1 / fraction here."""

    bound: ClassVar[Literal["lower"]] = "lower"

    config: Config

    def __init__(
        self, space: gym.Space[Any], config: Config, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        label, classes, first = _classes(config.label, labels or {})
        super().__init__(space, config, labels, classes + config.latent)
        self.label, self.classes, self.first = label, classes, first
        self.latent = codes(self.classes + config.latent)
        width, between = self.analysis.width, config.hidden[-1:]
        self.classifier = nn.Linear(width, self.classes)
        self.posterior = GaussianNetwork(width + self.classes, between, config.latent)
        self.prior = StandardNormal()
        self.known = Subset(math.prod(space.shape or ()), config.fraction)

    def loss(self, batch: Batch) -> Tensor:
        x = batch.observation
        features = self.analysis(self.read(x))
        log_q: Tensor = self.classifier(features).log_softmax(-1)
        truth = self._truth(batch, log_q)
        known: Tensor = self.known(x) & (truth >= 0)
        told = F.one_hot(truth.clamp(min=0), self.classes).to(log_q)
        # A known class counts alone, an unknown one as q(y | x) has it: then both bounds are one sum over y.
        weight = torch.where(known[:, None], told, log_q.exp())
        reconstruction, style = self._terms(x, features)
        reconstruction = (weight * reconstruction.T).sum(1).mean()
        entropy = torch.where(known, 0.0, -(log_q.exp() * log_q).sum(1))
        kl = ((weight * style.T).sum(1) + math.log(self.classes) - entropy).mean()
        telling = -(told * log_q).sum(1) * known
        self.metrics = {
            "reconstruction": reconstruction.detach(),
            "kl": kl.detach(),
            "elbo": -(reconstruction + kl).detach(),
            "labelled": known.float().mean(),
            "accuracy": _share((log_q.argmax(1) == truth)[truth >= 0]),
        }
        return reconstruction + kl + self.config.alpha * telling.mean()

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> LabelledCode:
        """q(y, z | x), or q(z | x, y) with the class y given."""
        features = self.analysis(self.read(x))
        logits = self.classifier(features)
        if given is not None:
            known = F.one_hot(given.long() - self.first, self.classes).bool()
            logits = torch.zeros_like(logits).masked_fill(~known, -torch.inf)
        return LabelledCode(logits, self._styles(features))

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """The class of highest q(y | x)."""
        return {self.label: self.classifier(self.analysis(self.read(x))).argmax(1) + self.first}

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Draws y unless given, shape (n,) or (), and z, and x given both."""
        like = self.likelihood.log_sigma
        y = torch.randint(self.classes, (n,), generator=generator, device=like.device)
        y = y if given is None else (given.long() - self.first).to(like.device).expand(n)
        z = self.prior.sample(n, self.config.latent, like, generator)
        return self.decode(torch.cat([F.one_hot(y, self.classes).to(z), z], -1)).sample(generator=generator)

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """An estimate of U(x) ≤ ln p(x); with the class given, of L(x, y) + ln K ≤ ln p(x | y)."""
        features = self.analysis(self.read(x))
        reconstruction, style = self._terms(x, features)
        bounds = -(reconstruction + style).T  # L(x, y) + ln K
        if given is not None:
            return bounds.gather(1, given.long()[:, None] - self.first).squeeze(1)
        log_q: Tensor = self.classifier(features).log_softmax(-1)
        return (log_q.exp() * (bounds - log_q)).sum(1) - math.log(self.classes)

    def _terms(self, x: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """−ln p(x | y, z) at a draw z ~ q(z | x, y), and KL(q(z|x,y) ‖ p(z)), of every y: shape (classes, batch)."""
        q = self._styles(features)
        z = q.rsample()
        y = self._every_class(z)
        return -self.decode(torch.cat([y, z], -1)).log_prob(x), self.prior.divergence(q, z)

    def _styles(self, features: Tensor) -> DiagonalNormal:
        """q(z | x, y) of every y: batch shape (classes, batch)."""
        features = features.expand(self.classes, *features.shape)
        q: DiagonalNormal = self.posterior(torch.cat([features, self._every_class(features)], -1))
        return q

    def _every_class(self, like: Tensor) -> Tensor:
        """All classes, one-hot: shape (classes, batch, classes)."""
        every = torch.eye(self.classes, dtype=like.dtype, device=like.device)
        return every[:, None].expand(-1, like.shape[1], -1)

    def _truth(self, batch: Batch, like: Tensor) -> Tensor:
        """The classes from 0, −1 where there are none: shape (batch,)."""
        if self.label not in batch.labels:
            return torch.full((len(like),), -1, device=like.device)
        return batch.labels[self.label].long() - self.first


def _classes(name: str, labels: Mapping[str, gym.Space[Any]]) -> tuple[str, int, int]:
    """The label that is the class, how many there are, and the first one's number."""
    discrete = {key: space for key, space in labels.items() if isinstance(space, gym.spaces.Discrete)}
    if not discrete or (name and name not in discrete):
        wanted = f"no label {name!r} is" if name else "no label is"
        known = ", ".join(sorted(discrete)) or "none"
        raise ArenaError(f"{wanted} a class (Discrete)", f"take an environment with one; here: {known}")
    name = name or min(discrete)
    return name, int(discrete[name].n), int(discrete[name].start)


def _share(right: Tensor) -> Tensor:
    return right.float().mean() if len(right) else right.new_zeros((), dtype=torch.float32)
