"""Dynamic programming: optimal behaviour from the environment's transition model, without a step in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from arena.agent import Needs, Problem, Progress
from arena.codec import State
from arena.config import Between
from arena.errors import ArenaError
from arena.stream import Stream
from arena_tabular.sweeps import lookahead, sweep
from arena_tabular.table import Array, Float, Int, TabularAgent, restored

__all__ = ["ValueIteration"]

#: Action values that differ by less than this, relative to the terms they are sums of, count as equal.
ROUNDING = 1e-12


class ValueIteration(TabularAgent):
    """Backs up every state at once until nothing changes by more than `tolerance`.

        V(s) ← max_a Σ p(s', r | s, a) [r + γ V(s')]

    with zero for V(s') where the episode terminates. The distance to the optimum is then at most
    tolerance · γ / (1 − γ). With a discount of 1 it converges wherever every state can reach an end or
    rewards run dry; elsewhere the number of sweeps bounds it.

    The policy is greedy by one step of lookahead. Among the actions whose values equal the best one's up to
    rounding it takes the first, so that symmetric tasks have one answer.

    Metrics: `delta`, the largest change in the last sweep.

    Source: Bellman 1957; Puterman 1994, section 6.3; Sutton & Barto 2018, section 4.4.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyperparameters of value iteration."""

        discount: Annotated[float, Between(0, 1)] = 0.99
        """γ: what a reward is worth one step later."""

        tolerance: Annotated[float, Between(0, None)] = 1e-10
        """The change of a value in one sweep at which it stops."""

    needs: ClassVar[Needs] = Needs(observations=("discrete",), actions=("discrete",), model=True)
    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        model = problem.model
        if model is None:
            raise ArenaError(
                "value iteration needs the environment's transition model, and this environment has none",
                "take an agent that learns by acting, such as q-learning",
            )
        if (model.num_states, model.num_actions) != (self.num_states, self.num_actions):
            raise ArenaError(
                f"the transition model has {model.num_states} states and {model.num_actions} actions, the "
                f"environment {self.num_states} and {self.num_actions}",
                "give the model of this environment",
            )
        weight = np.where(model.terminated, 0.0, config.discount * model.probability)
        reward = model.expected_reward().ravel()
        self._rows = (self.num_actions, model.indptr, model.successor, weight, reward)
        self._values = np.zeros(self.num_states)
        self._next_values = np.empty(self.num_states)
        self._sweeps, self._delta = 0, np.inf

    @property
    def converged(self) -> bool:
        """Whether the last sweep changed no value by more than the tolerance."""
        return self._delta <= self.config.tolerance

    def train(self, stream: Stream) -> Iterator[Progress]:
        """A sweep a yield; the stream is not stepped."""
        while not self.converged:
            self._delta = float(sweep(*self._rows, self._values, self._next_values))
            self._values, self._next_values = self._next_values, self._values
            self._sweeps += 1
            self._forget()
            yield Progress(self._sweeps, metrics={"delta": self._delta})

    @property
    def q(self) -> Float:
        """r(s, a) + γ Σ p(s' | s, a) V(s'), computed once for each V."""
        return self._lookahead[0]

    def greedy(self, observation: Array) -> Int:
        """The first action whose value equals max_a Q(s, a) up to rounding: shape (batch,)."""
        return self._policy[observation]

    def values(self, observation: Array) -> Float:
        """V(s): shape (batch,)."""
        return self._values[observation]

    def state_dict(self) -> State:
        """V, the sweeps so far, and the change in the last."""
        return {"values": self._values.copy(), "sweeps": self._sweeps, "delta": self._delta}

    def load_state_dict(self, state: State) -> None:
        """Goes on from there; a finished plan stays finished."""
        restored("values", self._values, state["values"])
        self._sweeps, self._delta = state["sweeps"], state["delta"]
        self._forget()

    @cached_property
    def _lookahead(self) -> tuple[Float, Float]:
        q, size = np.empty((2, self.num_states, self.num_actions))
        lookahead(*self._rows, self._values, q, size)
        return q, size

    @cached_property
    def _policy(self) -> Int:
        q, size = self._lookahead
        slack = ROUNDING * size.max(axis=1, keepdims=True)
        return np.asarray((q >= q.max(axis=1, keepdims=True) - slack).argmax(axis=1), dtype=np.int64)

    def _forget(self) -> None:
        """Drops what was computed of older values."""
        cached: dict[str, Any] = self.__dict__
        cached.pop("_lookahead", None)
        cached.pop("_policy", None)
