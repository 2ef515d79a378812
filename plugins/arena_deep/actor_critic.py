"""Advantage actor-critic (A2C): a policy and a value function that learn from short rollouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena.agents.base import Problem
from arena.config.options import Between
from arena.storage.codec import State
from arena_deep.advantages import generalized_advantages, n_step_returns
from arena_deep.networks import to_tensor
from arena_deep.objectives import standardize
from arena_deep.policy_gradient import PolicyGradient, PolicyGradientOptions
from arena_deep.running_moments import RewardScale

__all__ = ["ActorCritic", "Batch"]

Array = npt.NDArray[Any]


class Batch(NamedTuple):
    """Steps to learn from, as sequences of shape (T, B, …); without memory each step is a sequence of its own, T = 1.

    Attributes:
        observation: input of the network.
        action: raw action of the policy (see `policies`).
        log_prob: log-probability of the action under the policy that acted; zeros where it is not needed.
        advantage: advantage of the action.
        target: target of the value function.
        begin: true where an episode starts.
        memory: memory before the first step: shape (1, B, units).
    """

    observation: Tensor
    action: Tensor
    log_prob: Tensor
    advantage: Tensor
    target: Tensor
    begin: Tensor
    memory: Tensor


class ActorCritic(PolicyGradient):
    """Advantage actor-critic over short rollouts of parallel episodes.

        ∇J ≈ mean_t A_t ∇ log π(a_t|s_t) + β ∇H(π(·|s_t)),   V(s_t) → A_t + V(s_t)

    where A is the one-step, the n-step or the generalized advantage. Where an episode was truncated, V of its last
    observation replaces the missing rewards; where it terminated, there are none.

    With memory a gated recurrent unit follows the shared layers. Gradients flow back to the start of the rollout; the
    memory itself is kept from one rollout to the next.

    Metrics, of the last rollout: `policy_loss`, `value_loss`, `entropy` (nats), `grad_norm` (norm of the gradient
    before it was limited); `explained_variance` of the returns by V before learning: 1 is perfect, 0 is no
    better than the mean.

    Source: Mnih et al. 2016, "Asynchronous methods for deep reinforcement learning", here synchronous; Sutton & Barto
    2018, section 13.5, for one step.

    Args:
        problem: with array observations, and discrete or continuous actions.
        config: the hyperparameters.
    """

    @dataclass(frozen=True)
    class Config(PolicyGradientOptions):
        """Hyperparameters of advantage actor-critic."""

        rollout_steps: Annotated[int, Between(1, None)] = 16
        """Number of steps of each environment in a rollout; the policy is updated after each rollout."""

        advantage: Literal["one-step", "n-step", "gae"] = "gae"
        """Estimator of the advantage: "one-step" is r + γ V(s') − V(s), "n-step" uses `n_steps` rewards, "gae" averages
        over all n with weights λ^n."""

        n_steps: Annotated[int, Between(1, None)] = 5
        """Number n of rewards in an n-step return; fewer at the end of the rollout."""

        gae_lambda: Annotated[float, Between(0, 1)] = 0.95
        """Decay λ of the generalized advantage, in [0, 1]: 0 uses one reward (more bias by V), 1 all of them (more
        variance)."""

        normalize_advantage: bool = False
        """Shift and scale the advantages of each minibatch to mean 0 and variance 1."""

        normalize_reward: bool = False
        """Divide rewards by the running standard deviation of the discounted return."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, capacity=config.rollout_steps)
        self.reward_scale = (
            RewardScale(problem.num_envs, config.discount) if config.normalize_reward else None
        )

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(o), in the unit of the rewards: shape (batch,); with memory, at the start of an episode."""
        assert self._critic is not None
        values = self._critic(self._normalized(observation), None)[0][:, 0].astype(np.float64)
        return values * self.reward_scale.scale if self.reward_scale else values

    def _ready(self) -> bool:
        return len(self.rollout) == self.config.rollout_steps

    def _learn(self) -> None:
        """One gradient step over the whole rollout."""
        config = self.config
        batch, explained_variance = self._batch()
        log_prob, value, entropy = self._forward(batch)
        policy_loss = -(self._advantage(batch) * log_prob).mean()
        value_loss = (value - batch.target.flatten()).square().mean()
        grad_norm = self._gradient_step(
            policy_loss + config.value_coef * value_loss - config.entropy_coef * entropy
        )
        self._metrics = {
            "policy_loss": policy_loss.item(),
            "value_loss": value_loss.item(),
            "entropy": entropy.item(),
            "grad_norm": grad_norm.item(),
            "explained_variance": explained_variance,
        }

    def _forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Log π(a|s) and V(s) of every step, shape (T · B,), and the mean entropy of the policy."""
        memory = batch.memory[0] if self.config.memory else None
        numbers, value, _ = self.network(batch.observation.flatten(0, 1), batch.begin, memory)
        log_prob = self.head.log_prob(numbers, batch.action.flatten(0, 1))
        return log_prob, value, self.head.entropy(numbers).mean()

    def _advantage(self, batch: Batch) -> Tensor:
        """Advantages, normalized where the options say so: shape (T · B,)."""
        advantage = batch.advantage.flatten()
        return standardize(advantage) if self.config.normalize_advantage else advantage

    def _batch(self, *, log_prob: bool = False) -> tuple[Batch, float]:
        """The rollout with its advantages, and the fraction of the targets' variance that V explains.

        Args:
            log_prob: compute the log-probability of the actions, too.
        """
        rollout, done = self.rollout, self.rollout.done
        observation, successor = (
            self._normalized(rollout[name]) for name in ("observation", "next_observation")
        )
        # The memory at the start of the rollout was reset where an episode had just ended.
        begin = np.concatenate((np.zeros_like(done[:1]), done[:-1]))
        numbers, value, next_value = self._evaluate(observation, successor, done, begin, self._first_memory)
        advantage = self._advantages(value, next_value)
        target = advantage + value
        action = self._tensor(rollout["action"])
        old_log_prob = torch.zeros(done.shape)
        if log_prob:
            with torch.no_grad():
                found = self.head.log_prob(self._tensor(numbers), action.flatten(0, 1))
            old_log_prob = found.reshape(done.shape)
        columns = [
            to_tensor(observation, self.problem.device),
            action,
            old_log_prob,
            self._tensor(advantage.astype(np.float32)),
            self._tensor(target.astype(np.float32)),
            self._tensor(begin),
        ]
        if self.config.memory:
            memory = self._tensor(self._first_memory).unsqueeze(0)
        else:
            columns = [column.flatten(0, 1).unsqueeze(0) for column in columns]
            memory = columns[-1].new_zeros((1, columns[-1].shape[1], 0))
        variance = target.var()
        explained_variance = 1 - float(advantage.var() / variance) if variance > 0 else 0.0
        return Batch._make([*columns, memory]), explained_variance

    def _advantages(self, value: Array, next_value: Array) -> npt.NDArray[np.float64]:
        """Advantage of every step of the rollout: shape (T, B)."""
        config, rollout = self.config, self.rollout
        reward, terminated, truncated = (rollout[name] for name in ("reward", "terminated", "truncated"))
        if self.reward_scale is not None:
            self.reward_scale.update(reward, rollout.done)
            reward = reward / self.reward_scale.scale
        if config.advantage == "gae":
            return generalized_advantages(
                reward, terminated, truncated, value, next_value, config.discount, config.gae_lambda
            )
        steps = 1 if config.advantage == "one-step" else config.n_steps
        returns = n_step_returns(reward, terminated, truncated, next_value, config.discount, steps)
        return np.asarray(returns - value)

    def state_dict(self) -> State:
        if self.reward_scale is None:
            return super().state_dict()
        return {**super().state_dict(), "discounted_return": self.reward_scale.discounted_return.copy()}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        if self.reward_scale is not None:
            self.reward_scale.discounted_return = state["discounted_return"].copy()

    def snapshot(self) -> State:
        """The network, and the statistics that normalize its observations and its values."""
        scale = {} if self.reward_scale is None else {"returns": self.reward_scale.moments.state_dict()}
        return {**super().snapshot(), **scale}

    def load_snapshot(self, state: State) -> None:
        super().load_snapshot(state)
        if self.reward_scale is not None:
            self.reward_scale.moments.load_state_dict(state["returns"])
