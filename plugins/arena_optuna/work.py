"""The loop of every process of a study: ask for a trial, train it, report its result."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from optuna.trial import Trial, TrialState

from arena.errors import ArenaError, Interrupted
from arena.plugins.specs import describe_error
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena_optuna.study import StudyFolder
from arena_optuna.trial import train_trial

__all__ = ["Ended", "News", "work"]

#: Failed trials in a row after which the search ends: the cause is then hardly the parameters.
MOST_FAILURES = 10

#: Seconds between two reports of a running trial's progress.
PERIOD = 0.1


@dataclass(frozen=True)
class Ended:
    """How a trial ended.

    Attributes:
        number: number of the trial.
        state: ``complete``, ``pruned`` or ``failed``.
        value: value of the objective; None if it failed.
        values: values of the searched options, by name.
        error: error message of a failed trial.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    error: str = ""


class News:
    """Receiver of a worker's events, which can request a stop; every method may be overridden."""

    def moved(self, number: int, fraction: float, steps: int) -> None:
        """A trial has reached a fraction of its steps, with this many new steps since the last report."""

    def ended(self, trial: Ended) -> None:
        """A trial ended."""

    def noticed(self, text: str) -> None:
        """A message for the user, on one line."""

    def stopping(self) -> bool:
        """Whether to stop."""
        return False


def work(folder: StudyFolder, news: News) -> None:
    """Runs trials of a study until it has enough.

    Raises:
        Interrupted: a stop was requested; the trial waits for the next command.
        ArenaError: too many trials failed in a row.
    """
    failures = 0
    while not news.stopping() and (trial := folder.ask()) is not None:
        ended = _one(folder, trial, news)
        news.ended(ended)
        failures = failures + 1 if ended.state == "failed" else 0
        if failures == MOST_FAILURES:
            raise ArenaError(
                f"{failures} trials in a row failed, the last with: {ended.error}",
                "fix the options in [search] or the code that raised it",
            )
    if news.stopping():
        raise Interrupted("stopped between two trials", "run the same command again to continue")


def _one(folder: StudyFolder, trial: Trial, news: News) -> Ended:
    values = folder.definition.values(trial.params)
    try:
        state, value = train_trial(folder, trial, _Follower(folder, trial, news))
    except Interrupted:
        folder.put_back(trial)
        raise
    except Exception as error:  # a combination may break an agent's or an environment's code
        text = str(error) if isinstance(error, ArenaError) else describe_error(error)
        trial.set_user_attr("error", text)
        folder.tell(trial, TrialState.FAIL)
        return Ended(trial.number, "failed", None, values, text)
    folder.tell(trial, state, value if state == TrialState.COMPLETE else None)
    return Ended(trial.number, state.name.lower(), value, values)


class _Follower(Listener):
    """Listener that adds up the progress of a trial's runs."""

    def __init__(self, folder: StudyFolder, trial: Trial, news: News) -> None:
        self._news, self._number = news, trial.number
        self._total = folder.definition.steps * len(folder.definition.seeds)
        self._steps: dict[int, int] = {}
        self._new, self._reported = 0, 0.0

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        # The first report of a session may include steps of an earlier one.
        self._new += progress.steps - self._steps.get(run.seed, progress.steps)
        self._steps[run.seed] = progress.steps
        now = time.monotonic()
        if now - self._reported >= PERIOD:
            self._news.moved(self._number, sum(self._steps.values()) / self._total, self._new)
            self._new, self._reported = 0, now

    def noticed(self, run: Run, text: str) -> None:
        self._news.noticed(f"trial {self._number}, seed {run.seed}: {text}")

    def stopping(self) -> bool:
        return self._news.stopping()
