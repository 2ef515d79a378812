"""Contributions of the plugin `arena_tensorboard`; does not import tensorboard."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import TrackerSpec


@hookimpl
def arena_trackers() -> Iterable[TrackerSpec]:
    """Contributes the tracker ``tensorboard``."""
    yield TrackerSpec(
        name="tensorboard",
        summary="Metrics to event files in the run folder, for `tensorboard --logdir`",
        target="arena_tensorboard.tracker:TensorBoard",
        default=True,
    )
