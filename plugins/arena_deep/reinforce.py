"""REINFORCE: whole episodes of one policy, and a baseline that takes off what no action is to blame for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.agent import Problem
from arena.codec import State
from arena.config import Between, Positive
from arena.errors import ArenaError
from arena.stream import Stream
from arena_deep.advantages import returns_to_go
from arena_deep.estimators import Baseline, Estimator, average_of_others, episodes, gradient_weights
from arena_deep.networks import observe
from arena_deep.policy_gradient import PolicyGradient, PolicyGradientOptions

__all__ = ["REINFORCE"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Whoever has taken so many steps, or so many bytes, without the episodes that it learns from will not get them.
PATIENCE, MOST_BYTES = 1_000_000, 4 << 30


class REINFORCE(PolicyGradient):
    """Monte-Carlo policy gradient.

        ∇J ≈ 1/N Σ_i Σ_t w_t^i ∇ log π(a_t^i|s_t^i)

    over N whole episodes, all of them from one policy; `estimators` says what w is. Of n lanes each gives its first
    N / n episodes (rounded up), whichever end first; then the policy changes. What the lanes were in the midst of
    belongs to two policies and is left out: with one lane nothing is lost, so that is what presets have.

    Where an episode was cut off, the learned value of its true last observation stands for the rest. Without a
    learned value nothing does: the time limit then is a part of the task, as in undiscounted evaluation.

    Metrics, of the last update: `policy_loss`; `value_loss` of the baseline, where it is learned; `entropy` (nats);
    `gradient`, its length before it was cut; `weight_deviation`, the standard deviation of w, which baselines lower.

    Source: Williams 1992; Sutton & Barto 2018, sections 13.3 and 13.4.

    Args:
        problem: of array observations, and either kind of actions.
        config: the hyperparameters.
    """

    @dataclass(frozen=True)
    class Config(PolicyGradientOptions):
        """Hyperparameters."""

        episodes: Annotated[int, Between(1, None)] = 8
        """N: whole episodes between two updates, over all environments; each gives equally many."""

        estimator: Estimator = "reward-to-go"
        """What weighs an action's log-probability: its whole trajectory's return, or the return from it on."""

        baseline: Baseline = "average"
        """What is taken off the return: nothing, the average return of the other episodes, or a learned value."""

        discount_steps: bool = False
        """Whether what step t weighs counts γ^t, as the gradient of the discounted return has it."""

        max_grad_norm: Annotated[float | None, Positive] = None
        """The length to which a longer gradient is cut; None: never."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, critic=config.baseline == "value", capacity=256)
        self._quota = -(-config.episodes // problem.num_envs)
        # Episodes that an older policy began, and ends so far.
        self._skipped = np.zeros(problem.num_envs, dtype=np.int64)
        self._ended = np.zeros(problem.num_envs, dtype=np.int64)

    def state_dict(self) -> State:
        return {**super().state_dict(), "skipped": self._skipped.copy(), "ended": self._ended.copy()}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._skipped, self._ended = state["skipped"].copy(), state["ended"].copy()

    def _collect(self, stream: Stream) -> None:
        super()._collect(stream)
        self._ended += self.rollout.done_last
        if len(self.rollout) > PATIENCE or self.rollout.nbytes > MOST_BYTES:
            raise ArenaError(
                f"there are no {self._quota} whole episodes in {len(self.rollout):,} steps of each environment",
                "limit their length (--wrap 'TimeLimit(max_episode_steps=1000)'), or take actor-critic, which needs no "
                "ends",
            )

    def _ready(self) -> bool:
        return bool((self._ended >= self._quota + self._skipped).all())

    def _renew(self) -> None:
        self._skipped = (~self.rollout.done_last).astype(np.int64)
        self._ended = np.zeros_like(self._ended)
        super()._renew()

    def _learn(self) -> None:
        """One step along the gradient."""
        config, rollout = self.config, self.rollout
        places, exists = episodes(rollout.done, self._skipped, self._quota)
        returns, weight = self._weigh(places, exists)
        # A memory needs whole sequences; without one the steps that exist will do.
        rows = np.ones_like(exists) if config.memory else exists
        observation = observe(self._seen(rollout["observation"][places][rows]), self.problem.device)
        sequences = map(self._tensor, self._beginnings(exists)) if config.memory else ()
        numbers, value, _ = self.network(observation, *sequences)
        log_prob = self.head.log_prob(numbers, self._tensor(rollout["action"][places][rows]))
        factor, target, counts = (self._tensor(x[rows].astype(np.float32)) for x in (weight, returns, exists))

        policy_loss = -(factor * log_prob).sum() / exists.shape[1]
        entropy = (self.head.entropy(numbers) * counts).sum() / counts.sum()
        loss = policy_loss - config.entropy_coef * entropy
        found = {"policy_loss": policy_loss, "entropy": entropy}
        if value is not None:
            found["value_loss"] = ((value - target).square() * counts).sum() / counts.sum()
            loss = loss + config.value_coef * found["value_loss"]
        found["gradient"] = self._descend(loss)
        said = torch.stack([number.detach() for number in found.values()]).tolist()
        deviation = float(weight[exists].std())
        self._metrics = {**dict(zip(found, said, strict=True)), "weight_deviation": deviation}

    def _weigh(self, places: Any, exists: Bool) -> tuple[Float, Float]:
        """G_t, and what ∇ log π(a_t|s_t) is weighed with: shapes (L, N)."""
        config, rollout = self.config, self.rollout
        reward, terminated, truncated = (
            rollout[name][places] * exists for name in ("reward", "terminated", "truncated")
        )
        value = next_value = np.zeros(exists.shape)
        if config.baseline == "value":
            seen = (self._seen(rollout[name][places]) for name in ("observation", "next_observation"))
            _, value, next_value = self._judge(*seen, truncated, *self._beginnings(exists))
        returns = returns_to_go(reward, terminated, truncated, next_value * exists, config.discount) * exists
        baseline = average_of_others(returns) if config.baseline == "average" else value
        discount = config.discount if config.discount_steps else 1.0
        return returns, gradient_weights(returns, exists, config.estimator, baseline, discount)

    def _beginnings(self, exists: Bool) -> tuple[Bool, Array]:
        """Where sequences begin anew, which whole episodes nowhere do; and what they remember at first: nothing."""
        return np.zeros_like(exists), np.zeros((exists.shape[1], self.config.memory), dtype=np.float32)
