"""Losses of policy gradients: the clipped surrogate objective, and standardized advantages."""

from __future__ import annotations

from torch import Tensor

__all__ = ["clipped_surrogate", "standardize"]


def clipped_surrogate(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip_range: float | None
) -> tuple[Tensor, Tensor]:
    """Clipped surrogate loss of PPO: its gradient at the old policy is minus the policy gradient.

        ρ = π(a|s) / π_old(a|s),   L = −mean min(ρ A, clamp(ρ, 1 − ε, 1 + ε) A)

    The gradient is zero where ρ has already moved further than ε in the direction of its advantage. Without ε the loss
    is −mean ρ A. At the old policy, ρ = 1, the gradient is −mean A ∇ log π.

    Args:
        log_prob: log π(a|s): shape (N,), as are the next two.
        old_log_prob: log π_old(a|s) of the policy that acted.
        advantage: A.
        clip_range: ε; None: no limit.

    Returns:
        The loss, and log ρ without gradient, shape (N,).

    Source: Schulman et al., Proximal policy optimization algorithms (2017), equation 7.
    """
    log_ratio = log_prob - old_log_prob
    ratio = log_ratio.exp()
    gain = ratio * advantage
    if clip_range is not None:
        gain = gain.minimum(ratio.clamp(1 - clip_range, 1 + clip_range) * advantage)
    return -gain.mean(), log_ratio.detach()


def standardize(advantage: Tensor) -> Tensor:
    """Advantages with mean 0 and variance 1 over the batch: one learning rate then suits tasks of any reward scale."""
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
