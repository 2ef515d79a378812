"""Compiled sweeps over a transition model in compressed rows.

Throughout, row ``s * num_actions + a`` belongs to (s, a): its outcomes are the slice
``indptr[row]:indptr[row + 1]`` of `successor` (uint32, which spares numba the check for negative indices) and
`weight` (γ p, and 0 where the episode terminates), and `reward[row]` is its expected reward. A chain is the
same with one row a state, from `starts` to `ends`. The gather of ``values[successor]`` bounds them all.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import njit

__all__ = ["expecting", "improving", "in_place", "lookahead", "restrict", "slots", "weigh"]

#: Action values that differ by less than this, relative to the terms they are sums of, count as equal.
ROUNDING = 1e-12


@njit(cache=True, nogil=True)
def weigh(indptr, probability, rewards, terminated, discount, weight, reward):  # type: ignore[no-untyped-def]
    """Fills `weight` and the expected `reward`.

    Returns:
        The least and the greatest Σ weight of a row, and the shortest and the longest row.
    """
    least, greatest, shortest, longest = np.inf, 0.0, len(weight), 0
    for row in range(len(reward)):
        expected, total = 0.0, 0.0
        for j in range(indptr[row], indptr[row + 1]):
            w = 0.0 if terminated[j] else discount * probability[j]
            weight[j] = w
            total += w
            expected += probability[j] * rewards[j]
        reward[row] = expected
        least, greatest = min(least, total), max(greatest, total)
        length = indptr[row + 1] - indptr[row]
        shortest, longest = min(shortest, length), max(longest, length)
    return least, greatest, shortest, longest


@njit(cache=True, inline="always")
def backup(start, end, successor, weight, reward, values):  # type: ignore[no-untyped-def]
    """A row's r + Σ w V(s')."""
    value = reward
    for j in range(start, end):
        value += weight[j] * values[successor[j]]
    return value


@njit(cache=True, inline="always")
def copy(source, start, end, successor, weight, successors, weights):  # type: ignore[no-untyped-def]
    """Copies a row's outcomes from `source` to ``start:end`` of other arrays."""
    for k in range(start, end):
        successors[k], weights[k] = successor[source + k - start], weight[source + k - start]


@functools.cache
def improving(width):  # type: ignore[no-untyped-def]
    """`improve` for models whose rows all have `width` outcomes, or for any where it is 0.

    A number of outcomes that the compiler knows makes it twice as fast.
    """

    @njit(cache=True, nogil=True)
    def improve(  # type: ignore[no-untyped-def]
        num_actions, indptr, successor, weight, reward, values, out, policy, deadline, drift, chain
    ):  # fmt: skip
        """One synchronous backup of every state, V'(s) = max_a [r(s, a) + Σ w V(s')], and its greedy policy.

        An action that was worse than the best by some gap cannot have become the best while the values have moved
        relative to one another by less than that gap (Puterman & Shin 1982): a state whose `deadline` the `drift`
        has not reached backs up its policy's action alone, in the policy's chain, which is kept up to date. That
        changes nothing but the time.

        Args:
            num_actions: as the next four, what the module's docstring says.
            indptr: row offsets.
            successor: next states.
            weight: γ p.
            reward: of the rows.
            values: shape (num_states,): V.
            out: shape (num_states,): V'.
            policy: shape (num_states,): the actions; one is changed only for a better one, beyond rounding, so
                that equal actions never take turns.
            deadline: shape (num_states,): the drift at which another action may be better; 0 at the start.
            drift: how far the values may have moved relative to one another so far; grows.
            chain: that of the policy, or one without its rows (`slots`) where all deadlines are 0.

        Returns:
            min (V' − V), max (V' − V), and how many actions were changed.
        """
        low, high, changed = np.inf, -np.inf, 0
        starts, ends, successors, weights, rewards = chain
        for s in range(len(values)):
            kept = policy[s]
            if deadline[s] > drift:
                start, end = (s * width, s * width + width) if width else (starts[s], ends[s])
                best = backup(start, end, successors, weights, rewards[s], values)
            else:
                best, second, own, action = -np.inf, -np.inf, -np.inf, kept
                for a in range(num_actions):
                    row = s * num_actions + a
                    start, end = (
                        (row * width, row * width + width) if width else (indptr[row], indptr[row + 1])
                    )
                    value = backup(start, end, successor, weight, reward[row], values)
                    # Selections, not branches, which nothing could predict.
                    own = value if a == kept else own
                    action = a if value > best else action
                    second = max(second, min(best, value))
                    best = max(best, value)
                better = best > own + ROUNDING * (abs(best) + abs(own))
                if better:
                    policy[s] = action
                    changed += 1
                if better or ends[s] == starts[s]:
                    row = s * num_actions + policy[s]
                    ends[s] = starts[s] + indptr[row + 1] - indptr[row]
                    rewards[s] = reward[row]
                    copy(indptr[row], starts[s], ends[s], successor, weight, successors, weights)
                deadline[s] = drift + (best - second) if better or best == own else drift
            out[s] = best
            difference = best - values[s]
            low, high = min(low, difference), max(high, difference)
        return low, high, changed

    return improve


