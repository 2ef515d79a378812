"""Linear-quadratic control over a finite horizon: optimal gains, and exact values of linear policies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Problem", "Solution", "riccati", "value_of"]

Matrix = npt.NDArray[np.float64]


class Problem(NamedTuple):
    """Minimise the expected sum of ``xᵀQx + uᵀRu`` where ``x' = Ax + Bu + w``, ``w`` of mean 0 and covariance W.

    Attributes:
        A: shape (n, n).
        B: shape (n, m).
        Q: positive semi-definite, shape (n, n).
        R: positive definite, shape (m, m).
        W: shape (n, n).
        mean: of the first state, shape (n,).
        covariance: of the first state, shape (n, n).
    """

    A: Matrix
    B: Matrix
    Q: Matrix
    R: Matrix
    W: Matrix
    mean: Matrix
    covariance: Matrix

    def expected(self, cost: Matrix, constant: float) -> float:
        """The mean of ``xᵀPx + c`` over the first state."""
        return float(self.mean @ cost @ self.mean + np.trace(cost @ self.covariance) + constant)


class Solution(NamedTuple):
    """What `riccati` finds.

    Attributes:
        gains: shape (horizon, m, n): at step t the optimal action is ``u = −gains[t] x``.
        costs: shape (horizon + 1, n, n): from step t on, the least expected cost is ``xᵀ costs[t] x + constants[t]``.
        constants: shape (horizon + 1,).
    """

    gains: Matrix
    costs: Matrix
    constants: Matrix


def riccati(problem: Problem, horizon: int) -> Solution:
    """The optimal policy, by backward induction over steps 0 to ``horizon`` − 1; nothing is due at the end.

        K = (R + BᵀPB)⁻¹ BᵀPA,   P ← Q + AᵀP(A − BK),   c ← c + tr(PW)

    Source: Bertsekas, *Dynamic Programming and Optimal Control* I (2017), section 3.1.
    """
    A, B, Q, R, W = problem[:5]
    n, m = B.shape
    gains, costs = np.zeros((horizon, m, n)), np.zeros((horizon + 1, n, n))
    constants = np.zeros(horizon + 1)
    for t in reversed(range(horizon)):
        P = costs[t + 1]
        gains[t] = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        cost = Q + A.T @ P @ (A - B @ gains[t])
        costs[t] = 0.5 * (cost + cost.T)  # rounding would grow an antisymmetric part
        constants[t] = constants[t + 1] + np.trace(P @ W)
    return Solution(gains, costs, constants)


def value_of(problem: Problem, gains: Matrix, horizon: int) -> float:
    """The exact expected return, minus the cost, of the policy ``u = −K x``.

    Args:
        problem: what is controlled.
        gains: K, shape (m, n), or one a step, shape (horizon, m, n).
        horizon: how many steps.
    """
    A, B, Q, R, W = problem[:5]
    steps = np.broadcast_to(gains, (horizon, *B.T.shape))
    cost, constant = np.zeros_like(A), 0.0
    for K in steps[::-1]:
        closed = A - B @ K
        constant += float(np.trace(cost @ W))
        cost = Q + K.T @ R @ K + closed.T @ cost @ closed
    return -problem.expected(cost, constant)
