"""Policies as distributions over actions: the last layer of an actor, and the distribution that its outputs define.

The outputs of a head's `forward` are called its numbers. Learning uses them in torch (`log_prob`, `entropy`), acting in
NumPy (`sample`, `mode`, `action`), which for a batch of a few environments costs a tenth. A head samples *raw* actions:
before they are squashed, scaled or clipped. Learning needs the raw action, since a clipped one lost its distance from
the bound.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from arena.config.options import Between
from arena.errors import ArenaError

__all__ = ["CategoricalHead", "GaussianHead", "Head", "PolicyOptions", "make_head"]

Array = npt.NDArray[Any]

#: Bounds of a state-dependent log σ: below there is no exploration, above the mean has no effect.
MIN_LOG_STD, MAX_LOG_STD = -5.0, 2.0
STD_RANGE = Between(math.exp(MIN_LOG_STD), math.exp(MAX_LOG_STD), open_low=True, open_high=True)

#: Nodes and weights of Gauss–Hermite quadrature; 32 give the entropy below to 1e-4 for σ ≤ 2.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(32)


@dataclass(frozen=True)
class PolicyOptions:
    """Hyperparameters of a policy over continuous actions."""

    squash_output: bool = False
    """Squash continuous actions between their bounds by tanh; otherwise they are clipped at the bounds."""

    std: Literal["free", "state"] = "free"
    """Parametrization of the standard deviation σ of continuous actions: "free" is one parameter per dimension, "state"
    a function of the observation."""

    initial_std: Annotated[
        float, Between(math.exp(MIN_LOG_STD), math.exp(MAX_LOG_STD), open_low=True, open_high=True)
    ] = 1.0
    """Initial standard deviation σ of continuous actions, where the range of an action has width 2: larger values
    explore more."""


class Head(nn.Module, ABC):
    """Policy head: a distribution over actions for each row of features.

    Attributes:
        linear: the layer; its initial weights are nearly zero, so that the initial policy prefers no action.
        raw: shape and type of one raw action.
    """

    raw: tuple[tuple[int, ...], Any]

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, outputs)
        nn.init.orthogonal_(self.linear.weight, 0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Numbers of the distributions (batch, outputs), for features (batch, width)."""
        numbers: Tensor = self.linear(features)
        return numbers

    @abstractmethod
    def log_prob(self, numbers: Tensor, raw: Tensor) -> Tensor:
        """Log π(a) of raw actions (batch, …), in the unit of the environment: shape (batch,)."""

    @abstractmethod
    def entropy(self, numbers: Tensor) -> Tensor:
        """Entropy of the policy in nats, in the unit of the environment: shape (batch,)."""

    @abstractmethod
    def sample(self, numbers: Array, generator: np.random.Generator) -> Array:
        """Sample one raw action per row."""

    @abstractmethod
    def mode(self, numbers: Array) -> Array:
        """Raw actions without exploration, one per row."""

    @abstractmethod
    def action(self, raw: Array) -> Array:
        """Actions of the environment from raw actions: shape (batch, *action_space.shape)."""


class CategoricalHead(Head):
    """Softmax policy π(a) = exp(x_a) / Σ_b exp(x_b) over n actions.

    Args:
        width: number of features.
        space: space of n actions.
    """

    raw = ((), np.int64)

    def __init__(self, width: int, space: gym.spaces.Discrete) -> None:
        super().__init__(width, int(space.n))
        self.start = int(space.start)

    def log_prob(self, numbers: Tensor, raw: Tensor) -> Tensor:
        return -functional.cross_entropy(numbers, raw, reduction="none")

    def entropy(self, numbers: Tensor) -> Tensor:
        log_probs = functional.log_softmax(numbers, dim=-1)
        return -(log_probs.exp() * log_probs).sum(-1)

    def probabilities(self, numbers: Array) -> Array:
        """π(a): shape (batch, n)."""
        weights = np.exp(numbers - numbers.max(axis=1, keepdims=True), dtype=np.float64)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def sample(self, numbers: Array, generator: np.random.Generator) -> Array:
        cumulative = np.cumsum(self.probabilities(numbers), axis=1)
        # The last cumulative probability is 1 except for rounding: beyond the others is the last action.
        return np.asarray((cumulative[:, :-1] <= generator.random((len(numbers), 1))).sum(axis=1))

    def mode(self, numbers: Array) -> Array:
        return np.asarray(numbers.argmax(axis=1))

    def action(self, raw: Array) -> Array:
        return raw + self.start


