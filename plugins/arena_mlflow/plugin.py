"""Contributions of the plugin `arena_mlflow`; does not import mlflow."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import TrackerSpec


@hookimpl
def arena_trackers() -> Iterable[TrackerSpec]:
    """Contributes the tracker ``mlflow``."""
    yield TrackerSpec(
        name="mlflow",
        summary="Metrics to an MLflow server, or to a database beside the runs",
        target="arena_mlflow.tracker:MLflow",
    )
