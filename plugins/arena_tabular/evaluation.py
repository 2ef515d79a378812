"""Policy evaluation: the exact value of a given policy, from the environment's transition model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from arena.agents.base import Problem
from arena_tabular.planning_base import Planner, PlannerConfig, Rows, deterministic
from arena_tabular.sweeps import expecting, restrict, slots
from arena_tabular.table import Array, Float, Int

__all__ = ["Chain", "PolicyEvaluation", "random_chain"]

#: (starts, ends, successor, weight, reward) of one row a state, as `arena_tabular.sweeps` takes it.
Chain: TypeAlias = tuple[Int, Int, Array, Float, Float]


def random_chain(rows: Rows) -> Chain:
    """The chain of the uniformly random policy: the rows of a state's actions, taken together."""
    n = rows.num_actions
    bounds = np.ascontiguousarray(rows.indptr[::n])
    return bounds[:-1], bounds[1:], rows.successor, rows.weight / n, rows.reward.reshape(-1, n).mean(axis=1)


class PolicyEvaluation(Planner):
    """Policy evaluation: the exact values of the uniformly random policy, or of a given one.

        V(s) ← Σ_a π(a | s) Σ p(s', r | s, a) [r + γ V(s')]

    It acts by the policy that it evaluates, so that the return of its evaluation estimates what it computed;
    `q` is one step of lookahead, whose best action is how the policy would be improved. `Planner` documents when it
    stops and what is guaranteed then.

    Metrics: `delta`, the largest change in the last sweep; `error`, the guaranteed largest error of a value.

    Source: Puterman 1994, section 6.1; Sutton & Barto 2018, section 4.1.
    """

    @dataclass(frozen=True)
    class Config(PlannerConfig):
        """Hyperparameters of policy evaluation."""

        policy: tuple[int, ...] = ()
        """Policy to evaluate: one action for every state, counted from 0, or a single one for all; empty: uniformly
        random."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        self._given = deterministic(config.policy, self.num_states, self.num_actions)
        if self._given is None:
            self._chain, self._expect_all = random_chain(self.rows), expecting(0)
        else:
            self._chain = slots(*self.rows)
            restrict(*self.rows, self._given, self._chain)

    def sweep(self) -> None:
        """Backs up every state once, all at the same time."""
        low, high = self._expect_all(*self._chain, self._values, self._spare)
        self._swap()
        self._moved(low, high)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Actions of the evaluated policy, exploring or not."""
        if self._given is None:
            return generator.integers(self.num_actions, size=len(observation), dtype=np.int64), None
        return self._given[observation], None

    def probabilities(self, observation: Array) -> Float:
        """π(a | s) of the evaluated policy: shape (batch, num_actions)."""
        if self._given is None:
            return np.full((len(observation), self.num_actions), 1 / self.num_actions)
        return np.eye(self.num_actions)[self._given[observation]]
