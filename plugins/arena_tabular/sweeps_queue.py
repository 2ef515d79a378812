"""Compiled prioritized sweeping: predecessors in compressed rows, and a binary heap with the place of every state."""

from __future__ import annotations

import numpy as np
from numba import njit

from arena_tabular.sweeps import backup

__all__ = ["drain", "heapify", "predecessors", "residuals"]


@njit(cache=True, nogil=True)
def predecessors(num_states, num_actions, indptr, successor, weight):  # type: ignore[no-untyped-def]
    """Predecessors of every state, in time linear in the transitions.

    Returns:
        `starts`, shape (num_states + 1,); and for the predecessors of state s, at ``starts[s]:ends[s]``:
        `origin`, the predecessor p, once each, and `influence`, max_a Σ w over the outcomes of (p, a) in s.
        The arrays are `starts, ends, origin, influence`.
    """
    starts = np.zeros(num_states + 1, np.int64)
    for j in range(len(successor)):
        starts[successor[j] + 1] += 1
    for s in range(num_states):
        starts[s + 1] += starts[s]
    ends = starts[:-1].copy()
    origin, influence = np.empty(len(successor), np.uint32), np.empty(len(successor))
    last, total = np.full(num_states, -1, np.int64), np.zeros(num_states)
    for row in range(num_states * num_actions):
        p = row // num_actions
        for j in range(indptr[row], indptr[row + 1]):
            s = successor[j]
            if weight[j] == 0:
                continue
            total[s] = total[s] + weight[j] if last[s] == row else weight[j]
            if ends[s] == starts[s] or last[s] // num_actions != p:
                origin[ends[s]], influence[ends[s]] = p, total[s]
                ends[s] += 1
            else:
                influence[ends[s] - 1] = max(influence[ends[s] - 1], total[s])
            last[s] = row
    return starts, ends, origin, influence


@njit(cache=True, inline="always")
def best_of(num_actions, indptr, successor, weight, reward, values, s):  # type: ignore[no-untyped-def]
    """max_a [r(s, a) + Σ w V(s')]."""
    best = -np.inf
    for row in range(s * num_actions, (s + 1) * num_actions):
        value = backup(indptr[row], indptr[row + 1], successor, weight, reward[row], values)
        best = max(best, value)
    return best


@njit(cache=True, nogil=True)
def residuals(num_actions, indptr, successor, weight, reward, values, priority):  # type: ignore[no-untyped-def]
    """|TV − V| of every state, into `priority`."""
    for s in range(len(values)):
        best = best_of(num_actions, indptr, successor, weight, reward, values, s)
        priority[s] = abs(best - values[s])


@njit(cache=True)
def sink(priority, heap, place, i):  # type: ignore[no-untyped-def]
    """Moves the state at place `i` down to where it belongs."""
    s = heap[i]
    while True:
        child = 2 * i + 1
        if child >= len(heap):
            break
        if child + 1 < len(heap) and priority[heap[child + 1]] > priority[heap[child]]:
            child += 1
        if priority[heap[child]] <= priority[s]:
            break
        heap[i] = heap[child]
        place[heap[i]] = i
        i = child
    heap[i] = s
    place[s] = i


@njit(cache=True)
def rise(priority, heap, place, i):  # type: ignore[no-untyped-def]
    """Moves the state at place `i` up to where it belongs."""
    s = heap[i]
    while i > 0:
        parent = (i - 1) // 2
        if priority[heap[parent]] >= priority[s]:
            break
        heap[i] = heap[parent]
        place[heap[i]] = i
        i = parent
    heap[i] = s
    place[s] = i


@njit(cache=True, nogil=True)
def heapify(priority, heap, place):  # type: ignore[no-untyped-def]
    """Orders the heap, the state of the highest priority first."""
    for i in range(len(heap) // 2 - 1, -1, -1):
        sink(priority, heap, place, i)


@njit(cache=True, nogil=True)
def drain(  # type: ignore[no-untyped-def]
    num_actions, indptr, successor, weight, reward, starts, ends, origin, influence,
    values, priority, heap, place, threshold, most,
):  # fmt: skip
    """Backs up the first of the queue, until its priority is at most `threshold` or `most` are done.

    Args: as `arena_tabular.sweeps.improve` and `predecessors`; and `values`, `priority`, `heap` (states) and
        `place` (of each state in the heap), which change.
    """
    for _ in range(most):
        s = heap[0]
        if priority[s] <= threshold:
            break
        best = best_of(num_actions, indptr, successor, weight, reward, values, s)
        change = abs(best - values[s])
        values[s] = best
        priority[s] = 0.0
        sink(priority, heap, place, 0)
        for k in range(starts[s], ends[s]):
            p = origin[k]
            priority[p] += change * influence[k]
            rise(priority, heap, place, place[p])
