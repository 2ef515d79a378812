"""Policies as distributions over actions: the last layer of an actor, and what its numbers mean.

A head's `forward` makes a few numbers an observation; the rest of it reads them. Learning reads them in torch
(`log_prob`, `entropy`), acting in numpy (`sample`, `mode`, `action`), which at the batch of a few lanes costs a tenth.
What a head draws is *raw*: an action before it is squashed and scaled. Learning needs the raw one, for a squashed
action at its bound has forgotten how far beyond it was.
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

from arena.config import Between
from arena.errors import ArenaError

__all__ = ["CategoricalHead", "GaussianHead", "Head", "PolicyOptions", "head_of"]

Array = npt.NDArray[Any]

#: What a state-dependent log σ stays between: less is no exploration, more drowns the mean.
LEAST, MOST = -5.0, 2.0

#: Nodes and weights for means under a normal distribution; 32 are exact to 1e-4 for the entropy below at σ ≤ 2.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(32)


@dataclass(frozen=True)
class PolicyOptions:
    """The hyperparameters of a policy over numbers; finitely many actions have none."""

    squash_output: bool = False
    """Continuous actions: whether they go through tanh, and never leave their bounds, or are cut off there."""

    std: Literal["free", "state"] = "free"
    """Continuous actions: whether σ is one number a dimension, or depends on the observation."""

    initial_std: Annotated[float, Between(math.exp(LEAST), math.exp(MOST), open_low=True, open_high=True)] = (
        1.0
    )
    """Continuous actions: σ at the start; the range of an action is 2 wide."""


class Head(nn.Module, ABC):
    """A distribution over actions for each row of features.

    Attributes:
        linear: the layer; nearly zero at the start, so that no action is preferred before anything is known.
        raw: shape and type of one raw action.
    """

    raw: tuple[tuple[int, ...], Any]

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, outputs)
        nn.init.orthogonal_(self.linear.weight, 0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, width) to the distributions' numbers (batch, outputs)."""
        numbers: Tensor = self.linear(features)
        return numbers

    @abstractmethod
    def log_prob(self, numbers: Tensor, raw: Tensor) -> Tensor:
        """Log π(action) of raw actions (batch, …), in the environment's unit: shape (batch,)."""

    @abstractmethod
    def entropy(self, numbers: Tensor) -> Tensor:
        """In nats, in the environment's unit: shape (batch,)."""

    @abstractmethod
    def sample(self, numbers: Array, generator: np.random.Generator) -> Array:
        """A raw action a row."""

    @abstractmethod
    def mode(self, numbers: Array) -> Array:
        """The raw action that comes out where there is no exploring."""

    @abstractmethod
    def action(self, raw: Array) -> Array:
        """Raw actions as the environment takes them: shape (batch, *action_space.shape)."""


