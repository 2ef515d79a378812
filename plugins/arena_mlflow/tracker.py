"""MLflow: an MLflow run for each run, through its client, which knows no active run."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Mapping
from typing import Any

import filelock

from arena.errors import ArenaError
from arena.runs.run import Run
from arena.runs.trackers import grouped, hyperparameters

try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
except ModuleNotFoundError as error:
    raise ArenaError(f"tracker mlflow needs {error.name}", "pip install 'arena-rl[mlflow]'") from error

__all__ = ["MLflow"]

#: Seconds between two messages to MLflow: a commit takes it some ten milliseconds, a server more.
FLUSH_SECONDS = 1.0

#: How long to wait for the other workers of a sweep: two that make a database at once fail.
LOCK_SECONDS = 60.0

#: What MLflow takes in one message, and the longest value of a parameter.
MOST_METRICS, LONGEST = 1000, 6000

#: The tag that a resumed run finds its MLflow run by.
TAG = "arena.run"

#: A metric that every line has.
ALWAYS = "training/episodes"


class MLflow:
    """Writes to the tracking server of ``MLFLOW_TRACKING_URI``, or to ``mlflow.db`` beside the run folder.

    MLflow cannot forget: after a kill, steps that it already has, of which a run's numbers are the same, are left
    out, and those that it lacks come from the run's own metrics.

    Args:
        run: the run; its id is a tag, so that a resumed run goes on there.
        step: where it stands.

    Raises:
        ArenaError: ``mlflow.db`` is a link, or the local database lacks a library.
        MlflowException: whatever MLflow raises.
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
        for text in run.metrics.read_bytes().splitlines():
            values = json.loads(text)
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
        """The id of an experiment, which is made unless another process was quicker."""
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
    """The address of the database beside a run folder."""
    for needed in ("sqlalchemy", "alembic"):  # which mlflow-skinny does without
        if importlib.util.find_spec(needed) is None:
            remedy = "pip install 'arena-rl[mlflow]', or set MLFLOW_TRACKING_URI to a server's"
            raise ArenaError(f"MLflow's local database needs {needed}", remedy)
    path = run.folder.parent.resolve() / "mlflow.db"
    if path.is_symlink():
        raise ArenaError(f"{path} is a link", "put a file there, or set MLFLOW_TRACKING_URI")
    return f"sqlite:///{path.as_posix()}"
