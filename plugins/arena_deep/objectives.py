"""What policy gradients descend: losses of a batch of log-probabilities and advantages."""

from __future__ import annotations

from torch import Tensor

__all__ = ["standardize", "surrogate"]


def surrogate(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float | None
) -> tuple[Tensor, Tensor]:
    """The loss whose gradient is minus the policy gradient, and stays one a few steps away from the old policy.

        ρ = π(a|s) / π_old(a|s),   L = −mean min(ρ A, clamp(ρ, 1 − ε, 1 + ε) A)

    Where ρ has already gone further than ε in the direction of its advantage the gradient is zero. Without ε it is
    −mean ρ A, whose gradient at the old policy, ρ = 1, is −mean A ∇ log π.

    Args:
        log_prob: log π(a|s): shape (N,), as are the next two.
        old_log_prob: of the policy that acted.
        advantage: A.
        clip: ε, or None.

    Returns:
        The loss, and log ρ without gradient, shape (N,).

    Source: Schulman et al., Proximal policy optimization algorithms (2017), equation 7.
    """
    log_ratio = log_prob - old_log_prob
    ratio = log_ratio.exp()
    gain = ratio * advantage
    if clip is not None:
        gain = gain.minimum(ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -gain.mean(), log_ratio.detach()


def standardize(advantage: Tensor) -> Tensor:
    """Advantages with mean 0 and variance 1 over the batch: the step size then means the same in every task."""
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
