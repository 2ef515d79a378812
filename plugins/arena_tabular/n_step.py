"""n-step temporal differences: prediction, and SARSA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from arena.agent import Problem
from arena.codec import State
from arena.config import Between
from arena_tabular import n_step_kernels
from arena_tabular.multi_step import MultiStep, gathered, room, scattered
from arena_tabular.options import ControlOptions
from arena_tabular.prediction import PredictionOptions, TDPrediction
from arena_tabular.temporal_difference import SARSA

__all__ = ["NStep", "NStepSARSA", "NStepTD"]

REMEDY = "give a smaller n_steps, or fewer --envs"


class NStep(MultiStep):
    """Learns from the rewards of n steps before it trusts an estimate, n steps late.

    A lane's last n − 1 steps wait in a queue. An episode's end empties it: each step's target ends where the
    episode does, with a value of zero where it terminated, and that of the true successor where it was cut off.

    With a learning rate by visits, N counts a visit when it is made, and α for its target is that of this visit.

    A step costs one action and n multiplications.
    """

    family = n_step_kernels
    config: Any

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        self._memories = np.zeros(problem.num_envs, dtype=n_step_kernels.MEMORY)
        self._memories["next_action"] = -1
        self._records = (room(problem, config.n_steps, n_step_kernels.STEP, REMEDY),)

    def state_dict(self) -> State:
        """As the one-step learner's, and the queues."""
        memories = self._memories
        return {
            **super().state_dict(),
            "queue": gathered(self._records[-1], memories["head"], memories["length"]),
        }

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        super().load_state_dict(state)
        self._memories["head"] = 0
        scattered("queues", self._records[-1], self._memories["length"], state["queue"])


class NStepTD(NStep, TDPrediction):
    """n-step TD: learns V of a policy, by default the uniformly random one, while following it.

        V(s_τ) ← V(s_τ) + α [G − V(s_τ)],   G = Σ_{k=1…n} γ^(k−1) r_{τ+k} + γ^n V(s_{τ+n})

    where the sum ends with the episode. n = 1 is TD(0); n beyond the longest episode is every-visit Monte Carlo
    with a constant α.

    Source: Watkins 1989, section 7.2; Sutton & Barto 2018, section 7.1.
    """

    @dataclass(frozen=True)
    class Config(PredictionOptions):
        """Hyperparameters of n-step TD."""

        n_steps: Annotated[int, Between(1, None)] = 4
        """How many rewards a target has before it trusts the estimate of what follows."""


class NStepSARSA(NStep, SARSA):
    """n-step SARSA: on-policy control that carries a reward n steps back at once.

        Q(s_τ, a_τ) ← Q(s_τ, a_τ) + α [G − Q(s_τ, a_τ)],
        G = Σ_{k=1…n} γ^(k−1) r_{τ+k} + γ^n Q(s_{τ+n}, a_{τ+n})

    where the sum ends with the episode. n = 1 is SARSA. Where an episode is cut off, its last action is supposed
    for the target alone, as SARSA's.

    Source: Cichosz 1995; Sutton & Barto 2018, section 7.2.
    """

    @dataclass(frozen=True)
    class Config(ControlOptions):
        """Hyperparameters of n-step SARSA."""

        n_steps: Annotated[int, Between(1, None)] = 4
        """How many rewards a target has before it trusts the estimate of what follows."""
