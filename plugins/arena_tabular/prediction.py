"""Prediction: options and acting of methods that estimate the value of a given policy from its own steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from arena.config.options import Between
from arena.errors import ArenaError
from arena.storage.codec import State
from arena_tabular.learner import TabularLearner
from arena_tabular.options import LearningOptions
from arena_tabular.records import EPSILON_GREEDY
from arena_tabular.table import Array, Float, restored

__all__ = ["Prediction", "PredictionOptions", "policy_table"]


@dataclass(frozen=True)
class PredictionOptions(LearningOptions):
    """Hyperparameters of every prediction method: those of learning, and the policy to evaluate."""

    policy: tuple[int, ...] | None = None
    """Policy to evaluate: one action for every state, counted from 0; None: uniformly random actions."""

    epsilon: Annotated[float, Between(0, 1)] = 0.0
    """Probability, in [0, 1], that the evaluated policy takes a uniformly random action instead of its own."""


def policy_table(policy: tuple[int, ...] | None, num_states: int, num_actions: int) -> Float:
    """A table whose greedy actions are those of the policy: shape (num_states, num_actions).

    Raises:
        ArenaError: if the policy does not have one valid action for every state.
    """
    table = np.zeros((num_states, num_actions))
    if policy is None:
        return table
    if len(policy) != num_states:
        raise ArenaError(
            f"the policy has {len(policy)} actions for {num_states} states", "list one action for every state"
        )
    actions = np.array(policy, dtype=np.int64)
    wild = np.flatnonzero((actions < 0) | (actions >= num_actions))
    if len(wild):
        raise ArenaError(
            f"the policy takes action {actions[wild[0]]} in state {wild[0]}",
            f"use actions in [0, {num_actions})",
        )
    table[np.arange(num_states), actions] = 1.0
    return table


class Prediction(TabularLearner):
    """Base class of learners of V: they act by a given policy, which stands in place of Q.

    Comes before the learner among a class's bases.
    """

    #: V, shape (num_states, 1).
    _estimates: Float

    def _follow(self, config: PredictionOptions) -> None:
        """Makes the policy to evaluate the behavior policy."""
        self._q[...] = policy_table(config.policy, self.num_states, self.num_actions)
        self._rules["behavior"] = EPSILON_GREEDY
        self._rules["epsilon"] = self._rules["epsilon_start"] = (
            1.0 if config.policy is None else config.epsilon
        )

    @property
    def q(self) -> Float:
        """Not available: prediction has no Q."""
        raise AttributeError("prediction learns V(s), not Q(s, a): use `values`")

    def values(self, observation: Array) -> Float:
        """V(s): shape (batch,)."""
        return np.asarray(self._estimates[observation, 0])

    def probabilities(self, observation: Array) -> Float:
        """π(a | s) of the evaluated policy: shape (batch, num_actions)."""
        return self.behavior_probabilities(observation)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Actions of the evaluated policy, exploring or not; each takes one 64-bit number of the generator."""
        return self._behave(observation, generator), None

    def snapshot(self) -> State:
        """V and the counts of visits; the policy is an option."""
        state = {**super().snapshot(), "v": self._estimates[:, 0].copy()}
        del state["q"]
        return state

    def load_snapshot(self, state: State) -> None:
        """Restores V and the counts of visits."""
        restored("values", self._estimates[:, 0], state["v"])
        self._restore_counts(state)
