"""Base class of planners: the prepared model, the stopping rule, its guarantee, and acting by one-step lookahead."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from arena.agents.base import Needs, Problem
from arena.config.options import Between
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_tabular.sweeps import ROUNDING, expecting, improving, lookahead, weigh
from arena_tabular.table import ActionTable, Array, Float, Int, restored

__all__ = ["Planner", "PlannerConfig", "Rows", "deterministic"]

EPSILON = float(np.finfo(np.float64).eps)


#: The longest rows, all of one length, that sweeps are compiled for; in longer ones the loop costs nothing.
WIDEST = 8


class Rows(NamedTuple):
    """A model as the sweeps take it: `arena_tabular.sweeps` says what each is."""

    num_actions: int
    indptr: Int
    successor: Array
    weight: Float
    reward: Float


@dataclass(frozen=True)
class PlannerConfig:
    """Hyperparameters of every planner."""

    discount: Annotated[float, Between(0, 1)] = 0.99
    """Discount factor γ: weight of a reward one step later."""

    tolerance: Annotated[float, Between(0, None)] = 1e-10
    """Error of a value at which planning stops: guaranteed for γ < 1; for γ = 1, the largest change of a value in
    one sweep. Smaller values take more sweeps."""


class Planner(ActionTable):
    """Base class of planners: values computed from the environment's transition model, without acting in it.

    A sweep has changed every value by between `low` and `high`. If Σ_s' γ p(s' | s, a) lies between g and G in
    every row (less than γ where episodes end), what is still missing lies, in every state, between

        low · g / (1 − g) and high · G / (1 − G)    for 0 ≤ low ≤ high,

    G in place of g where low is negative, and g in place of G where high is. Half the distance between the two
    is the `error` that the middle can have, and long before the values stop moving it is small (MacQueen 1966;
    Porteus 1971). A planner stops when it is at most `tolerance`, and takes the middle; with a discount of 1
    nothing bounds what is missing, and it stops when no value changed by more than `tolerance`. In either case
    it stops where changes are no more than rounding. With a discount of 1 it converges wherever every state
    can reach an end or rewards run dry; elsewhere the number of sweeps bounds it.

    The policy is greedy by one step of lookahead. Among the actions whose values equal the best one's up to
    rounding it takes the first, so that symmetric tasks have one answer.

    Metrics: `delta`, the largest change in the last sweep; `error`, the guaranteed largest error of a value,
    where there is one.

    Source: Puterman 1994, sections 6.3 to 6.6.
    """

    Config: ClassVar[Any] = PlannerConfig
    needs: ClassVar[Needs] = Needs(observations=("discrete",), actions=("discrete",), model=True)
    config: Any

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        model = problem.model
        if model is None:
            raise ArenaError(
                "planning needs the environment's transition model, and this environment has none",
                "use an agent that learns by acting, such as q-learning",
            )
        if (model.num_states, model.num_actions) != (self.num_states, self.num_actions):
            raise ArenaError(
                f"the transition model has {model.num_states} states and {model.num_actions} actions, the "
                f"environment {self.num_states} and {self.num_actions}",
                "pass the model of this environment",
            )
        weight, reward = np.empty(model.transitions), np.empty(len(model.indptr) - 1)
        tables = (model.indptr, model.probability, model.reward, model.terminated)
        least, greatest, shortest, self._longest = weigh(*tables, config.discount, weight, reward)
        width = shortest if shortest == self._longest <= WIDEST else 0
        self._improve_all, self._expect_all = improving(width), expecting(width)
        # Probabilities sum to one up to rounding only, of which 1 / (1 − G) must not be made.
        self._discounts, self._bounded = (least, greatest), greatest < 1 - 1e-9
        self.rows = Rows(self.num_actions, model.indptr, model.successor.view(np.uint32), weight, reward)
        self._values, self._spare = np.zeros(self.num_states), np.empty(self.num_states)
        self._sweeps, self._delta, self._error = 0, np.inf, np.inf
        self._converged, self._rounding = False, 0.0

    @abstractmethod
    def sweep(self) -> None:
        """One turn of the algorithm: a sweep or an improvement; ends in `_moved`."""

    @property
    def converged(self) -> bool:
        """Whether planning has converged."""
        return self._converged

    @property
    def q(self) -> Float:
        """r(s, a) + γ Σ p(s' | s, a) V(s'), computed once for each V."""
        return self._lookahead[0]

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Yields after every sweep; the stream is not stepped."""
        while not self._converged:
            self.sweep()
            self._sweeps += 1
            self._forget()
            metrics = {"delta": self._delta, "error": self._error, **self._metrics()}
            yield Progress(self._sweeps, metrics={k: v for k, v in metrics.items() if np.isfinite(v)})

    def greedy(self, observation: Array) -> Int:
        """The first action whose value equals max_a Q(s, a) up to rounding: shape (batch,)."""
        return self._policy[observation]

    def values(self, observation: Array) -> Float:
        """V(s): shape (batch,)."""
        return self._values[observation]

    def state_dict(self) -> State:
        """V, the sweeps so far, and the bounds of its error; subclasses add what else they keep."""
        return {
            **{name: array.copy() for name, array in self._arrays().items()},
            "sweeps": self._sweeps,
            "delta": self._delta,
            "error": self._error,
            "converged": self._converged,
        }

    def load_state_dict(self, state: State) -> None:
        """Restores the state; planning that had converged stays converged."""
        for name, array in self._arrays().items():
            restored(name, array, state[name])
        self._sweeps, self._converged = state["sweeps"], state["converged"]
        self._delta, self._error = state["delta"], state["error"]
        self._forget()

    def transfer(self, state: State) -> None:
        """Starts from the values of another run; their error here is unknown at first."""
        restored("values", self._values, state["values"])
        self._forget()

    def _arrays(self) -> dict[str, Array]:
        """The arrays that are saved, and restored in place."""
        return {"values": self._values}

    def _metrics(self) -> dict[str, float]:
        """Metrics of the planner beside `delta` and `error`."""
        return {}

    def _swap(self) -> None:
        """Makes the values that a sweep has written V."""
        self._values, self._spare = self._spare, self._values

    def _missing(self, low: float, high: float) -> tuple[float, float]:
        """Bounds on V* − V' in every state, when V' = TV and low ≤ V' − V ≤ high."""
        if not self._bounded:
            return (-np.inf, np.inf) if low < high or low else (0.0, 0.0)
        least, greatest = (g / (1 - g) for g in self._discounts)
        return low * (greatest if low < 0 else least), high * (greatest if high > 0 else least)

    def _stretch(self, low: float, high: float) -> float:
        """How far the values of two rows can part when values change by between `low` and `high`."""
        least, greatest = self._discounts
        return float(max(least * high, greatest * high) - min(least * low, greatest * low))

    def _moved(self, low: float, high: float) -> tuple[float, float]:
        """Notes a sweep that changed V by between `low` and `high`, and takes the middle if that is the end.

        Returns:
            Bounds on what is missing, as `_missing`.
        """
        below, above = self._missing(low, high)
        self._delta, self._error = max(-low, high), (above - below) / 2
        self._rounding = self._noise()
        self._converged = self._settled(low, high)
        if self._converged and self._bounded:
            self._values += (below + above) / 2
        return below, above

    def _settled(self, low: float, high: float) -> bool:
        """Whether after such a sweep the middle is within the tolerance, or all that changed is rounding."""
        below, above = self._missing(low, high)
        delta = max(-low, high)
        error = (above - below) / 2 if self._bounded else delta
        return bool(error <= self.config.tolerance or delta <= self._rounding)

    def _noise(self) -> float:
        """The change of a value that may be rounding and nothing else."""
        return float(EPSILON * (self._longest + 2) * max(self._values.max(), -self._values.min()))

    @cached_property
    def _lookahead(self) -> tuple[Float, Float]:
        q, size = np.empty((2, self.num_states, self.num_actions))
        lookahead(*self.rows, self._values, q, size)
        return q, size

    @cached_property
    def _policy(self) -> Int:
        q, size = self._lookahead
        slack = ROUNDING * size.max(axis=1, keepdims=True)
        return np.asarray((q >= q.max(axis=1, keepdims=True) - slack).argmax(axis=1), dtype=np.int64)

    def _forget(self) -> None:
        """Discards results computed from older values."""
        cached: dict[str, Any] = self.__dict__
        cached.pop("_lookahead", None)
        cached.pop("_policy", None)


def deterministic(actions: tuple[int, ...], num_states: int, num_actions: int) -> Int | None:
    """An option's policy: an action for every state, or one for all; None, the uniformly random one, for ().

    Raises:
        ArenaError: there are neither one nor `num_states` of them, or one is no action.
    """
    if not actions:
        return None
    if len(actions) not in (1, num_states) or not 0 <= min(actions) <= max(actions) < num_actions:
        raise ArenaError(
            f"a policy of {len(actions)} actions from {min(actions)} to {max(actions)} does not fit {num_states} "
            f"states with {num_actions} actions",
            "list one action, or one for every state, counted from 0",
        )
    return np.ascontiguousarray(np.broadcast_to(np.array(actions, dtype=np.int64), num_states))
