"""Kullback–Leibler divergence of Gaussians in closed form, in nats.

Source: Bishop 2006, "Pattern Recognition and Machine Learning", section 2.3 and appendix B.

Example:
    >>> import torch
    >>> zero, one = torch.zeros(1), torch.ones(1)
    >>> round(diagonal_kl(one, one, zero, one).item(), 6)  # N(1, 1) from N(0, 1): ½
    0.5
"""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["LOG_TWO_PI", "diagonal_kl"]

LOG_TWO_PI = math.log(2 * math.pi)


def diagonal_kl(mean: Tensor, std: Tensor, other_mean: Tensor, other_std: Tensor) -> Tensor:
    """Divergence KL(p‖q) = E_p ln p/q ≥ 0 of p = N(μ, diag σ²) from q = N(m, diag l²).

        KL(p‖q) = ½ Σ_i [(σ_i² + (μ_i − m_i)²) / l_i² − 1 − ln (σ_i² / l_i²)]

    Args:
        mean: μ, shape (…, D); leading dimensions broadcast.
        std: σ, shape (…, D).
        other_mean: m, shape (…, D).
        other_std: l, shape (…, D).

    Returns:
        Shape (…).
    """
    ratio = std / other_std
    square = ratio.square() + ((mean - other_mean) / other_std).square()
    return ((square - 1) / 2 - ratio.log()).sum(-1)
