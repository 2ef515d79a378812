"""State-dependent exploration (gSDE) for rollouts that are collected in parts.

``collect_rollouts`` draws new noise when it begins, and again every ``sde_sample_freq`` steps of its own count. When it
collects the rest of a rollout, noise must be drawn by the rollout's count instead.

Source: Raffin et al. 2021, Smooth exploration for robotic reinforcement learning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from arena.storage.codec import State

__all__ = ["noise_state", "part", "set_noise_state"]

MATRICES = ("exploration_mat", "exploration_matrices")


@contextlib.contextmanager
def part(model: Any, network: Any, position: int, steps: int) -> Iterator[int]:
    """Draws the noise that is due at a position in a rollout, and keeps the algorithm from drawing more.

    Args:
        model: the algorithm.
        network: the algorithm's policy or actor, which holds the noise.
        position: vector steps of the rollout collected so far.
        steps: vector steps wanted.

    Yields:
        The vector steps to collect until noise is due again, at most `steps`.
    """
    if not model.use_sde or position == 0:  # at the beginning, its own count is the rollout's
        yield steps
        return
    if model.sde_sample_freq > 0:
        since = position % model.sde_sample_freq
        if since == 0:
            network.reset_noise(model.n_envs)
        steps = min(steps, model.sde_sample_freq - since)
    model.use_sde = False
    try:
        yield steps
    finally:
        model.use_sde = True


def noise_state(model: Any, network: Any) -> State:
    """The current noise matrices; empty without gSDE."""
    return {name: getattr(network.action_dist, name) for name in MATRICES} if model.use_sde else {}


def set_noise_state(model: Any, network: Any, state: State) -> None:
    """Restores what `noise_state` returned."""
    for name, matrix in state.items():
        setattr(network.action_dist, name, matrix.to(model.device))
