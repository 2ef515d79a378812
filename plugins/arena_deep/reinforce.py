"""REINFORCE: Monte Carlo policy gradient over whole episodes, with a baseline against variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.agents.base import Problem
from arena.config.options import Between, Positive
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Stream
from arena_deep.advantages import returns_to_go
from arena_deep.estimators import Baseline, Estimator, average_of_others, gradient_weights, whole_episodes
from arena_deep.networks import to_tensor
from arena_deep.policy_gradient import PolicyGradient, PolicyGradientOptions

__all__ = ["REINFORCE"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Greatest size of a rollout, in steps of each environment and in bytes: longer ones show that episodes do not end.
MAX_STEPS, MAX_BYTES = 1_000_000, 4 << 30


class REINFORCE(PolicyGradient):
    """Monte Carlo policy gradient over whole episodes.

        ∇J ≈ 1/N Σ_i Σ_t w_t^i ∇ log π(a_t^i|s_t^i)

    over N whole episodes, all of them from one policy; `estimators` defines w. Each of n environments contributes its
    first N / n episodes (rounded up); then the policy changes. Episodes that are running at that moment belong to two
    policies and are left out. With one environment nothing is lost, so presets have one.

    Where an episode was truncated, the learned value of its last observation replaces the missing rewards. Without a
    learned value nothing does: the time limit is then a part of the task.

    Metrics, of the last update: `policy_loss`; `value_loss` of a learned baseline; `entropy` (nats); `grad_norm`, norm
    of the gradient before it was limited; `weight_std`, the standard deviation of w, which baselines reduce.

    Source: Williams 1992; Sutton & Barto 2018, sections 13.3 and 13.4.

    Args:
        problem: with array observations, and discrete or continuous actions.
        config: the hyperparameters.
    """

    @dataclass(frozen=True)
    class Config(PolicyGradientOptions):
        """Hyperparameters of REINFORCE."""

        episodes: Annotated[int, Between(1, None)] = 8
        """Number N of whole episodes between two updates, over all environments; each contributes equally many."""

        estimator: Estimator = "reward-to-go"
        """Weight of an action's log-probability: return of the whole trajectory, or return from this step on (less
        variance)."""

        baseline: Baseline = "average"
        """Baseline subtracted from the return: none, the average return of the other episodes, or a learned value."""

        discount_steps: bool = False
        """Multiply the weight of step t by γ^t, as in the exact gradient of the discounted return."""

        max_grad_norm: Annotated[float | None, Positive] = None
        """Greatest norm of a gradient: a longer one is scaled down to it; None: no limit."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, critic=config.baseline == "value", capacity=256)
        self._quota = -(-config.episodes // problem.num_envs)
        # Of every environment: episodes that an older policy started (0 or 1), and ends of episodes so far.
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
        if len(self.rollout) > MAX_STEPS or self.rollout.nbytes > MAX_BYTES:
            raise ArenaError(
                f"there are fewer than {self._quota} whole episodes in {len(self.rollout):,} steps of each environment",
                "limit their length (--wrap 'TimeLimit(max_episode_steps=1000)'), or choose actor-critic, which learns "
                "from parts of episodes",
            )

    def _ready(self) -> bool:
        return bool((self._ended >= self._quota + self._skipped).all())

    def _start_rollout(self) -> None:
        self._skipped = (~self.rollout.done_last).astype(np.int64)
        self._ended = np.zeros_like(self._ended)
        super()._start_rollout()

    def _learn(self) -> None:
        """One gradient step on the whole episodes of the rollout."""
        config, rollout = self.config, self.rollout
        places, exists = whole_episodes(rollout.done, self._skipped, self._quota)
        returns, weight = self._weights(places, exists)
        # A recurrent layer needs whole sequences, padding included; without one the steps that exist suffice.
        rows = np.ones_like(exists) if config.memory else exists
        observation = to_tensor(self._normalized(rollout["observation"][places][rows]), self.problem.device)
        sequences = map(self._tensor, self._episode_starts(exists)) if config.memory else ()
        numbers, value, _ = self.network(observation, *sequences)
        log_prob = self.head.log_prob(numbers, self._tensor(rollout["action"][places][rows]))
        factor, target, counts = (self._tensor(x[rows].astype(np.float32)) for x in (weight, returns, exists))

        policy_loss = -(factor * log_prob).sum() / exists.shape[1]
        entropy = (self.head.entropy(numbers) * counts).sum() / counts.sum()
        loss = policy_loss - config.entropy_coef * entropy
        metrics = {"policy_loss": policy_loss, "entropy": entropy}
        if value is not None:
            metrics["value_loss"] = ((value - target).square() * counts).sum() / counts.sum()
            loss = loss + config.value_coef * metrics["value_loss"]
        metrics["grad_norm"] = self._gradient_step(loss)
        values = torch.stack([metric.detach() for metric in metrics.values()]).tolist()
        self._metrics = {**dict(zip(metrics, values, strict=True)), "weight_std": float(weight[exists].std())}

    def _weights(self, places: Any, exists: Bool) -> tuple[Float, Float]:
        """Returns G_t and weights w_t of ∇ log π(a_t|s_t): shapes (L, N)."""
        config, rollout = self.config, self.rollout
        reward, terminated, truncated = (
            rollout[name][places] * exists for name in ("reward", "terminated", "truncated")
        )
        value = next_value = np.zeros(exists.shape)
        if config.baseline == "value":
            observation, successor = (
                self._normalized(rollout[name][places]) for name in ("observation", "next_observation")
            )
            _, value, next_value = self._evaluate(
                observation, successor, truncated, *self._episode_starts(exists)
            )
        returns = returns_to_go(reward, terminated, truncated, next_value * exists, config.discount) * exists
        baseline = average_of_others(returns) if config.baseline == "average" else value
        discount = config.discount if config.discount_steps else 1.0
        return returns, gradient_weights(returns, exists, config.estimator, baseline, discount)

    def _episode_starts(self, exists: Bool) -> tuple[Bool, Array]:
        """Starts of episodes within the sequences (none: each is a whole episode), and the empty memory before them."""
        return np.zeros_like(exists), np.zeros((exists.shape[1], self.config.memory), dtype=np.float32)
