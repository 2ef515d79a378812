"""Importance-weighted lower bound of ln p(x)."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["importance_weighted"]


def importance_weighted(log_weights: Tensor) -> Tensor:
    """Importance-weighted bound L_k = ln 1/k Σ w_i, whose expectation rises from the ELBO (k = 1) to ln p(x).

    Source: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", equation 8 and theorem 1.

    Args:
        log_weights: ln w_i with E w_i = p(x), shape (k, …).

    Returns:
        Shape (…).
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))
