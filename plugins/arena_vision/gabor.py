"""Gabor filters: what simple cells of the visual cortex answer to, a wave of one direction in a small window."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["gabor", "scale"]

#: How long a filter's window is, as a ratio of its width.
ASPECT = 0.3


def gabor(size: int, theta: float, sigma: float, wavelength: float, aspect: float = ASPECT) -> Tensor:
    """exp(−(u² + γ²v²) / 2σ²) cos(2πu/λ), with u = x cos θ + y sin θ and v = −x sin θ + y cos θ.

    Args:
        size: the side, an odd number of pixels.
        theta: θ, the wave's direction, in radians.
        sigma: σ, the window's width in pixels.
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
    """σ and λ of the filter of a side, in pixels: fitted to cells of the monkey (Serre et al. 2007, table 1)."""
    sigma = 0.0036 * size**2 + 0.35 * size + 0.18
    return sigma, sigma / 0.8
