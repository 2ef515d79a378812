"""Compiled sweeps over a transition model in compressed rows."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["lookahead", "sweep"]


@njit(cache=True, nogil=True)
def sweep(num_actions, indptr, successor, weight, reward, values, out):  # type: ignore[no-untyped-def]
    """One synchronous backup of every state, V'(s) = max_a [r(s, a) + Σ w V(s')]; returns max |V' − V|.

    Args:
        num_actions: row ``s * num_actions + a`` belongs to (s, a).
        indptr: shape (rows + 1,): row r is the slice ``indptr[r]:indptr[r + 1]``.
        successor: shape (transitions,).
        weight: shape (transitions,): γ p, and 0 where the episode terminates.
        reward: shape (rows,): the expected reward.
        values: shape (num_states,): V.
        out: shape (num_states,): V'.
    """
    delta = 0.0
    for s in range(len(values)):
        best = -np.inf
        for r in range(s * num_actions, (s + 1) * num_actions):
            value = reward[r]
            for j in range(indptr[r], indptr[r + 1]):
                value += weight[j] * values[successor[j]]
            best = max(best, value)
        out[s] = best
        delta = max(delta, abs(best - values[s]))
    return delta


@njit(cache=True, nogil=True)
def lookahead(num_actions, indptr, successor, weight, reward, values, q, size):  # type: ignore[no-untyped-def]
    """Q(s, a) = r(s, a) + Σ w V(s') into `q`, and |r(s, a)| + Σ w |V(s')|, to which its rounding is relative.

    Args: as `sweep`, and `q` and `size`, of shape (num_states, num_actions).
    """
    for s in range(len(values)):
        for a in range(num_actions):
            r = s * num_actions + a
            value, magnitude = reward[r], abs(reward[r])
            for j in range(indptr[r], indptr[r + 1]):
                value += weight[j] * values[successor[j]]
                magnitude += weight[j] * abs(values[successor[j]])
            q[s, a], size[s, a] = value, magnitude
