"""Prediction: what a given policy is worth, learned from its own steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from arena.agent import Problem
from arena.codec import State
from arena.config import Between
from arena.errors import ArenaError
from arena_tabular import kernels
from arena_tabular.options import LearningOptions
from arena_tabular.records import EPSILON_GREEDY
from arena_tabular.table import Array, Float, restored, sizes
from arena_tabular.temporal_difference import OneStep

__all__ = ["Prediction", "PredictionOptions", "TDPrediction", "policy_table"]


@dataclass(frozen=True)
class PredictionOptions(LearningOptions):
    """What every method of prediction has: the policy that it predicts."""

    policy: tuple[int, ...] | None = None
    """The policy to evaluate: an action for every state; None for uniformly random ones."""

    epsilon: Annotated[float, Between(0, 1)] = 0.0
    """How often the policy takes a uniformly random action instead."""


def policy_table(policy: tuple[int, ...] | None, num_states: int, num_actions: int) -> Float:
    """A table whose greedy action is the policy's: shape (num_states, num_actions).

    Raises:
        ArenaError: if it does not give every state one of the actions.
    """
    table = np.zeros((num_states, num_actions))
    if policy is None:
        return table
    if len(policy) != num_states:
        raise ArenaError(
            f"the policy has {len(policy)} actions for {num_states} states", "give an action for every state"
        )
    actions = np.array(policy, dtype=np.int64)
    wild = np.flatnonzero((actions < 0) | (actions >= num_actions))
    if len(wild):
        raise ArenaError(
            f"the policy takes action {actions[wild[0]]} in state {wild[0]}",
            f"give actions in [0, {num_actions})",
        )
    table[np.arange(num_states), actions] = 1.0
    return table


class Prediction:
    """What learners of V share: a policy that is given in place of Q, which they only follow."""

    def _follow(self, config: PredictionOptions) -> None:
        """Makes the behavior the policy that is to be evaluated."""
        self._q[...] = policy_table(config.policy, self.num_states, self.num_actions)
        self._rules["behavior"] = EPSILON_GREEDY
        self._rules["epsilon"] = self._rules["epsilon_start"] = (
            1.0 if config.policy is None else config.epsilon
        )

    @property
    def q(self) -> Float:
        """There is none."""
        raise AttributeError("prediction learns V(s), not Q(s, a): ask for `values`")

    def values(self, observation: Array) -> Float:
        """V(s): shape (batch,)."""
        return np.asarray(self._estimates[observation, 0])

    def probabilities(self, observation: Array) -> Float:
        """π(a | s) of the policy that it evaluates: shape (batch, num_actions)."""
        return self.behaviour_probabilities(observation)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """By the policy that it evaluates, exploring or not: one 64-bit number of the generator for each."""
        return self._behave(observation, generator), None

    def snapshot(self) -> State:
        """V and the counts; the policy is an option."""
        state = {**super().snapshot(), "v": self._estimates[:, 0].copy()}
        del state["q"]
        return state

    def load_snapshot(self, state: State) -> None:
        """Takes them back."""
        restored("values", self._estimates[:, 0], state["v"])
        self._restore_counts(state)


class TDPrediction(Prediction, OneStep):
    """TD(0): learns V of a policy, by default the uniformly random one, while following it.

        V(s) ← V(s) + α [r + γ V(s') − V(s)]

    with zero for V(s') where the episode terminated. With a learning rate by visits, N counts those of the state.
    It has no Q, and never acts otherwise than by its policy.

    Source: Sutton 1988; Sutton & Barto 2018, section 6.1.
    """

    @dataclass(frozen=True)
    class Config(PredictionOptions):
        """Hyperparameters of TD(0)."""

    algorithm = kernels.PREDICTION
    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        states, _ = sizes(problem)
        super().__init__(problem, config, estimates=(states, 1), visits=(states, 1))
        self._follow(config)
