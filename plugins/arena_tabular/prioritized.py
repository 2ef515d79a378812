"""Prioritized sweeping: value iteration that backs up the state with the largest expected change first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from arena.agents.base import Problem
from arena_tabular.planning_base import Planner, PlannerConfig
from arena_tabular.sweeps_queue import drain, heapify, predecessors, residuals
from arena_tabular.table import Array

__all__ = ["PrioritizedSweeping"]


class PrioritizedSweeping(Planner):
    """Prioritized sweeping: backs up the state of highest priority, then raises the priority of its predecessors.

        V(s) ← max_a Σ p(s', r | s, a) [r + γ V(s')],    for s of highest priority;
        priority(s) ← 0, then priority(p) ← priority(p) + |change| · max_a γ p(s | p, a) for all p

    Priorities add up where Moore & Atkeson take the larger one: so they bound the change that a backup would
    make, whatever has happened since the last, and the highest bounds the error. The queue starts with the
    Bellman residuals at V = 0. As many backups as there are states count as a sweep. `Planner` documents when it
    stops and what the policy is.

    Metrics: `delta`, the highest priority; `error`, the guaranteed largest error of a value.

    Source: Moore & Atkeson 1993; Sutton & Barto 2018, section 8.4; Wingate & Seppi 2005 (known models).
    """

    @dataclass(frozen=True)
    class Config(PlannerConfig):
        """Hyperparameters of prioritized sweeping."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        n = self.num_states
        self._predecessors = predecessors(n, *self.rows[:4])
        self._priority, self._heap, self._place = np.zeros(n), np.arange(n), np.arange(n)
        residuals(*self.rows, self._values, self._priority)
        heapify(self._priority, self._heap, self._place)

    def sweep(self) -> None:
        """Makes as many backups as there are states, or fewer if it converges."""
        queue = (self._values, self._priority, self._heap, self._place)
        limits = (self._threshold(), self.num_states)
        arguments: tuple[Any, ...] = (*self.rows, *self._predecessors, *queue, *limits)
        drain(*arguments)
        delta = float(self._priority[self._heap[0]])
        self._delta = delta
        self._error = delta / (1 - self._discounts[1]) if self._bounded else np.inf
        self._converged = delta <= self._threshold()

    def _threshold(self) -> float:
        """The priority at which sweeping stops."""
        factor = 1 - self._discounts[1] if self._bounded else 1.0
        return max(self.config.tolerance * factor, self._noise())

    def _arrays(self) -> dict[str, Array]:
        queue = {"priority": self._priority, "heap": self._heap, "place": self._place}
        return {**super()._arrays(), **queue}
