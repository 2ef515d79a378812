"""Finite-horizon linear-quadratic control: the Riccati recursion, and exact values of linear policies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["LQRProblem", "LQRSolution", "policy_value", "riccati"]

Matrix = npt.NDArray[np.float64]


class LQRProblem(NamedTuple):
    """Minimize the expected sum of ``xᵀQx + uᵀRu`` where ``x' = Ax + Bu + w``, ``w`` of mean 0 and covariance W.

    Attributes:
        A: dynamics of the state, shape (n, n).
        B: effect of the action, shape (n, m).
        Q: cost of the state, positive semi-definite, shape (n, n).
        R: cost of the action, positive definite, shape (m, m).
        W: covariance of the noise, shape (n, n).
        mean: mean of the first state, shape (n,).
        covariance: covariance of the first state, shape (n, n).
    """

    A: Matrix
    B: Matrix
    Q: Matrix
    R: Matrix
    W: Matrix
    mean: Matrix
    covariance: Matrix

    def expected_cost(self, cost: Matrix, constant: float) -> float:
        """Mean of ``xᵀPx + c`` over the first state."""
        return float(self.mean @ cost @ self.mean + np.trace(cost @ self.covariance) + constant)


class LQRSolution(NamedTuple):
    """Optimal policy and costs, found by `riccati`.

    Attributes:
        gains: gains K, shape (horizon, m, n): at step t the optimal action is ``u = −gains[t] x``.
        costs: cost matrices P, shape (horizon + 1, n, n): the least expected cost from step t on is
            ``xᵀ costs[t] x + constants[t]``.
        constants: constant parts of the costs, shape (horizon + 1,).
    """

    gains: Matrix
    costs: Matrix
    constants: Matrix


def riccati(problem: LQRProblem, horizon: int) -> LQRSolution:
    """Solve for the optimal policy by backward induction over ``horizon`` steps, without a terminal cost.

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
    return LQRSolution(gains, costs, constants)


def policy_value(problem: LQRProblem, gains: Matrix, horizon: int) -> float:
    """Exact expected return (minus the cost) of the policy ``u = −K x``.

    Args:
        problem: the control problem.
        gains: K, shape (m, n), or one for each step, shape (horizon, m, n).
        horizon: number of steps.
    """
    A, B, Q, R, W = problem[:5]
    steps = np.broadcast_to(gains, (horizon, *B.T.shape))
    cost, constant = np.zeros_like(A), 0.0
    for K in steps[::-1]:
        closed = A - B @ K
        constant += float(np.trace(cost @ W))
        cost = Q + K.T @ R @ K + closed.T @ cost @ closed
    return -problem.expected_cost(cost, constant)
