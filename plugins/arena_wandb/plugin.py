"""What this plugin contributes; it does not import wandb."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import TrackerSpec


@hookimpl
def arena_trackers() -> Iterable[TrackerSpec]:
    """The tracker ``wandb``."""
    yield TrackerSpec(
        name="wandb",
        summary="Weights & Biases, online or offline",
        target="arena_wandb.tracker:Wandb",
    )
