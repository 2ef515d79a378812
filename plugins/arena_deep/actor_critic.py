"""Actor-critic: a policy that learns from what a learned value says of each action; A2C, and PPO as an option."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena.agent import Problem
from arena.codec import State
from arena.config import Between, Positive
from arena.errors import ArenaError
from arena_deep.advantages import generalized_advantages, n_step_returns
from arena_deep.networks import observe
from arena_deep.objectives import standardize, surrogate
from arena_deep.policy_gradient import PolicyGradient, PolicyGradientOptions
from arena_deep.running_moments import RewardScale

__all__ = ["ActorCritic", "ActorCriticOptions"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ActorCriticOptions(PolicyGradientOptions):
    """Hyperparameters of the family."""

    rollout_steps: Annotated[int, Between(1, None)] = 16
    """Steps of each environment that one rollout has; the policy learns behind each."""

    advantage: Literal["one-step", "n-step", "gae"] = "gae"
    """What an action is worth: r + γ V(s') − V(s); the same over n steps; or the mean over all n of weight λ^n."""

    n_steps: Annotated[int, Between(1, None)] = 5
    """n of the n-step advantage; where the rollout ends before, it is shorter."""

    gae_lambda: Annotated[float, Between(0, 1)] = 0.95
    """λ of the generalised advantage: 0 is one step (biased by V), 1 the whole return (varied by chance)."""

    clip_range: Annotated[float | None, Positive] = None
    """ε of PPO: no further than this is an action made more or less probable by one rollout; None: no limit."""

    n_epochs: Annotated[int, Between(1, None)] = 1
    """How often each rollout is gone through."""

    num_minibatches: Annotated[int, Between(1, None)] = 1
    """Into how many parts a rollout is shuffled for each epoch; with memory, parts of whole sequences."""

    normalize_advantage: bool = False
    """Whether the advantages of a minibatch are shifted and scaled to mean 0 and variance 1."""

    normalize_reward: bool = False
    """Whether rewards are divided by the standard deviation of the returns so far."""


#: What a minibatch tells, in this order.
METRICS = ("policy_loss", "value_loss", "entropy", "kl", "clipped", "gradient")


class Batch(NamedTuple):
    """Steps to learn from, as sequences of shape (T, B, …); without memory, each step is one of its own, T = 1.

    Attributes:
        observation: as the network gets it.
        action: raw.
        log_prob: of the policy that acted; not read where there is a single pass, whose policy that is.
        advantage: of the action.
        target: what V should have been.
        begin: where episodes begin.
        memory: what lanes remembered before the first step: shape (1, B, units).
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

    with A of one step, of n, or generalised over all. Where an episode was cut off, V of its true last observation
    stands for the rest; where it terminated, nothing does. `clip`, `epochs` and `minibatches` make it PPO.

    With memory a gated recurrent unit stands behind the shared layers; gradients go back through time as far as the
    rollout begins, and what is remembered goes on across rollouts.

    Metrics, of the last rollout: `policy_loss`, `value_loss`, `entropy` (nats), `gradient` (its length before it was
    cut), each the mean over minibatches; `kl`, an estimate of how far the policy went; `clipped`, the part of steps
    where ρ left 1 ± ε; `explained_variance` of returns by V before learning: 1 is perfect, 0 no better than the mean.

    Source: Mnih et al., Asynchronous methods for deep reinforcement learning (2016), here without the asynchrony;
    Sutton & Barto 2018, section 13.5, for one step.

    Args:
        problem: of array observations, and either kind of actions.
        config: the hyperparameters.
    """

    Config = ActorCriticOptions

    config: ActorCriticOptions

    def __init__(self, problem: Problem, config: ActorCriticOptions) -> None:
        super().__init__(problem, config, capacity=config.rollout_steps)
        columns = problem.num_envs * (1 if config.memory else config.rollout_steps)
        if config.num_minibatches > columns:
            what = "sequences" if config.memory else "steps"
            raise ArenaError(
                f"a rollout of {columns} {what} cannot be parted into {config.num_minibatches} minibatches",
                "give fewer minibatches, or more --envs",
            )
        self._once = config.n_epochs * config.num_minibatches == 1
        self._shuffle = problem.generators.numpy("minibatches")
        self.reward_scale = (
            RewardScale(problem.num_envs, config.discount) if config.normalize_reward else None
        )

    def values(self, observation: Array) -> npt.NDArray[np.float64]:
        """V(o), in the unit of the rewards: shape (batch,); with memory, at an episode's beginning."""
        assert self._critic is not None
        values = self._critic(self._seen(observation), None)[0][:, 0].astype(np.float64)
        return values * self.reward_scale.scale if self.reward_scale else values

    def state_dict(self) -> State:
        past = {} if self.reward_scale is None else {"past": self.reward_scale.past.copy()}
        return {**super().state_dict(), **past}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        if self.reward_scale is not None:
            self.reward_scale.past = state["past"].copy()

    def snapshot(self) -> State:
        """The network, and what normalizes its observations and its values."""
        scale = {} if self.reward_scale is None else {"returns": self.reward_scale.moments.state_dict()}
        return {**super().snapshot(), **scale}

    def load_snapshot(self, state: State) -> None:
        super().load_snapshot(state)
        if self.reward_scale is not None:
            self.reward_scale.moments.load_state_dict(state["returns"])

    def _ready(self) -> bool:
        return len(self.rollout) == self.config.rollout_steps

    def _learn(self) -> None:
        """Some epochs over the rollout."""
        batch, explained = self._batch()
        found: list[Tensor] = []
        for _ in range(self.config.n_epochs):
            for part in self._parts(batch):
                found += self._step(part)
        means = torch.stack(found).reshape(-1, len(METRICS)).mean(dim=0).tolist()
        self._metrics = {**dict(zip(METRICS, means, strict=True)), "explained_variance": explained}

    def _batch(self) -> tuple[Batch, float]:
        """The rollout with its advantages; and how much of the targets' variance V explains."""
        rollout, done = self.rollout, self.rollout.done
        observation, successor = (self._seen(rollout[name]) for name in ("observation", "next_observation"))
        # What lanes remembered when the rollout began was reset by then.
        begin = np.concatenate((np.zeros_like(done[:1]), done[:-1]))
        numbers, value, next_value = self._judge(observation, successor, done, begin, self._first_memory)
        advantage = self._advantages(value, next_value)
        target = advantage + value
        log_prob = torch.zeros(done.shape)
        action = self._tensor(rollout["action"])
        if not self._once:
            with torch.no_grad():
                found = self.head.log_prob(self._tensor(numbers), action.flatten(0, 1))
            log_prob = found.reshape(done.shape)
        columns = (
            observe(observation, self.problem.device),
            action,
            log_prob,
            *(self._tensor(x.astype(np.float32)) for x in (advantage, target)),
            self._tensor(begin),
        )
        if not self.config.memory:
            columns = tuple(column.flatten(0, 1).unsqueeze(0) for column in columns)
        memory = columns[-1].new_zeros((1, columns[-1].shape[1], 0))
        if self.config.memory:
            memory = self._tensor(self._first_memory).unsqueeze(0)
        variance = target.var()
        explained = 1 - float(advantage.var() / variance) if variance > 0 else 0.0
        return Batch(*columns, memory), explained

    def _advantages(self, value: Array, next_value: Array) -> npt.NDArray[np.float64]:
        """A of every step: shape (T, B)."""
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
        return n_step_returns(reward, terminated, truncated, next_value, config.discount, steps) - value

    def _parts(self, batch: Batch) -> Iterator[Batch]:
        """One epoch's minibatches."""
        if self.config.num_minibatches == 1:
            return iter([batch])
        order = self._tensor(self._shuffle.permutation(batch.begin.shape[1]))
        parts = ((column[:, order]).tensor_split(self.config.num_minibatches, dim=1) for column in batch)
        return map(Batch._make, zip(*parts, strict=True))

    def _step(self, batch: Batch) -> tuple[Tensor, ...]:
        """One minibatch: actor, critic and entropy at once; what it tells."""
        config = self.config
        memory = batch.memory[0] if config.memory else None
        numbers, value, _ = self.network(batch.observation.flatten(0, 1), batch.begin, memory)
        log_prob = self.head.log_prob(numbers, batch.action.flatten(0, 1))
        old_log_prob = log_prob.detach() if self._once else batch.log_prob.flatten()
        advantage = batch.advantage.flatten()
        if config.normalize_advantage:
            advantage = standardize(advantage)
        clip = None if config.clip_range is None else config.clip_range * self._annealing
        policy_loss, log_ratio = surrogate(log_prob, old_log_prob, advantage, clip)
        value_loss = (value - batch.target.flatten()).square().mean()
        entropy = self.head.entropy(numbers).mean()
        length = self._descend(policy_loss + config.value_coef * value_loss - config.entropy_coef * entropy)
        further = log_ratio.expm1()
        kl = (further - log_ratio).mean()  # Schulman 2020: of the right mean, and never negative
        clipped = length.new_zeros(()) if clip is None else (further.abs() > clip).float().mean()
        return policy_loss.detach(), value_loss.detach(), entropy.detach(), kl, clipped, length
