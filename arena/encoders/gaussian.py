"""Integrals of Gaussians that have closed forms: entropy, cross-entropy and Kullback–Leibler divergence, in nats.

Of p = N(μ, Σ) and q = N(m, L) in D dimensions:

    H(p)     = ½ [D ln 2π + ln |Σ| + D]
    H(p, q)  = ½ [D ln 2π + ln |L| + tr(L⁻¹Σ) + (μ − m)ᵀ L⁻¹ (μ − m)]
    KL(p‖q)  = H(p, q) − H(p)

Each function has a twin for diagonal covariances, given by standard deviations. All take leading batch dimensions,
which broadcast, and compute in the type of their arguments.

Source: Bishop 2006, "Pattern Recognition and Machine Learning", section 2.3 and appendix B.

Example:
    >>> import torch
    >>> zero, one = torch.zeros(1), torch.ones(1)
    >>> round(diagonal_kl(one, one, zero, one).item(), 6)  # N(1, 1) from N(0, 1): ½
    0.5
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "LOG_TWO_PI",
    "cross_entropy",
    "diagonal_cross_entropy",
    "diagonal_entropy",
    "diagonal_kl",
    "entropy",
    "kl",
]

LOG_TWO_PI = math.log(2 * math.pi)


def entropy(covariance: Tensor) -> Tensor:
    """H(p) of p = N(·, Σ): shape (…, D, D) to (…)."""
    d = covariance.shape[-1]
    return (d * LOG_TWO_PI + _log_determinant(torch.linalg.cholesky(covariance)) + d) / 2


def cross_entropy(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """H(p, q) = −E_p ln q.

    Args:
        mean: μ of p, shape (…, D).
        covariance: Σ of p, symmetric and positive definite, shape (…, D, D).
        other_mean: m of q, shape (…, D).
        other_covariance: L of q, shape (…, D, D).

    Returns:
        Shape (…).
    """
    d = mean.shape[-1]
    return (d * LOG_TWO_PI + _spread(mean, covariance, other_mean, other_covariance)) / 2


def kl(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """KL(p‖q) = E_p ln p/q ≥ 0; arguments and result as in `cross_entropy`."""
    spread = _spread(mean, covariance, other_mean, other_covariance)
    return (spread - _log_determinant(torch.linalg.cholesky(covariance)) - mean.shape[-1]) / 2


def diagonal_entropy(deviation: Tensor) -> Tensor:
    """H(p) of p = N(·, diag σ²): shape (…, D) to (…)."""
    return ((LOG_TWO_PI + 1) / 2 + deviation.log()).sum(-1)


def diagonal_cross_entropy(
    mean: Tensor, deviation: Tensor, other_mean: Tensor, other_deviation: Tensor
) -> Tensor:
    """H(p, q) of p = N(μ, diag σ²) and q = N(m, diag l²).

        H(p, q) = ½ Σ_i [ln 2π + ln l_i² + (σ_i² + (μ_i − m_i)²) / l_i²]

    Args:
        mean: μ, shape (…, D).
        deviation: σ, shape (…, D).
        other_mean: m, shape (…, D).
        other_deviation: l, shape (…, D).

    Returns:
        Shape (…).
    """
    square = deviation.square() + (mean - other_mean).square()
    return (LOG_TWO_PI / 2 + other_deviation.log() + square / other_deviation.square() / 2).sum(-1)


def diagonal_kl(mean: Tensor, deviation: Tensor, other_mean: Tensor, other_deviation: Tensor) -> Tensor:
    """KL(p‖q) ≥ 0; arguments and result as in `diagonal_cross_entropy`."""
    ratio = deviation / other_deviation
    square = ratio.square() + ((mean - other_mean) / other_deviation).square()
    return ((square - 1) / 2 - ratio.log()).sum(-1)


def _spread(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """Ln |L| + tr(L⁻¹Σ) + (μ − m)ᵀ L⁻¹ (μ − m), by one factorisation of L."""
    factor = torch.linalg.cholesky(other_covariance)
    way = (mean - other_mean).unsqueeze(-1)
    square = covariance + way @ way.mT  # E_p (x − m)(x − m)ᵀ
    return _log_determinant(factor) + torch.cholesky_solve(square, factor).diagonal(dim1=-2, dim2=-1).sum(-1)


def _log_determinant(factor: Tensor) -> Tensor:
    """Ln |A| of A = factor · factorᵀ."""
    return 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
