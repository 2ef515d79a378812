"""What this plugin contributes; it does not import mlflow."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import TrackerSpec


@hookimpl
def arena_trackers() -> Iterable[TrackerSpec]:
    """The tracker ``mlflow``."""
    yield TrackerSpec(
        name="mlflow",
        summary="An MLflow server, or a database beside the runs",
        target="arena_mlflow.tracker:MLflow",
    )
