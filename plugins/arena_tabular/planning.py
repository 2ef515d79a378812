"""Dynamic programming: value iteration, policy iteration, and modified policy iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from arena.agents.base import Problem
from arena.config.options import Between
from arena.storage.codec import State
from arena_tabular.evaluation import Chain, random_chain
from arena_tabular.planning_base import Planner, PlannerConfig, deterministic
from arena_tabular.sweeps import expecting, in_place, restrict, slots
from arena_tabular.table import Array, Int

__all__ = ["ModifiedPolicyIteration", "PolicyIteration", "ValueIteration"]

#: The most states whose equations are solved by linear algebra: tens of milliseconds.
SOLVABLE = 1000

#: Sweeps of an evaluation before the policy is improved all the same.
MOST_SWEEPS = 1000

#: An expected number of steps beyond which a solution is taken for that of a singular matrix.
LONGEST = 1e12

#: Stands for an action where the policy is uniformly random.
RANDOM = -1


class _Improving(Planner):
    """Base class of planners that keep a policy and improve it in every sweep."""

    def __init__(self, problem: Problem, config: PlannerConfig) -> None:
        super().__init__(problem, config)
        self._actions = np.zeros(self.num_states, dtype=np.int64)
        self._deadline = np.zeros(self.num_states)
        self._drift = np.zeros(1)
        self._changed = 0
        self._chain: Chain = slots(*self.rows)

    def _improve(self) -> tuple[float, float]:
        """V ← TV, and the policy becomes greedy to what V was; returns min and max of TV − V."""
        low, high, self._changed = self._improve_all(
            *self.rows, self._values, self._spare, self._actions, self._deadline, self._drift[0], self._chain
        )
        self._swap()
        self._drift += self._stretch(low, high)
        return low, high

    def _metrics(self) -> dict[str, float]:
        return {"changed": self._changed}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; planning continues from there."""
        super().load_state_dict(state)
        if self._actions[0] != RANDOM:
            restrict(*self.rows, self._actions, self._chain)

    def _arrays(self) -> dict[str, Array]:
        arrays = {"actions": self._actions, "deadline": self._deadline, "drift": self._drift}
        return {**super()._arrays(), **arrays}


class ValueIteration(_Improving):
    """Value iteration: backs up every state until the values converge.

        V(s) ← max_a Σ p(s', r | s, a) [r + γ V(s')]

    with zero for V(s') where the episode terminates, and zero everywhere at the start. Synchronous sweeps use
    the values of the sweep before; Gauss–Seidel ones use the newest, going through the states forwards and
    backwards in turn, which carries values far where neighbours have neighbouring numbers, as in a grid.
    `Planner` documents when it stops, what is guaranteed then, and what the policy is. After a Gauss–Seidel sweep,
    whose changes are no backup of all states at once, the error is at most max |change| · γ / (1 − γ).

    Metrics: `delta`, the largest change in the last sweep; `error`, the guaranteed largest error of a value.

    Source: Bellman 1957; Puterman 1994, section 6.3; Sutton & Barto 2018, section 4.4.
    """

    @dataclass(frozen=True)
    class Config(PlannerConfig):
        """Hyperparameters of value iteration."""

        order: Literal["synchronous", "gauss-seidel"] = "synchronous"
        """Order of backups in a sweep: synchronous, all from the values of the sweep before; gauss-seidel, each from
        the newest values."""

    config: Config

    def sweep(self) -> None:
        """Backs up every state once."""
        if self.config.order == "synchronous":
            self._moved(*self._improve())
        else:
            low, high = in_place(*self.rows, self._values, self._sweeps % 2 == 1)
            delta = max(-low, high)
            self._moved(-delta, delta)


