"""Proximal policy optimization (PPO): several epochs over each rollout, with a clipped objective."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from arena.agents.base import Problem
from arena.config.options import Between, Positive
from arena.errors import ArenaError
from arena_deep.actor_critic import ActorCritic, Batch
from arena_deep.objectives import clipped_surrogate

__all__ = ["PPO"]

#: Metrics of a minibatch, in the order of `PPO._minibatch_step`.
METRICS = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "grad_norm")


class PPO(ActorCritic):
    """Actor-critic with the clipped objective of Schulman et al., over several epochs of minibatches.

        L = −mean min(ρ A, clamp(ρ, 1 − ε, 1 + ε) A),   ρ = π(a|s) / π_old(a|s)

    Metrics, of the last rollout: those of `ActorCritic`, as means over the minibatches; `kl`, an estimate of the
    Kullback-Leibler divergence of the new policy from the old one; `clip_fraction`, the fraction of steps where ρ left
    [1 − ε, 1 + ε].

    Source: Schulman et al. 2017, "Proximal policy optimization algorithms", algorithm 1; implementation details, Huang
    et al. 2022, "The 37 implementation details of proximal policy optimization". The value loss is not clipped.

    Args:
        problem: with array observations, and discrete or continuous actions.
        config: the hyperparameters.

    Raises:
        ArenaError: if a rollout is too small for the number of minibatches.
    """

    @dataclass(frozen=True)
    class Config(ActorCritic.Config):
        """Hyperparameters of proximal policy optimization."""

        rollout_steps: Annotated[int, Between(1, None)] = 32
        """Number of steps of each environment in a rollout; the policy is updated after each rollout."""

        clip_range: Annotated[float | None, Positive] = 0.2
        """Clipping range ε of the probability ratio ρ: larger values allow larger changes of the policy by one rollout;
        None: no limit."""

        n_epochs: Annotated[int, Between(1, None)] = 4
        """Number of passes over each rollout."""

        num_minibatches: Annotated[int, Between(1, None)] = 4
        """Number of minibatches that a rollout is divided into in each epoch; with memory, of whole sequences."""

        normalize_advantage: bool = True
        """Shift and scale the advantages of each minibatch to mean 0 and variance 1."""

    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config)
        columns = problem.num_envs * (1 if config.memory else config.rollout_steps)
        if config.num_minibatches > columns:
            what = "sequences" if config.memory else "steps"
            raise ArenaError(
                f"a rollout of {columns} {what} cannot be divided into {config.num_minibatches} minibatches",
                "give a smaller num_minibatches, or more --envs",
            )
        self._permutations = problem.generators.numpy("minibatches")

    def _learn(self) -> None:
        """`n_epochs` passes over the rollout, each in `num_minibatches` shuffled minibatches."""
        config = self.config
        batch, explained_variance = self._batch(log_prob=not self._single_update)
        metrics = []
        for _ in range(config.n_epochs):
            for minibatch in self._minibatches(batch):
                metrics.append(self._minibatch_step(minibatch))
        means = torch.stack(metrics).mean(dim=0).tolist()
        self._metrics = {**dict(zip(METRICS, means, strict=True)), "explained_variance": explained_variance}

    def _minibatches(self, batch: Batch) -> Iterator[Batch]:
        """Minibatches of one epoch, in random order: each step (with memory, each sequence) is in one of them."""
        if self.config.num_minibatches == 1:
            yield batch
            return
        order = self._tensor(self._permutations.permutation(batch.begin.shape[1]))
        parts = (column[:, order].tensor_split(self.config.num_minibatches, dim=1) for column in batch)
        yield from map(Batch._make, zip(*parts, strict=True))

    def _minibatch_step(self, batch: Batch) -> Tensor:
        """One gradient step on the loss of actor, critic and entropy together; `METRICS`, as one tensor."""
        config = self.config
        log_prob, value, entropy = self._forward(batch)
        old_log_prob = log_prob.detach() if self._single_update else batch.log_prob.flatten()
        clip_range = None if config.clip_range is None else config.clip_range * self._progress_remaining
        policy_loss, log_ratio = clipped_surrogate(log_prob, old_log_prob, self._advantage(batch), clip_range)
        value_loss = (value - batch.target.flatten()).square().mean()
        grad_norm = self._gradient_step(
            policy_loss + config.value_coef * value_loss - config.entropy_coef * entropy
        )
        change = log_ratio.expm1()
        kl = (change - log_ratio).mean()  # Schulman 2020: unbiased, and never negative
        clipped = (
            grad_norm.new_zeros(()) if clip_range is None else (change.abs() > clip_range).float().mean()
        )
        return torch.stack(
            [policy_loss.detach(), value_loss.detach(), entropy.detach(), kl, clipped, grad_norm]
        )

    @property
    def _single_update(self) -> bool:
        """True where a rollout is used for one update only: the policy that acted is then the current one."""
        return self.config.n_epochs * self.config.num_minibatches == 1
