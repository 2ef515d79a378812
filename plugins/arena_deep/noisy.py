"""Noisy linear layers: exploration by noise whose size is learned."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Generator, Tensor, nn

__all__ = ["Noise", "NoisyLinear", "draw_noise"]

#: The noise of each noisy layer, in the order of the modules: one vector for its inputs, one for its outputs.
Noise = list[tuple[Tensor, Tensor]]


class NoisyLinear(nn.Linear):
    """Noisy layer y = (μ_w + σ_w ⊙ ε_w) x + μ_b + σ_b ⊙ ε_b.

    The noise is factorised: ε_w = f(ε_out) f(ε_in)ᵀ and ε_b = f(ε_out), with f(x) = sgn(x) √|x|. Without noise it is a
    linear layer of the means. The noise is an argument: no call changes the layer.

    Source: Fortunato et al. 2018, "Noisy Networks for Exploration", section 3, factorised noise.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        sigma: σ₀: the initial value of each σ is σ₀ / √inputs.
    """

    def __init__(self, inputs: int, outputs: int, sigma: float) -> None:
        super().__init__(inputs, outputs)  # torch samples the means as the paper does: from ±1/√inputs
        bound = 1 / math.sqrt(inputs)
        self.weight_sigma = nn.Parameter(torch.full((outputs, inputs), sigma * bound))
        self.bias_sigma = nn.Parameter(torch.full((outputs,), sigma * bound))

    def forward(self, x: Tensor, noise: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Outputs (batch, outputs) for inputs (batch, inputs); all rows share the noise, (inputs,) and (outputs,)."""
        y = functional.linear(x, self.weight, self.bias)
        if noise is None:
            return y
        before, after = noise
        return y + after * functional.linear(x * before, self.weight_sigma, self.bias_sigma)


def draw_noise(module: nn.Module, generator: Generator) -> Noise:
    """Noise for every noisy layer of a module, sampled on the CPU and moved to the device of the layer."""
    layers = [layer for layer in module.modules() if isinstance(layer, NoisyLinear)]
    return [
        (_scaled(layer.in_features, layer, generator), _scaled(layer.out_features, layer, generator))
        for layer in layers
    ]


def _scaled(size: int, layer: NoisyLinear, generator: Generator) -> Tensor:
    noise = torch.randn(size, generator=generator)
    return (noise.sign() * noise.abs().sqrt()).to(layer.weight.device)