class ModifiedPolicyIteration(_Improving):
    """Modified policy iteration: alternates one improvement with a few sweeps of policy evaluation.

        π(s) ← argmax_a Σ p(s', r | s, a) [r + γ V(s')],    V ← (T_π)^(m + 1) V

    where T_π backs up the actions of π alone. m = 0 is value iteration, m → ∞ policy iteration. After every
    improvement, whatever is certain to be missing in all states is added (Porteus 1971). Steps are
    improvements; `Planner` documents when it stops, what is guaranteed then, and what the policy is.

    Metrics: `delta`, the largest change of a value in the last improvement; `error`, the guaranteed largest
    error of a value; `changed`, the actions changed.

    Source: Puterman & Shin 1978; Puterman 1994, section 6.5.
    """

    @dataclass(frozen=True)
    class Config(PlannerConfig):
        """Hyperparameters of modified policy iteration."""

        evaluation_sweeps: Annotated[int, Between(0, None)] = 4
        """Number m of policy-evaluation sweeps after each improvement; 0 is value iteration, large values approach
        policy iteration."""

    config: Config

    def sweep(self) -> None:
        """Improves the policy, and evaluates it partially."""
        below, above = self._moved(*self._improve())
        if self._converged:
            return
        certain = max(below, 0.0) + min(above, 0.0)
        self._values += certain
        self._drift += self._stretch(certain, certain)
        # A policy that stayed the same is evaluated to the end: there is nothing else to do.
        settling = self._changed == 0
        for _ in range(MOST_SWEEPS if settling else self.config.evaluation_sweeps):
            low, high = self._expect_all(*self._chain, self._values, self._spare)
            self._swap()
            self._drift += self._stretch(low, high)
            if settling and self._settled(low, high):
                break


class PolicyIteration(_Improving):
    """Policy iteration: evaluates the policy, then makes it greedy to its values, until it does not change.

        V ← V^π, the solution of V = r_π + γ P_π V;    π(s) ← argmax_a Σ p(s', r | s, a) [r + γ V(s')]

    Up to a thousand states, V^π is solved for by linear algebra; where there are more, or where the policy never
    ends and nothing is discounted, by sweeps to the tolerance, at most a thousand before the next improvement.
    An action is changed only for one that is better beyond rounding, so that ties do not make it cycle. Steps
    are improvements; the last changes nothing. The policy is the one improved; `Planner` documents what is
    guaranteed.

    Metrics: `delta`, the largest change of a value in the last improvement; `error`, the guaranteed largest
    error of a value; `changed`, the actions changed.

    Source: Howard 1960; Puterman 1994, section 6.4; Sutton & Barto 2018, section 4.3.
    """

    @dataclass(frozen=True)
    class Config(PlannerConfig):
        """Hyperparameters of policy iteration."""

        initial_policy: tuple[int, ...] = ()
        """Initial policy: one action for every state, counted from 0, or a single one for all; empty: uniformly
        random."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        given = deterministic(config.initial_policy, self.num_states, self.num_actions)
        self._actions[:] = RANDOM if given is None else given
        if given is not None:
            restrict(*self.rows, given, self._chain)

    def sweep(self) -> None:
        """Evaluates the policy, and improves it."""
        random = bool(self._actions[0] == RANDOM)
        chain = random_chain(self.rows) if random else self._chain
        before = self._values.copy()
        exact = self._solve(chain) or self._iterate(chain, expecting(0) if random else self._expect_all)
        change = self._values - before
        self._drift += self._stretch(change.min(), change.max())
        if random:
            self._actions[:] = 0
        self._moved(*self._improve())
        self._converged |= exact and not random and self._changed == 0

    def _solve(self, chain: Chain) -> bool:
        """V ← V^π by linear algebra, if the chain is small and what is left of an episode finite everywhere."""
        n = self.num_states
        if n > SOLVABLE:
            return False
        matrix = np.eye(n)
        for s, (start, end) in enumerate(zip(*chain[:2], strict=True)):
            np.subtract.at(matrix[s], chain[2][start:end], chain[3][start:end])
        try:
            value, left = np.linalg.solve(matrix, np.stack([chain[4], np.ones(n)], axis=1)).T
        except np.linalg.LinAlgError:
            return False
        if not np.all((left > 0.5) & (left < LONGEST)):  # at least one step in truth; nonsense where singular
            return False
        self._values[:] = value
        return True

    def _iterate(self, chain: Chain, expect: Callable[..., tuple[float, float]]) -> bool:
        """Sweeps over the chain; returns whether V is now V^π to the tolerance."""
        self._rounding = self._noise()
        for _ in range(MOST_SWEEPS):
            low, high = expect(*chain, self._values, self._spare)
            self._swap()
            if self._settled(low, high):
                if self._bounded:
                    self._values += sum(self._missing(low, high)) / 2
                return True
        return False

    @property
    def _policy(self) -> Int:
        return super()._policy if self._sweeps == 0 else self._actions
