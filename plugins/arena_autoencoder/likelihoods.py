"""Likelihoods: distributions over observations, parametrized by a decoder network's output.

A network has one output per number of an observation, in the layout of `arena.encoders.preprocessing.Numbers`
(scaled, channels
first). The likelihood interprets it as a logit or a location. Observations have the environment's type and shape.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import gymnasium as gym
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Generator, Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint

from arena.encoders.preprocessing import Numbers, image_shape, observations
from arena_autoencoder.gaussian import LOG_TWO_PI

__all__ = ["BernoulliObservation", "GaussianObservation", "LogisticObservation", "Observation"]

#: Largest number of steps from 0 to 1 for which a mean is summed level by level, which takes one array each.
MANY = 32


class Observation(Distribution):
    """Distribution p(x | ·) over observations with independent numbers.

    Args:
        location: a network's output, shape (…, *Numbers(space).shape).
        space: space of one observation, which is the event.
        scale: scale parameter of each number, in scaled numbers; a scalar. Bernoulli has none.
        numbers: preprocessing of the space's observations, if already created.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}

    def __init__(
        self,
        location: Tensor,
        space: gym.spaces.Box,
        scale: Tensor | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        self.location, self.space = location, space
        self.scale = location.new_ones(()) if scale is None else scale
        self._numbers = numbers or Numbers(space)
        split = location.dim() - len(space.shape)
        super().__init__(location.shape[:split], Size(space.shape), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Mean observation in its own units, not rounded: floating point, shape (…, *space.shape)."""
        mean, shape = self._mean(), self.space.shape
        if image_shape(self.space) == (*shape[2:], *shape[:2]):  # the channels come last
            mean = mean.movedim(-3, -1)
        return mean / self._numbers.scale

    @property
    def mode(self) -> Tensor:
        """Most likely observation, of the space's type: shape (…, *space.shape)."""
        return observations(self._mode(), self.space)

    def sample(self, sample_shape: Any = Size(), generator: Generator | None = None) -> Tensor:  # noqa: B008
        """Samples of the space's type: shape (*sample_shape, …, *space.shape)."""
        shape = Size(sample_shape) + self.location.shape
        uniform = torch.rand(
            shape, generator=generator, device=self.location.device, dtype=self.location.dtype
        )
        with torch.no_grad():
            return observations(self._quantile(uniform), self.space)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability ln p(x) of observations (…, *space.shape), in nats: shape (…)."""
        return self.score(self._read(value))

    def elementwise(self, value: Tensor) -> Tensor:
        """Log probability of each number: shape (…, *Numbers(space).shape)."""
        return self._log_prob(self._read(value))

    def score(self, numbers: Tensor) -> Tensor:
        """Log probability of preprocessed observations: numbers of shape (…, *Numbers(space).shape) to (…)."""
        return self._total(self._log_prob(numbers))

    def _read(self, value: Tensor) -> Tensor:
        lead = value.shape[: value.dim() - len(self.event_shape)]
        numbers: Tensor = self._numbers(value.reshape(-1, *self.event_shape)).to(self.location.dtype)
        return numbers.reshape(*lead, *numbers.shape[1:])

    def _beside(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Location and numbers, broadcast to one shape."""
        location, values = torch.broadcast_tensors(self.location, numbers)  # type: ignore[no-untyped-call]
        return location, values

    def _total(self, terms: Tensor) -> Tensor:
        return terms.sum(tuple(range(-len(self.event_shape), 0)))

    @abstractmethod
    def _mean(self) -> Tensor: ...

    @abstractmethod
    def _mode(self) -> Tensor: ...

    @abstractmethod
    def _quantile(self, uniform: Tensor) -> Tensor:
        """Quantile function of each number, at probabilities in [0, 1)."""

    @abstractmethod
    def _log_prob(self, numbers: Tensor) -> Tensor: ...


class BernoulliObservation(Observation):
    """Bernoulli likelihood: each number is 0 or 1 (the greatest byte), with logit l for 1.

        ln p(x) = x ln σ(l) + (1 − x) ln σ(−l)

    Gray values are treated as fractions of 1, as is usual for digits; then it is a cross-entropy and no density: over
    gray values it does not integrate to one (Loaiza-Ganem & Cunningham 2019). Samples and the mode are black or white;
    the mean is a gray image.
    """

    def _mean(self) -> Tensor:
        return self.location.sigmoid()

    def _mode(self) -> Tensor:
        return (self.location > 0).to(self.location.dtype)

    def _quantile(self, uniform: Tensor) -> Tensor:
        return (uniform < self.location.sigmoid()).to(uniform.dtype)

    def _log_prob(self, numbers: Tensor) -> Tensor:
        logit, values = self._beside(numbers)
        return -F.binary_cross_entropy_with_logits(logit, values, reduction="none")


class GaussianObservation(Observation):
    """Gaussian likelihood: each number is N(location, scale²).

        ln p(x) = −½ ln 2π − ln s − ½ (x − μ)² / s²

    The density is that of scaled numbers: of bytes divided by the greatest byte, of all others unchanged. For the
    density of bytes themselves add ln of `Numbers.scale` for each number. Samples and the mode are rounded and clipped
    to the space.
    """

    def _mean(self) -> Tensor:
        return self.location

    def _mode(self) -> Tensor:
        return self.location

    def _quantile(self, uniform: Tensor) -> Tensor:
        tiny = torch.finfo(uniform.dtype).tiny  # torch.rand includes zero, whose quantile is −∞
        white: Tensor = torch.special.ndtri(uniform.clamp(min=tiny))
        return self.location + self.scale * white

    def score(self, numbers: Tensor) -> Tensor:
        squares = self._total(self._squares(numbers))
        return math.prod(self.event_shape) * self._highest - squares / (2 * self.scale.square())

    def _log_prob(self, numbers: Tensor) -> Tensor:
        return self._highest - self._squares(numbers) / (2 * self.scale.square())

    @property
    def _highest(self) -> Tensor:
        """Log density of a number at its location."""
        return -LOG_TWO_PI / 2 - self.scale.log()

    def _squares(self, numbers: Tensor) -> Tensor:
        """Squared errors (x − μ)², by one kernel forward and one backward."""
        location, values = self._beside(numbers)
        return F.mse_loss(location, values, reduction="none")


class LogisticObservation(Observation):
    """Discretized logistic likelihood: each number is one of n levels 0, 1/(n − 1), …, 1.

        P(x) = σ((x + h − μ) / s) − σ((x − h − μ) / s),   h = ½ / (n − 1),

    the probability that a logistic variable rounds to x. The lowest level includes everything below, the highest
    everything above, so that the n probabilities sum to one. Bytes have n = space.high + 1 levels. With more than 33
    levels the mean is that before rounding, at most half a level away.

    Source: Kingma et al. 2016, "Improved variational inference with inverse autoregressive flow", section 5.2;
    Salimans et al. 2017, "PixelCNN++", section 2.1.
    """

    @property
    def step(self) -> float:
        """Distance from one level to the next: 2 h."""
        return self._numbers.scale

    def _mean(self) -> Tensor:
        # E x = ∫ P(X > t) dt of X before it is rounded, and the sum of its midpoints after.
        if self.step < 1 / MANY:
            top, bottom = F.softplus((self.location - 1) / self.scale), F.softplus(self.location / self.scale)
            return self.scale * (bottom - top)
        above = torch.zeros_like(self.location)
        for level in range(1, round(1 / self.step) + 1):
            above = above + ((self.location - (level - 0.5) * self.step) / self.scale).sigmoid()
        return above * self.step

    def _mode(self) -> Tensor:
        # Between the ends probability falls with the distance to μ; the ends have a tail more.
        middle = (self.location / self.step).round().clamp(0, round(1 / self.step)) * self.step
        levels = torch.stack([middle, torch.zeros_like(middle), torch.ones_like(middle)])
        best = self._log_prob(levels).argmax(dim=0, keepdim=True)
        return levels.gather(0, best).squeeze(0)

    def _quantile(self, uniform: Tensor) -> Tensor:
        return self.location + self.scale * uniform.logit()

    def _log_prob(self, numbers: Tensor) -> Tensor:
        level, top = (numbers / self.step).round(), round(1 / self.step)
        above = ((level + 0.5) * self.step - self.location) / self.scale
        below = ((level - 0.5) * self.step - self.location) / self.scale
        # σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b − a)), which neither cancels nor underflows; a − b is the same everywhere.
        between = torch.log(-torch.expm1(-self.step / self.scale))
        upper, lower = F.logsigmoid(above), F.logsigmoid(-below)
        inside = torch.where(level >= top, lower, upper + lower + between)
        return torch.where(level <= 0, upper, inside)
