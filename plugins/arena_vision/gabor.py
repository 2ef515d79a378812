"""Gabor filters, a model of simple cells in the visual cortex: a wave of one orientation in a Gaussian window."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["gabor", "scale"]

#: Aspect ratio γ of a filter's window: its width over its length.
ASPECT = 0.3


def gabor(size: int, theta: float, sigma: float, wavelength: float, aspect: float = ASPECT) -> Tensor:
    """Gabor filter exp(−(u² + γ²v²) / 2σ²) cos(2πu/λ), with u = x cos θ + y sin θ and v = −x sin θ + y cos θ.

    Args:
        size: side of the filter, an odd number of pixels.
        theta: θ, direction of the wave, in radians.
        sigma: σ, width of the window in pixels.
        wavelength: λ in pixels.
        aspect: γ.

    Returns:
        float64, shape (size, size).
    """
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    u, v = x * math.cos(theta) + y * math.sin(theta), -x * math.sin(theta) + y * math.cos(theta)
    window = torch.exp(-(u**2 + (aspect * v) ** 2) / (2 * sigma**2))
    return window * torch.cos(2 * math.pi * u / wavelength)


def scale(size: int) -> tuple[float, float]:
    """Width σ and wavelength λ of a filter of a size, in pixels (Serre et al. 2007, table 1)."""
    sigma = 0.0036 * size**2 + 0.35 * size + 0.18
    return sigma, sigma / 0.8
