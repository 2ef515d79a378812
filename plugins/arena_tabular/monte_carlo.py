"""Monte Carlo methods, and control by them: on-policy, and off-policy by weighted importance sampling.

They learn from whole returns when an episode has ended, so what they remember meanwhile is the episode under way
of each lane. Their memory is num_envs times the longest episode, 24 bytes a step, doubled as it grows.

An episode that was cut off has no return. To drop it would leave out the long episodes, which biases every
estimate and teaches nothing at all where every episode is cut off; to end its return there would take truncation
for an end. So its return goes on with the estimate of where the episode would have gone on, as it stands before
the episode is learned from: that of the policy that is evaluated (the behavior itself on-policy, the greedy
policy off-policy). Such a target is biased as far as the estimate is wrong, by γ to the number of steps before the
cut. `longest_return` cuts in the same way the returns of episodes that would never end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from arena.agents.base import Problem
from arena.config.options import Between
from arena.environments.tabular import TableVectorEnv
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Stream, Transition
from arena_tabular import monte_carlo_kernels as kernels
from arena_tabular.learner import TabularLearner, in_table, transitions_of, world_of
from arena_tabular.options import ControlOptions, LearningOptions, schedule_of
from arena_tabular.table import ActionTable, Array, Float, restored, sizes

__all__ = ["MCControl", "MonteCarlo", "OffPolicyMC", "ReturnOptions", "VisitOptions"]

#: The steps of an episode that there is room for at first.
ROOM = 64

#: Where returns are as long as their episodes.
NO_CUT = np.iinfo(np.int64).max

#: The fields of a record and what they are called in a state; probabilities are remembered off-policy only.
SAVED = {"state": "states", "action": "actions", "reward": "rewards", "probability": "probabilities"}


class MonteCarlo(TabularLearner):
    """Base class of learners from whole returns: the episodes under way, and the drivers.

    Metrics: as every learner's; `td_error` is the average of |G − estimate| over the last thousand updates.

    Args:
        problem: with discrete observations and actions.
        config: the subclass's hyperparameters, with `longest_return`.
        every: whether every visit of an episode counts, or the first.
    """

    #: The family's code of the algorithm.
    algorithm: ClassVar[int]

    def __init__(self, problem: Problem, config: Any, *, every: bool) -> None:
        states, actions = sizes(problem)
        predicts, weighs = self.algorithm == kernels.PREDICTION, self.algorithm == kernels.OFF_POLICY
        columns = 1 if predicts else actions
        visits = (states if predicts else 2 * states, columns)
        super().__init__(problem, config, algorithm=self.algorithm, visits=visits)
        self._estimates: Float = self._q
        if predicts:
            self._estimates = np.full((states, 1), config.initial_value, dtype=np.float64)
        self._weights: Float = np.zeros((states, actions) if weighs else (0, 0))
        self._firsts = np.full((0, 0) if every else (states, columns), -1, dtype=np.int64)
        self._every = every
        self._longest = NO_CUT if config.longest_return is None else config.longest_return
        self._memories = np.zeros(problem.num_envs, dtype=kernels.MEMORY)
        self._records = np.zeros((problem.num_envs, ROOM), dtype=kernels.RECORD)

    def state_dict(self) -> State:
        """State of every learner, and the steps of the episodes under way, one lane after another."""
        fields = list(SAVED) if self.algorithm == kernels.OFF_POLICY else list(SAVED)[:-1]
        lengths = self._memories["length"]
        steps = self._records[np.arange(self._records.shape[1]) < lengths[:, None]]
        episodes = {SAVED[field]: steps[field].copy() for field in fields}
        return {**super().state_dict(), "episodes": {"lengths": lengths.copy(), **episodes}}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        episodes = state["episodes"]
        restored("episodes", self._memories["length"], episodes["lengths"])
        super().load_state_dict(state)
        lengths = self._memories["length"]
        room = ROOM
        while room <= lengths.max():
            room *= 2
        self._records = np.zeros((len(lengths), room), dtype=kernels.RECORD)
        inside = np.arange(room) < lengths[:, None]
        for field, name in SAVED.items():
            if name in episodes:
                self._records[field][inside] = episodes[name]

    def _drive(self, tabular: TableVectorEnv, stream: Stream, vector_steps: int) -> None:
        while vector_steps:
            self._make_room()
            vector_steps -= kernels.drive(self._arrays(), world_of(tabular, stream), vector_steps)

    def _decide(self, observation: Array) -> Array:
        lane = kernels.decide_all(self._arrays(), observation)
        in_table(lane, observation, self.num_states)
        return np.asarray(self._memories["action"])

    def _learn(self, transition: Transition) -> None:
        self._make_room()
        lane = kernels.learn_all(self._arrays(), transitions_of(transition))
        in_table(lane, transition.next_observation, self.num_states)

    def _arrays(self) -> kernels.MonteCarloArrays:
        return kernels.MonteCarloArrays(
            self._q,
            self._estimates,
            self._weights,
            self._firsts,
            self._visits,
            self._rules,
            self._learners,
            self._memories,
            self._records,
            self._every,
            self._longest,
        )

    def _make_room(self) -> None:
        if kernels.most_remembered(self._memories) == self._records.shape[1]:
            self._records = np.concatenate([self._records, np.zeros_like(self._records)], axis=1)


@dataclass(frozen=True)
class ReturnOptions(LearningOptions):
    """Hyperparameters of every Monte Carlo method."""

    longest_return: Annotated[int | None, Between(1, None)] = None
    """Steps after which a return is cut off and continued by the estimate of the state there. None: returns last until
    the episode ends; where episodes never end, the agent never learns and its memory grows."""


@dataclass(frozen=True)
class VisitOptions(ReturnOptions):
    """Hyperparameters of Monte Carlo methods that average returns without weights."""

    visit: Literal["first", "every"] = "first"
    """Visits of an episode that update an estimate: the first to each state or pair, or every one."""


class MCControl(MonteCarlo, ActionTable):
    """On-policy Monte Carlo control: learns the value of the exploring policy that it follows from whole returns.

        Q(s, a) ← Q(s, a) + α [G − Q(s, a)],    G = r₁ + γ r₂ + γ² r₃ + …

    for the first visit to (s, a) in an episode, or for every one, backwards from its end. The box's average of all
    returns is `learning_rate 1 learning_rate_schedule visits`, where N counts the returns of (s, a); the behavior's
    counts are of the times that an action was taken. Where the episode was cut off, the return goes on with
    Σ_a π(a | s') Q(s', a) of the behavior at the true successor.

    Source: Sutton & Barto 2018, section 5.4, with any behavior for the ε-greedy one.
    """

    @dataclass(frozen=True)
    class Config(VisitOptions, ControlOptions):
        """Hyperparameters of on-policy Monte Carlo control."""

    algorithm = kernels.CONTROL
    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, every=config.visit == "every")


class OffPolicyMC(MonteCarlo, ActionTable):
    """Off-policy Monte Carlo control: learns the value of the greedy policy from the returns of an exploring one.

    Backwards from the end of an episode with G = 0 and W = 1,

        G ← r + γ G
        W̄(s, a) ← W̄(s, a) + α [W − W̄(s, a)]
        Q(s, a) ← Q(s, a) + α W / W̄(s, a) [G − Q(s, a)]
        W ← W / b(a | s),  or on to the next episode if a is not the greedy action

    where b is the behavior when it acted, and the first of several best actions is the greedy one. With α = 1 / N,
    `learning_rate 1 learning_rate_schedule visits`, W̄ is C / N of the box and α W / W̄ is its W / C(s, a), weighted
    importance sampling over all episodes; a constant α weighs recent ones more. The first return replaces the
    initial value. Where the episode was cut off, G starts at max_a Q(s', a) of the true successor. An
    episode is left where its W exceeds 1e250.

    It learns from the tails of episodes alone, after the last action that was not greedy.

    Source: Precup, Sutton & Singh 2000; Sutton & Barto 2018, sections 5.6 and 5.7.

    Raises:
        ArenaError: for a behavior that never tries some actions: the greedy policy could not be learned from it.
    """

    @dataclass(frozen=True)
    class Config(ReturnOptions, ControlOptions):
        """Hyperparameters of off-policy Monte Carlo control."""

        def __post_init__(self) -> None:
            super().__post_init__()
            greedy = self.epsilon == 0 and schedule_of(self, "epsilon") != "linear"
            if self.behavior == "ucb" or (self.behavior == "epsilon-greedy" and greedy):
                raise ArenaError(
                    "off-policy Monte Carlo needs a behavior that may take every action",
                    "set behavior to epsilon-greedy with an epsilon above 0, or to softmax",
                )

    algorithm = kernels.OFF_POLICY
    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, every=True)

    def state_dict(self) -> State:
        """State of every Monte Carlo learner, and the average weights W̄."""
        return {**super().state_dict(), "weights": self._weights.copy()}

    def load_state_dict(self, state: State) -> None:
        """Restores the state; training continues from there."""
        super().load_state_dict(state)
        restored("weights", self._weights, state["weights"])
