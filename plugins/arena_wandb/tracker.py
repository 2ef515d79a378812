"""Tracker for Weights & Biases: one W&B run for each run, several in one process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from arena.errors import ArenaError
from arena.runs.run import Run
from arena.runs.trackers import grouped

try:
    import wandb
except ModuleNotFoundError as error:
    raise ArenaError(f"tracker wandb needs {error.name}", "pip install 'arena-rl[wandb]'") from error

__all__ = ["Wandb"]

#: Seconds of metrics that W&B can lose in a kill; its default of 15 exceeds the time between two checkpoints.
FLUSH_SECONDS = 1.0


class Wandb:
    """Tracker that logs to W&B, configured by W&B's environment variables.

    Args:
        run: the run; its id is the W&B run's too, so that a resumed run continues there.
        step: current step of the run.

    Raises:
        ArenaError: W&B has no API key and would ask for one on the terminal, or ``RUN/wandb`` is a link.
        Exception: any error of `wandb.init`, such as a time-out after 90 seconds without a network.
    """

    def __init__(self, run: Run, step: int) -> None:
        _refuse_prompt()
        folder = run.folder / "wandb"
        if folder.is_symlink():
            raise ArenaError(
                f"{folder} is a link, through which nothing is written", "replace it by a folder"
            )
        experiment = run.spec
        self._finished = False
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "arena"),
            group=os.environ.get(
                "WANDB_RUN_GROUP", f"{experiment.name} {experiment.source} {experiment.id(0)}"
            ),
            id=experiment.id(run.seed),
            name=f"{experiment.name} {experiment.source} seed {run.seed}",
            dir=os.environ.get("WANDB_DIR", run.folder),
            config={**experiment.to_dict(), "seed": run.seed},
            allow_val_change=True,  # more steps than at first
            resume="allow",
            reinit="create_new",
            settings=_settings(),
        )
        # Not W&B's own step: W&B rejects steps before its last one, and a killed run repeats some.
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({"step": step, **grouped(values)})

    def finish(self, result: Mapping[str, Any]) -> None:
        self._run.summary.update(
            {
                "result/mean": result["evaluation"]["mean"],
                **{f"result/{name}": result[name] for name in ("optimum", "policy_value", "converged")},
            }
        )
        self._finished = True

    def close(self) -> None:
        self._run.finish(exit_code=0 if self._finished else 1)


def _settings() -> wandb.Settings:
    # No output on the terminal, which would break the progress bar, and no link to the latest session.
    settings = wandb.Settings(silent=True, console="off", symlink=False)
    if hasattr(settings, "x_transaction_log_flush_interval"):  # names with x_ may change in W&B
        settings.x_transaction_log_flush_interval = FLUSH_SECONDS
    return settings


def _refuse_prompt() -> None:
    online = wandb.setup().settings.mode not in ("offline", "dryrun", "disabled")
    # The process's own W&B run, such as a notebook's, has logged in already.
    if online and wandb.run is None and not wandb.login(prompt=False):
        raise ArenaError("W&B has no API key", "run `wandb login`, or set WANDB_MODE=offline")