class GaussianHead(Head):
    """Gaussian policy: independent u ~ N(μ, σ²) per dimension, scaled to an action between its bounds.

        a = c + h u, clipped at the bounds,   or   a = c + h tanh(u)

    where the bounds are c ± h (`centre`, `scale`); without both bounds a = u. The density is that of a before clipping:

        log π(a) = Σ_i log N(u_i; μ_i, σ_i²) − log h_i [− log(1 − tanh² u_i)]

    Args:
        width: number of features.
        space: space of the actions; integers are rounded.
        options: squashing, and the standard deviation.

    Raises:
        ArenaError: if actions without bounds should be squashed.

    Source: Haarnoja et al., Soft actor-critic (2018), appendix C, for the squashed density.
    """

    def __init__(self, width: int, space: gym.spaces.Box, options: PolicyOptions) -> None:
        self.size = math.prod(space.shape)
        super().__init__(width, self.size if options.std == "free" else 2 * self.size)
        bounded = (space.bounded_below & space.bounded_above).ravel()
        if options.squash_output and not bounded.all():
            raise ArenaError(
                f"actions of {space} cannot be squashed, since they have no bounds", "leave out squash_output"
            )
        self.raw = ((self.size,), np.float32)
        self.space, self.squash_output = space, options.squash_output
        low, high = (np.asarray(side, dtype=np.float64).ravel() for side in (space.low, space.high))
        inside = [np.where(bounded, side, sign) for side, sign in ((low, -1.0), (high, 1.0))]
        self.centre, self.scale = (inside[0] + inside[1]) / 2, (inside[1] - inside[0]) / 2
        self.log_scale = float(np.log(self.scale).sum())
        self.low, self.high = low, high
        start = math.log(options.initial_std)
        self.log_std: nn.Parameter | None = None
        if options.std == "free":
            self.log_std = nn.Parameter(torch.full((self.size,), start))
        else:
            with torch.no_grad():
                self.linear.bias[self.size :] = math.atanh(
                    2 * (start - MIN_LOG_STD) / (MAX_LOG_STD - MIN_LOG_STD) - 1
                )

    def moments(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ of u: shapes (batch, size), and that or (size,)."""
        if self.log_std is not None:
            return numbers, self.log_std
        mean, free = numbers[..., : self.size], numbers[..., self.size :]
        return mean, MIN_LOG_STD + (MAX_LOG_STD - MIN_LOG_STD) / 2 * (free.tanh() + 1)

    def log_prob(self, numbers: Tensor, raw: Tensor) -> Tensor:
        mean, log_std = self.moments(numbers)
        distance = (raw - mean) * torch.exp(-log_std)
        density = -0.5 * distance**2 - log_std - 0.5 * math.log(2 * math.pi)
        if self.squash_output:
            density = density - _log_slope(raw)
        return density.sum(-1) - self.log_scale

    def entropy(self, numbers: Tensor) -> Tensor:
        """Entropy in nats, in closed form; for squashed actions with quadrature for E log |da/du|, which has none.

        −log π of the sampled action would be an estimate whose gradient is zero on average.
        """
        mean, log_std = self.moments(numbers)
        entropy = (log_std + 0.5 * math.log(2 * math.pi * math.e)).expand_as(mean)
        if self.squash_output:
            nodes, weights = (torch.as_tensor(x).to(mean) for x in (NODES, WEIGHTS / WEIGHTS.sum()))
            u = mean.unsqueeze(-1) + log_std.exp().unsqueeze(-1) * nodes
            entropy = entropy + (_log_slope(u) * weights).sum(-1)
        return entropy.sum(-1) + self.log_scale

    def sample(self, numbers: Array, generator: np.random.Generator) -> Array:
        mean, log_std = (x.numpy(force=True) for x in self.moments(torch.from_numpy(numbers)))
        noise = generator.standard_normal((len(numbers), self.size))
        return np.asarray(mean + np.exp(log_std) * noise, dtype=np.float32)

    def mode(self, numbers: Array) -> Array:
        """μ; squashed, its image, which is not always the mode of the squashed density."""
        return numbers[:, : self.size]

    def action(self, raw: Array) -> Array:
        placed = self.centre + self.scale * (np.tanh(raw) if self.squash_output else raw)
        action = np.clip(placed, self.low, self.high)
        if self.space.dtype.kind != "f":
            action = np.rint(action)
        return np.asarray(action.astype(self.space.dtype).reshape(len(raw), *self.space.shape))


def make_head(width: int, space: gym.Space[Any], options: PolicyOptions) -> Head:
    """Policy head for an action space: `Discrete` or `Box`, since streams convert all others."""
    if isinstance(space, gym.spaces.Discrete):
        return CategoricalHead(width, space)
    assert isinstance(space, gym.spaces.Box), "streams give one of the two kinds of actions"
    return GaussianHead(width, space, options)


def _log_slope(u: Tensor) -> Tensor:
    """log(1 − tanh² u), exact also where 1 − tanh² u is zero in floating point."""
    return 2 * (math.log(2.0) - u - functional.softplus(-2 * u))
