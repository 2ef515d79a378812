"""Tracker for MLflow: one MLflow run for each run, through its client, which needs no active run."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping
from typing import Any

import filelock

from arena.errors import ArenaError
from arena.runs.records import read_metrics
from arena.runs.run import Run
from arena.runs.trackers import grouped, hyperparameters
from arena.storage.text_files import parse_json

try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
except ModuleNotFoundError as error:
    raise ArenaError(f"tracker mlflow needs {error.name}", "pip install 'arena-rl[mlflow]'") from error

__all__ = ["MLflow"]

#: Seconds between two messages to MLflow: a commit takes some ten milliseconds, a server more.
FLUSH_SECONDS = 1.0

#: Seconds to wait for the other workers of a sweep: creating a database in two processes at once fails.
LOCK_SECONDS = 60.0

#: MLflow's limits: metrics in one message, and characters in the value of a parameter.
MOST_METRICS, LONGEST = 1000, 6000

#: Tag with the run's id, by which a resumed run finds its MLflow run.
TAG = "arena.run"

#: Metric that every line of metrics has.
ALWAYS = "training/episodes"


class MLflow:
    """Tracker that logs to the server of ``MLFLOW_TRACKING_URI``, or to ``mlflow.db`` beside the run folder.

    MLflow cannot delete metrics: after a kill, repeated steps that it already has are left out, since a run's numbers
    are the same each time, and missing steps are read from the run's own metrics.

    Args:
        run: the run; its id is a tag, so that a resumed run continues in the same MLflow run.
        step: current step of the run.

    Raises:
        ArenaError: ``mlflow.db`` is a link, or a library for the local database is missing.
        MlflowException: any error of MLflow.
    """

    def __init__(self, run: Run, step: int) -> None:
        self._pending: list[Metric] = []
        self._flushed_at = time.monotonic()
        with filelock.FileLock(run.folder.parent / ".mlflow.lock", timeout=LOCK_SECONDS):
            self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or _beside(run))
            experiment = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "arena"))
        identity = run.spec.id(run.seed)
        found = self._client.search_runs([experiment], f"tags.`{TAG}` = '{identity}'", max_results=1)
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
        else:
            self._id = self._created(run, experiment, {TAG: identity})
        self._known = max((old.step for old in self._client.get_metric_history(self._id, ALWAYS)), default=-1)
        self._status = "KILLED"
        with run.readable():
            for text in read_metrics(run.folder):
                values = parse_json(text)
                self.log(values["step"], {name: value for name, value in values.items() if value is not None})

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if step <= self._known:
            return
        now = time.time_ns() // 1_000_000
        self._pending += [Metric(name, value, now, step) for name, value in grouped(values).items()]
        if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
            self._flush()

    def finish(self, result: Mapping[str, Any]) -> None:
        exact = {name: result[name] for name in ("optimum", "policy_value") if result[name] is not None}
        now = time.time_ns() // 1_000_000
        self._pending += [Metric(f"evaluation/{name}", exact[name], now, result["steps"]) for name in exact]
        self._status = "FINISHED"

    def close(self) -> None:
        self._flush()
        self._client.set_terminated(self._id, self._status)

    def _flush(self) -> None:
        for begin in range(0, len(self._pending), MOST_METRICS):
            self._client.log_batch(self._id, metrics=self._pending[begin : begin + MOST_METRICS])
        self._pending.clear()
        self._flushed_at = time.monotonic()

    def _experiment(self, name: str) -> str:
        """The id of an experiment, which is created unless it exists; another process may create it meanwhile."""
        if (found := self._client.get_experiment_by_name(name)) is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:
                if (found := self._client.get_experiment_by_name(name)) is None:
                    raise
        return str(found.experiment_id)

    def _created(self, run: Run, experiment: str, tags: dict[str, Any]) -> str:
        created = self._client.create_run(experiment, run_name=run.folder.name, tags=tags)
        chosen = {**hyperparameters(run.spec), "seed": run.seed}
        params = [Param(name, str(value)[:LONGEST]) for name, value in chosen.items()]
        self._client.log_batch(created.info.run_id, params=params)
        return str(created.info.run_id)


def _beside(run: Run) -> str:
    """URL of the database beside a run folder."""
    for needed in ("sqlalchemy", "alembic"):  # which mlflow-skinny does not install
        if importlib.util.find_spec(needed) is None:
            remedy = "pip install 'arena-rl[mlflow]', or set MLFLOW_TRACKING_URI to the URL of a server"
            raise ArenaError(f"MLflow's local database needs {needed}", remedy)
    path = run.folder.parent.resolve() / "mlflow.db"
    if path.is_symlink():
        raise ArenaError(
            f"{path} is a link, through which nothing is written", "remove it, or set MLFLOW_TRACKING_URI"
        )
    return f"sqlite:///{path.as_posix()}"