class CategoricalHead(Head):
    """π(a) = exp(x_a) / Σ_b exp(x_b) for n actions.

    Args:
        width: of the features.
        space: with n actions.
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
        """π: shape (batch, n)."""
        weights = np.exp(numbers - numbers.max(axis=1, keepdims=True), dtype=np.float64)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def sample(self, numbers: Array, generator: np.random.Generator) -> Array:
        place = np.cumsum(self.probabilities(numbers), axis=1)
        # The last place is 1 but for rounding, and whatever is behind the others is the last action's.
        return np.asarray((place[:, :-1] <= generator.random((len(numbers), 1))).sum(axis=1))

    def mode(self, numbers: Array) -> Array:
        return np.asarray(numbers.argmax(axis=1))

    def action(self, raw: Array) -> Array:
        return raw + self.start


class GaussianHead(Head):
    """Numbers u ~ N(μ, σ²), each dimension by itself, that become an action between its bounds.

        a = c + h u, cut off at the bounds,   or   a = c + h tanh(u)

    where the bounds are c ± h (`centre`, `scale`); without both bounds a = u. The density is that of a, before
    anything is cut off:

        log π(a) = Σ_i log N(u_i; μ_i, σ_i²) − log h_i [− log(1 − tanh² u_i)]

    Args:
        width: of the features.
        space: of the actions; of integers they are rounded.
        options: whether to squash, and what σ depends on.

    Raises:
        ArenaError: if actions without bounds are to be squashed.

    Source: Haarnoja et al., Soft actor-critic (2018), appendix C, for the squashed density.
    """

    def __init__(self, width: int, space: gym.spaces.Box, options: PolicyOptions) -> None:
        self.size = math.prod(space.shape)
        super().__init__(width, self.size if options.std == "free" else 2 * self.size)
        bounded = (space.bounded_below & space.bounded_above).ravel()
        if options.squash_output and not bounded.all():
            raise ArenaError(f"an action of {space} has no bounds to be squashed between", "leave out squash")
        self.raw = ((self.size,), np.float32)
        self.space, self.squash = space, options.squash_output
        low, high = (np.asarray(side, dtype=np.float64).ravel() for side in (space.low, space.high))
        inside = [np.where(bounded, side, sign) for side, sign in ((low, -1.0), (high, 1.0))]
        self.centre, self.scale = (inside[0] + inside[1]) / 2, (inside[1] - inside[0]) / 2
        self.log_scale = float(np.log(self.scale).sum())
        self.low, self.high = low, high
        start = math.log(options.initial_std)
        self.log_deviation: nn.Parameter | None = None
        if options.std == "free":
            self.log_deviation = nn.Parameter(torch.full((self.size,), start))
        else:
            with torch.no_grad():
                self.linear.bias[self.size :] = math.atanh(2 * (start - LEAST) / (MOST - LEAST) - 1)

    def moments(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ of u: shapes (batch, size), and that or (size,)."""
        if self.log_deviation is not None:
            return numbers, self.log_deviation
        mean, free = numbers[..., : self.size], numbers[..., self.size :]
        return mean, LEAST + (MOST - LEAST) / 2 * (free.tanh() + 1)

    def log_prob(self, numbers: Tensor, raw: Tensor) -> Tensor:
        mean, log_deviation = self.moments(numbers)
        distance = (raw - mean) * torch.exp(-log_deviation)
        density = -0.5 * distance**2 - log_deviation - 0.5 * math.log(2 * math.pi)
        if self.squash:
            density = density - _log_slope(raw)
        return density.sum(-1) - self.log_scale

    def entropy(self, numbers: Tensor) -> Tensor:
        """In closed form; of squashed actions by quadrature, E log |da/du| having none.

        −log π of the drawn action would be an estimate whose gradient is zero on average.
        """
        mean, log_deviation = self.moments(numbers)
        entropy = (log_deviation + 0.5 * math.log(2 * math.pi * math.e)).expand_as(mean)
        if self.squash:
            nodes, weights = (torch.as_tensor(x).to(mean) for x in (NODES, WEIGHTS / WEIGHTS.sum()))
            u = mean.unsqueeze(-1) + log_deviation.exp().unsqueeze(-1) * nodes
            entropy = entropy + (_log_slope(u) * weights).sum(-1)
        return entropy.sum(-1) + self.log_scale

    def sample(self, numbers: Array, generator: np.random.Generator) -> Array:
        mean, log_deviation = (x.numpy(force=True) for x in self.moments(torch.from_numpy(numbers)))
        noise = generator.standard_normal((len(numbers), self.size))
        return np.asarray(mean + np.exp(log_deviation) * noise, dtype=np.float32)

    def mode(self, numbers: Array) -> Array:
        """μ; squashed, its image, which the density's highest point need not be."""
        return numbers[:, : self.size]

    def action(self, raw: Array) -> Array:
        placed = self.centre + self.scale * (np.tanh(raw) if self.squash else raw)
        action = np.clip(placed, self.low, self.high)
        if self.space.dtype.kind != "f":
            action = np.rint(action)
        return np.asarray(action.astype(self.space.dtype).reshape(len(raw), *self.space.shape))


def head_of(width: int, space: gym.Space[Any], options: PolicyOptions) -> Head:
    """The head for an action space: `Discrete` or `Box`, as streams make of all others."""
    if isinstance(space, gym.spaces.Discrete):
        return CategoricalHead(width, space)
    assert isinstance(space, gym.spaces.Box), "the stream gives one of the two kinds that agents ask for"
    return GaussianHead(width, space, options)


def _log_slope(u: Tensor) -> Tensor:
    """log(1 − tanh² u), also where 1 − tanh² u is zero in floating point."""
    return 2 * (math.log(2.0) - u - functional.softplus(-2 * u))
