"""Eligibility traces: TD(λ), SARSA(λ) and Watkins's Q(λ)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from arena.agents.base import Problem
from arena.config.options import Between
from arena.storage.codec import State
from arena_tabular import traces_kernels
from arena_tabular.multi_step import MultiStep, gathered, room, scattered
from arena_tabular.options import ControlOptions
from arena_tabular.prediction import PredictionOptions, TDPrediction
from arena_tabular.table import restored
from arena_tabular.temporal_difference import SARSA, QLearning

__all__ = ["QLambda", "SARSALambda", "TDLambda", "Trace", "Traces", "most_traces"]

Trace = Literal["accumulating", "replacing", "dutch"]

KINDS = {
    "accumulating": traces_kernels.ACCUMULATING,
    "replacing": traces_kernels.REPLACING,
    "dutch": traces_kernels.DUTCH,
}

REMEDY = "give a larger trace_cutoff, a smaller trace_decay, or fewer --envs"


def most_traces(decay: float, cutoff: float, cells: int) -> int:
    """How many traces a lane can have between two steps.

    No trace exceeds 1 / (1 − γλ), the sum of all decays, so after some number of steps each unvisited one has
    fallen to the cutoff; a lane has at most one for every step since, and one for every cell.

    Args:
        decay: γλ.
        cutoff: at which a trace is dropped.
        cells: of the table.
    """
    if decay <= cutoff:
        return 1
    if cutoff == 0 or decay == 1:
        return cells
    return min(cells, math.ceil(math.log(cutoff * (1 - decay)) / math.log(decay)) + 1)


class Traces(MultiStep):
    """Tells every error to all cells that led to it, each by its trace e, which fades by γλ a step.

    The trace of the cell that is visited becomes, according to the option `trace`,

        accumulating   e + 1
        replacing      1
        dutch          (1 − α) e + 1

    and all are cleared at an episode's end, after its last error: with a value of zero beyond where it terminated,
    and with that of the true successor where it was cut off. Replacing leaves the state's other actions alone.

    Dutch traces belong to true online TD(λ), which equals the λ-return at every moment, not only for small α:
    where M is how far s was moved since the last target took its value, all cells are updated by α (δ + M) e,
    and then the visited one by −α M.

    A trace of trace_cutoff or less is dropped: an error δ then goes without updates of at most
    α |δ| · trace_cutoff each. A step costs as much as there are traces.

    Source: Sutton 1988; replacing: Singh & Sutton 1996; dutch: van Seijen & Sutton 2014; Sutton & Barto 2018,
    chapter 12.
    """

    family = traces_kernels
    config: Any

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        self._memories = np.zeros(problem.num_envs, dtype=traces_kernels.MEMORY)
        self._memories["next_action"] = -1
        decay = config.discount * config.trace_decay
        tracings = np.zeros(1, dtype=traces_kernels.TRACING)
        tracings[0] = (KINDS[config.trace], decay, config.trace_cutoff)
        most = most_traces(decay, config.trace_cutoff, self._learned.size)
        self._records = (tracings, room(problem, most, traces_kernels.TRACE, REMEDY))

    def state_dict(self) -> State:
        """As the one-step learner's, and the traces."""
        memories = self._memories
        return {
            **super().state_dict(),
            "traces": gathered(self._records[-1], np.zeros_like(memories["count"]), memories["count"]),
            "previous": memories["previous"].copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        super().load_state_dict(state)
        scattered("traces", self._records[-1], self._memories["count"], state["traces"])
        restored("previous values", self._memories["previous"], state["previous"])


class TDLambda(Traces, TDPrediction):
    """TD(λ): learns V of a policy, by default the uniformly random one, from all n-step returns at once.

        δ = r + γ V(s') − V(s),   e(s) as `trace` says;   for all x:  V(x) ← V(x) + α δ e(x),  e(x) ← γλ e(x)

    with zero for V(s') where the episode terminated. λ = 0 is TD(0); λ = 1 is Monte Carlo, as α goes to zero:
    every-visit with accumulating traces, and with replacing ones, where γ = 1, first-visit.

    Source: Sutton 1988; Singh & Sutton 1996; van Seijen & Sutton 2014; Sutton & Barto 2018, sections 12.2
    and 12.5.
    """

    @dataclass(frozen=True)
    class Config(PredictionOptions):
        """Hyperparameters of TD(λ)."""

        trace_decay: Annotated[float, Between(0, 1)] = 0.9
        """λ: 0 looks one step ahead, 1 to the end."""

        trace: Trace = "accumulating"
        """What a visit does to its trace: adds 1, sets it to 1, or (1 − α) e + 1, as in true online TD(λ)."""

        trace_cutoff: Annotated[float, Between(0, 1, open_high=True)] = 1e-4
        """A trace that has fallen to this is dropped; 0 keeps all until they vanish."""


class SARSALambda(Traces, SARSA):
    """SARSA(λ): on-policy control that tells an error to all pairs that led to it.

        δ = r + γ Q(s', a') − Q(s, a),   e(s, a) as `trace` says;
        for all x, b:  Q(x, b) ← Q(x, b) + α δ e(x, b),  e(x, b) ← γλ e(x, b)

    where a' is the action that it takes next; zero stands for Q(s', a') where the episode terminated. λ = 0 is
    SARSA.

    Source: Rummery & Niranjan 1994; Singh & Sutton 1996; van Seijen et al. 2016; Sutton & Barto 2018,
    section 12.7.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of SARSA(λ)."""

        trace_decay: Annotated[float, Between(0, 1)] = 0.9
        """λ: 0 looks one step ahead, 1 to the end."""

        trace: Trace = "replacing"
        """What a visit does to its trace: adds 1, sets it to 1, or (1 − α) e + 1, as in true online SARSA(λ)."""

        trace_cutoff: Annotated[float, Between(0, 1, open_high=True)] = 1e-4
        """A trace that has fallen to this is dropped; 0 keeps all until they vanish."""


class QLambda(Traces, QLearning):
    """Watkins's Q(λ): off-policy control whose traces reach back as far as it acted greedily.

        δ = r + γ max_b Q(s', b) − Q(s, a);   all traces are cleared if Q(s, a) < max_b Q(s, b);
        e(s, a) as `trace` says;
        for all x, b:  Q(x, b) ← Q(x, b) + α δ e(x, b),  e(x, b) ← γλ e(x, b)

    with zero for the maximum where the episode terminated. Whether a is greedy is asked when it is chosen, which
    is after the update of the step before, as in Q-learning: λ = 0 is Q-learning.

    Source: Watkins 1989, section 7.3; Sutton & Barto 1998, section 7.6; 2018, section 12.10.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of Watkins's Q(λ)."""

        trace_decay: Annotated[float, Between(0, 1)] = 0.9
        """λ: 0 looks one step ahead, 1 as far as it acted greedily."""

        trace: Literal["accumulating", "replacing"] = "replacing"
        """What a visit does to its trace: adds 1, or sets it to 1."""

        trace_cutoff: Annotated[float, Between(0, 1, open_high=True)] = 1e-4
        """A trace that has fallen to this is dropped; 0 keeps all until they vanish."""
