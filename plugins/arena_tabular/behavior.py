"""Behavior policies of tabular learners, compiled: each choice is a pure function of the tables and 64 random bits.

    ε-greedy   any action with probability ε, else a greedy one
    softmax    π(a | s) ∝ exp(Q(s, a) / τ)
    ucb        argmax_a Q(s, a) + c √(ln N(s) / N(s, a)), an action never tried first of all

Equals are drawn among at random. A choice needs one random number: its upper 53 bits decide whether to explore
(or where in the cumulative distribution to stop), its lower 32 which action. The two overlap in bits that matter
to neither unless ε is below 2⁻³².

ε-greedy is inlined into the drivers; the others cost more than a call.

Source: Sutton & Barto 2018, sections 2.2, 2.7 and 2.8, per state; for bandits, Auer, Cesa-Bianchi & Fischer 2002.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from arena.random.counter_based import below, uniform
from arena_tabular.records import EPSILON_GREEDY, SOFTMAX, VISITS
from arena_tabular.schedules import by_visits, visits_of

__all__ = [
    "best_value",
    "choose",
    "choose_batch",
    "epsilon_at",
    "expected_value",
    "probabilities_into",
    "probability",
    "random_greedy",
]


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
def epsilon_at(visits, rule, state):  # type: ignore[no-untyped-def]
    """ε in a state; with `VISITS` by the visits so far and the one that the choice is made for."""
    epsilon = rule.epsilon
    if rule.epsilon_schedule == VISITS:
        times = 1 + visits_of(visits, state)
        epsilon = by_visits(rule.epsilon_start, rule.epsilon_final, rule.epsilon_power, times)
    return epsilon


@njit(cache=True)
def _weight(q, rule, state, action, best):  # type: ignore[no-untyped-def]
    """Softmax before it is normalized; relative to the best, so that nothing overflows."""
    return math.exp((q[state, action] - best) / rule.temperature)


@njit(cache=True)
def _upper_bound(q, visits, rule, state, action, total):  # type: ignore[no-untyped-def]
    """Q(s, a) + c √(ln N(s) / N(s, a)); infinite for an action never tried."""
    if visits[state, action] == 0:
        return np.inf
    return q[state, action] + rule.confidence * math.sqrt(math.log(total) / visits[state, action])


@njit(cache=True)
def _best_bound(q, visits, rule, state):  # type: ignore[no-untyped-def]
    """The greatest upper bound, how many actions have it, and N(s)."""
    total = visits_of(visits, state)
    best, ties = -np.inf, 0
    for a in range(q.shape[1]):
        bound = _upper_bound(q, visits, rule, state, a, total)
        if bound > best:
            best, ties = bound, 1
        elif bound == best:
            ties += 1
    return best, ties, total


@njit(cache=True)
def _choose_softmax(q, rule, state, bits):  # type: ignore[no-untyped-def]
    best, total = best_value(q, state), 0.0
    for a in range(q.shape[1]):
        total += _weight(q, rule, state, a, best)
    left, action = uniform(bits) * total, 0
    for a in range(q.shape[1]):
        weight = _weight(q, rule, state, a, best)
        if weight > 0.0:  # rounding may leave a hair beyond the last: it is the last possible one's
            action = a
            left -= weight
            if left < 0.0:
                break
    return action


@njit(cache=True)
def _choose_bound(q, visits, rule, state, bits):  # type: ignore[no-untyped-def]
    best, ties, total = _best_bound(q, visits, rule, state)
    left = below(bits, ties)
    for a in range(q.shape[1]):
        if _upper_bound(q, visits, rule, state, a, total) == best:
            if left == 0:
                return a
            left -= 1
    return 0


@njit(cache=True)
def _choose_otherwise(q, visits, rule, state, bits):  # type: ignore[no-untyped-def]
    if rule.behavior == SOFTMAX:
        return _choose_softmax(q, rule, state, bits)
    return _choose_bound(q, visits, rule, state, bits)


@njit(cache=True, inline="always")
def choose(q, visits, rule, state, bits):  # type: ignore[no-untyped-def]
    """An action of the behavior."""
    if rule.behavior == EPSILON_GREEDY:
        if uniform(bits) < epsilon_at(visits, rule, state):
            action = below(bits, q.shape[1])
        else:
            action = random_greedy(q, state, bits)
    else:
        action = _choose_otherwise(q, visits, rule, state, bits)
    return action


@njit(cache=True)
def choose_batch(q, visits, rules, state, bits, action):  # type: ignore[no-untyped-def]
    """`choose` for a batch of states, into `action`; returns the first index out of range, or −1."""
    for i in range(len(state)):
        if state[i] < 0 or state[i] >= q.shape[0]:
            return i
        action[i] = choose(q, visits, rules[0], state[i], bits[i])
    return -1


@njit(cache=True)
def probability(q, visits, rule, state, action):  # type: ignore[no-untyped-def]
    """π(a | s) of the behavior, exactly."""
    n, best = q.shape[1], best_value(q, state)
    if rule.behavior == EPSILON_GREEDY:
        epsilon = epsilon_at(visits, rule, state)
        ties = 0
        for a in range(n):
            ties += q[state, a] == best
        return epsilon / n + ((1.0 - epsilon) / ties if q[state, action] == best else 0.0)
    if rule.behavior == SOFTMAX:
        total = 0.0
        for a in range(n):
            total += _weight(q, rule, state, a, best)
        return _weight(q, rule, state, action, best) / total
    bound, ties, total = _best_bound(q, visits, rule, state)
    return 1.0 / ties if _upper_bound(q, visits, rule, state, action, total) == bound else 0.0


@njit(cache=True)
def probabilities_into(q, visits, rules, state, out):  # type: ignore[no-untyped-def]
    """`probability` of every action for a batch of states, into `out` of shape (batch, num_actions)."""
    for i in range(len(state)):
        for a in range(q.shape[1]):
            out[i, a] = probability(q, visits, rules[0], state[i], a)


@njit(cache=True, inline="always")
def expected_value(q, visits, rule, state):  # type: ignore[no-untyped-def]
    """Σ_a π(a | s) Q(s, a) of the behavior, exactly."""
    if rule.behavior == EPSILON_GREEDY:
        best, total = q[state, 0], q[state, 0]
        for a in range(1, q.shape[1]):
            best = max(best, q[state, a])
            total += q[state, a]
        epsilon = epsilon_at(visits, rule, state)
        expected = epsilon * (total / q.shape[1]) + (1.0 - epsilon) * best
    else:
        expected = _expected_otherwise(q, visits, rule, state)
    return expected


@njit(cache=True)
def _expected_otherwise(q, visits, rule, state):  # type: ignore[no-untyped-def]
    expected, mass = 0.0, 0.0
    if rule.behavior == SOFTMAX:
        best = best_value(q, state)
        for a in range(q.shape[1]):
            weight = _weight(q, rule, state, a, best)
            expected += weight * q[state, a]
            mass += weight
        return expected / mass
    bound, ties, total = _best_bound(q, visits, rule, state)
    for a in range(q.shape[1]):
        if _upper_bound(q, visits, rule, state, a, total) == bound:
            expected += q[state, a]
    return expected / ties