@functools.cache
def expecting(width):  # type: ignore[no-untyped-def]
    """`expect` for chains whose rows all have `width` outcomes, or for any where it is 0."""

    @njit(cache=True, nogil=True)
    def expect(starts, ends, successor, weight, reward, values, out):  # type: ignore[no-untyped-def]
        """One synchronous backup along a chain, V'(s) = r(s) + Σ w V(s'); returns min and max of V' − V."""
        low, high = np.inf, -np.inf
        for s in range(len(values)):
            start, end = (s * width, s * width + width) if width else (starts[s], ends[s])
            value = backup(start, end, successor, weight, reward[s], values)
            out[s] = value
            difference = value - values[s]
            low, high = min(low, difference), max(high, difference)
        return low, high

    return expect


@njit(cache=True, nogil=True)
def in_place(num_actions, indptr, successor, weight, reward, values, backwards):  # type: ignore[no-untyped-def]
    """One Gauss–Seidel sweep: every backup uses the newest values; returns min and max of what it added."""
    low, high = np.inf, -np.inf
    n = len(values)
    for i in range(n):
        s = n - 1 - i if backwards else i
        best = -np.inf
        for row in range(s * num_actions, (s + 1) * num_actions):
            value = backup(indptr[row], indptr[row + 1], successor, weight, reward[row], values)
            best = max(best, value)
        difference = best - values[s]
        low, high = min(low, difference), max(high, difference)
        values[s] = best
    return low, high


@njit(cache=True, nogil=True)
def slots(num_actions, indptr, successor, weight, reward):  # type: ignore[no-untyped-def]
    """A chain without rows, with room for the longest of every state: contiguous, which makes it fast.

    Returns:
        `starts`, `ends` (equal to `starts` where a row is missing), `successor`, `weight` and `reward`.
    """
    n = len(reward) // num_actions
    starts, total = np.empty(n, np.int64), 0
    for s in range(n):
        starts[s] = total
        longest = 0
        for row in range(s * num_actions, (s + 1) * num_actions):
            longest = max(longest, indptr[row + 1] - indptr[row])
        total += longest
    return starts, starts.copy(), np.empty(total, np.uint32), np.empty(total), np.empty(n)


@njit(cache=True, nogil=True)
def restrict(num_actions, indptr, successor, weight, reward, policy, chain):  # type: ignore[no-untyped-def]
    """Makes a chain that of a deterministic policy."""
    starts, ends, successors, weights, rewards = chain
    for s in range(len(policy)):
        row = s * num_actions + policy[s]
        ends[s] = starts[s] + indptr[row + 1] - indptr[row]
        rewards[s] = reward[row]
        copy(indptr[row], starts[s], ends[s], successor, weight, successors, weights)


@njit(cache=True, nogil=True)
def lookahead(num_actions, indptr, successor, weight, reward, values, q, size):  # type: ignore[no-untyped-def]
    """Q(s, a) = r(s, a) + Σ w V(s') into `q`, and |r(s, a)| + Σ w |V(s')|, to which its rounding is relative.

    Args: as `improve`, and `q` and `size`, of shape (num_states, num_actions).
    """
    for s in range(len(values)):
        for a in range(num_actions):
            row = s * num_actions + a
            value, magnitude = reward[row], abs(reward[row])
            for j in range(indptr[row], indptr[row + 1]):
                value += weight[j] * values[successor[j]]
                magnitude += weight[j] * abs(values[successor[j]])
            q[s, a], size[s, a] = value, magnitude
