"""Contributions of the plugin `arena_wandb`; does not import wandb."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import TrackerSpec


@hookimpl
def arena_trackers() -> Iterable[TrackerSpec]:
    """Contributes the tracker ``wandb``."""
    yield TrackerSpec(
        name="wandb",
        summary="Metrics to Weights & Biases, online or offline",
        target="arena_wandb.tracker:Wandb",
    )
