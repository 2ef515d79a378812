"""Q-networks: a body, and a linear or a dueling head with the values of all actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
from torch import Tensor, nn

from arena_deep.networks import ACTIVATIONS, Body, NetworkOptions, Recurrent
from arena_deep.noisy import Noise, NoisyLinear

__all__ = ["DuelingHead", "LinearHead", "QNetwork"]


class LinearHead(nn.Module):
    """Linear head: one layer from features to the outputs of all actions."""

    def __init__(self, width: int, actions: int, size: int, sigma: float | None) -> None:
        super().__init__()
        self.actions, self.size = actions, size
        self.layer = _linear(width, actions * size, sigma)

    def forward(self, features: Tensor, noise: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
        return _apply(self.layer, features, noise).view(-1, self.actions, self.size)


class DuelingHead(nn.Module):
    """Dueling head, Q(s, a) = V(s) + A(s, a) − mean_a' A(s, a'), with a hidden layer each for V and A.

    Subtracting the mean makes V and A identifiable: V is the mean of Q.

    Source: Wang et al. 2016, "Dueling Network Architectures", equation 9; with several outputs per
    action, each of them is computed so (Hessel et al. 2018).
    """

    def __init__(
        self, width: int, hidden: int, actions: int, size: int, sigma: float | None, activation: str
    ) -> None:
        super().__init__()
        self.actions, self.size = actions, size
        self.value_hidden, self.value = _linear(width, hidden, sigma), _linear(hidden, size, sigma)
        self.advantage_hidden = _linear(width, hidden, sigma)
        self.advantage = _linear(hidden, actions * size, sigma)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, features: Tensor, noise: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
        value = self.activation(_apply(self.value_hidden, features, noise))
        value = _apply(self.value, value, noise).view(-1, 1, self.size)
        advantage = self.activation(_apply(self.advantage_hidden, features, noise))
        advantage = _apply(self.advantage, advantage, noise).view(-1, self.actions, self.size)
        return value + advantage - advantage.mean(dim=1, keepdim=True)


class QNetwork(nn.Module):
    """Q-network from observations to outputs of shape (batch, actions, size).

    With `dueling` the last hidden layer of the options is the hidden layer of each stream; with `sigma` every layer
    behind the body is noisy.

    Args:
        space: space of one observation.
        actions: number of actions.
        size: number of outputs per action.
        options: the layers.
        features: a module in place of the convolutions, or None.
        dueling: use separate streams for value and advantages.
        sigma: σ₀ of noisy layers; None: no noise.
    """

    def __init__(
        self,
        space: gym.Space[Any],
        actions: int,
        size: int,
        options: NetworkOptions,
        features: nn.Module | None = None,
        *,
        dueling: bool = False,
        sigma: float | None = None,
    ) -> None:
        super().__init__()
        own = options.hidden_sizes[: -1 if dueling else None]
        self.body = Body(space, NetworkOptions(own, options.activation), features)
        self.memory = Recurrent(self.body.width, options.memory) if options.memory else None
        width = options.memory or self.body.width
        if dueling:
            stream = options.hidden_sizes[-1] if options.hidden_sizes else width
            self.head: LinearHead | DuelingHead = DuelingHead(
                width, stream, actions, size, sigma, options.activation
            )
        else:
            self.head = LinearHead(width, actions, size, sigma)

    def forward(self, observation: Tensor, noise: Noise | None = None) -> Tensor:
        """Outputs, shape (batch, actions, size), for observations (batch, *space.shape), without memory."""
        return self.head_outputs(self.body(observation), noise)

    def head_outputs(self, features: Tensor, noise: Noise | None = None) -> Tensor:
        """Outputs of the head, shape (batch, actions, size), for features (batch, width)."""
        outputs: Tensor = self.head(features, iter(noise or ()))
        return outputs


def _linear(inputs: int, outputs: int, sigma: float | None) -> nn.Module:
    return nn.Linear(inputs, outputs) if sigma is None else NoisyLinear(inputs, outputs, sigma)


def _apply(layer: nn.Module, x: Tensor, noise: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
    drawn = next(noise, None)
    y: Tensor = layer(x) if drawn is None else layer(x, drawn)
    return y
