"""How a tabular learner chooses while it learns: compiled, each choice a pure function of table and 64 bits.

A choice needs one random number: its upper 53 bits decide whether to explore, its lower 32 which action. The
two overlap in bits that matter to neither unless ε is below 2⁻³².
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.keyed import below, uniform

__all__ = ["RULE", "best_value", "choose", "choose_batch", "random_greedy"]

#: What a family's driver is told, as one record. `algorithm` is a code of the family; the keys name the
#: sequences of random numbers that actions taken, and actions only imagined for a target, are drawn from.
RULE = np.dtype(
    [
        ("algorithm", np.int64),
        ("discount", np.float64),
        ("step_size", np.float64),
        ("epsilon", np.float64),
        ("explore_key", np.uint64),
        ("target_key", np.uint64),
    ],
    align=True,
)


@njit(cache=True, inline="always")
def best_value(q, state):  # type: ignore[no-untyped-def]
    """max_a Q(s, a)."""
    best = q[state, 0]
    for a in range(1, q.shape[1]):
        best = max(best, q[state, a])
    return best


@njit(cache=True, inline="always")
def random_greedy(q, state, bits):  # type: ignore[no-untyped-def]
    """argmax_a Q(s, a), a random one of several: the first would make a fresh table walk in one direction."""
    best, action, ties = q[state, 0], 0, 1
    for a in range(1, q.shape[1]):
        value = q[state, a]
        if value > best:
            best, action, ties = value, a, 1
        elif value == best:
            ties += 1
    if ties > 1:
        left = below(bits, ties)
        for a in range(action, q.shape[1]):
            if q[state, a] == best:
                if left == 0:
                    return a
                left -= 1
    return action


@njit(cache=True, inline="always")
def choose(q, rule, state, bits):  # type: ignore[no-untyped-def]
    """ε-greedy: any action with probability ε, else a greedy one (Sutton & Barto 2018, section 2.2)."""
    if uniform(bits) < rule.epsilon:
        return below(bits, q.shape[1])
    return random_greedy(q, state, bits)


@njit(cache=True)
def choose_batch(q, rules, state, bits, action):  # type: ignore[no-untyped-def]
    """`choose` for a batch of states, into `action`; returns the first index out of range, or −1."""
    for i in range(len(state)):
        if state[i] < 0 or state[i] >= q.shape[0]:
            return i
        action[i] = choose(q, rules[0], state[i], bits[i])
    return -1
