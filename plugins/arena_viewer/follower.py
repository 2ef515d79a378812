"""Follower of a run in training: newer agents replace the agent that plays."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from arena.agents.actor import Actor
from arena.errors import ArenaError
from arena.runs.live import LiveSubscriber
from arena.runs.locks import is_trained_now
from arena.runs.run import Run
from arena.runs.snapshots import load_snapshot, snapshot_folder
from arena_viewer.curve import EvaluationCurve
from arena_viewer.roles import Role, replace_weights

if TYPE_CHECKING:
    from arena.storage.codec import State

__all__ = ["RunFollower"]

#: Seconds after which a newer agent replaces the current one even within an episode.
PATIENCE = 5.0

#: Seconds between two reads of the run's folder.
POLL_INTERVAL = 1.0


class RunFollower:
    """Replaces the agent that plays by newer agents of a run in training.

    Args:
        role: role of the run.
        actors: actors of the players that share its agent.

    Attributes:
        status: progress of the training, in a few words.
        finished: whether the training has ended and the final agent plays.
    """

    def __init__(self, role: Role, actors: Sequence[Actor]) -> None:
        assert role.run is not None, "only a run is followed"
        self.run: Run = role.run
        self.curve: EvaluationCurve | None = role.curve
        self._role, self._actors = role, actors
        self._watcher = LiveSubscriber(self.run)
        self.status, self.finished = "waiting for its first steps", False
        self._poll_at = self._taken_at = 0.0
        self._heard = False

    def pulse(self) -> None:
        """Renews the request for snapshots, and loads a newer agent when it is due; call it often."""
        if self.finished:
            return
        self._watcher.wish()
        now = time.monotonic()
        if now - self._taken_at > PATIENCE and now > self._poll_at:
            self._poll_at = now + POLL_INTERVAL
            self.refresh()

    def refresh(self) -> None:
        """Loads the newest agent."""
        answer = self._watcher.newest()
        total, unit = self.run.spec.steps, self.run.spec.plugin.unit
        if answer is not None and self._takes(answer.state, answer.steps):
            self.status, self._heard = f"training: {answer.steps:,} of {total:,} {unit}s", True
        elif self._has_ended():
            folder = snapshot_folder(self.run)
            self._takes(load_snapshot(self.run, folder), int(folder.name))
            self.status, self.finished = f"trained: {int(folder.name):,} {unit}s", True
            self._watcher.close()
        else:
            self._look_for_the_trainer()

    def _look_for_the_trainer(self) -> None:
        """Updates the status of a run whose training failed or was stopped."""
        at = self.curve.at if self.curve else 0
        if self.run.failure.exists():
            self.status = f"failed after {at:,} {self.run.spec.plugin.unit}s"
        elif self._heard and is_trained_now(self.run.folder) is False:
            self.status = f"stopped after {at:,} {self.run.spec.plugin.unit}s"

    def close(self) -> None:
        """Withdraws the request for snapshots."""
        self._watcher.close()

    def _has_ended(self) -> bool:
        try:
            return self.run.result() is not None
        except ArenaError:
            return False

    def _takes(self, state: State, steps: int) -> bool:
        """Loads an agent's state; False if it does not fit this run."""
        try:
            replace_weights(self._role, self._actors, state, steps)
        except ArenaError:
            return False
        self._taken_at = time.monotonic()
        if self.curve is not None:
            with contextlib.suppress(ArenaError):  # a run that resumes at this moment discards lines
                self.curve.read(self.run)
        return True
