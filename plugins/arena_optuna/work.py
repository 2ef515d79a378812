"""The loop that every process of a study runs: ask for a trial, train it, tell how it went."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from optuna.trial import Trial, TrialState

from arena.errors import ArenaError, Interrupted
from arena.plugins.specs import described
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.streams.base import Progress
from arena_optuna.study import StudyFolder
from arena_optuna.trial import train_trial

__all__ = ["Ended", "News", "work"]

#: Trials that may fail one after the other before it is taken to be no matter of parameters.
MOST_FAILURES = 10

#: Seconds between two pieces of news of a trial on its way.
PERIOD = 0.1


@dataclass(frozen=True)
class Ended:
    """How a trial ended.

    Attributes:
        number: the trial's.
        state: ``complete``, ``pruned`` or ``failed``.
        value: what it came to; None if it failed.
        values: of what is searched, by name.
        error: why it failed.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    error: str = ""


class News:
    """Whom a worker tells what happens, and asks whether to stop; every method may be overridden."""

    def moved(self, number: int, fraction: float, steps: int) -> None:
        """A trial has come so far, by so many steps more than at the last news."""

    def ended(self, trial: Ended) -> None:
        """A trial ended."""

    def noticed(self, text: str) -> None:
        """Something that its user should know, in one line."""

    def stopping(self) -> bool:
        """Whether to leave off."""
        return False


def work(folder: StudyFolder, news: News) -> None:
    """Works on a study until it has its trials.

    Raises:
        Interrupted: the news asked to stop; the trial waits for the next command.
        ArenaError: one trial after the other failed.
    """
    failures = 0
    while not news.stopping() and (trial := folder.ask()) is not None:
        ended = _one(folder, trial, news)
        news.ended(ended)
        failures = failures + 1 if ended.state == "failed" else 0
        if failures == MOST_FAILURES:
            raise ArenaError(
                f"{failures} trials in a row failed, the last with: {ended.error}", "mend the search"
            )
    if news.stopping():
        raise Interrupted("stopped between two trials", "the same command goes on")


def _one(folder: StudyFolder, trial: Trial, news: News) -> Ended:
    values = folder.definition.values(trial.params)
    try:
        state, value = train_trial(folder, trial, _Follower(folder, trial, news))
    except Interrupted:
        folder.put_back(trial)
        raise
    except Exception as error:  # a combination may break an agent's or an environment's code
        text = str(error) if isinstance(error, ArenaError) else described(error)
        trial.set_user_attr("error", text)
        folder.tell(trial, TrialState.FAIL)
        return Ended(trial.number, "failed", None, values, text)
    folder.tell(trial, state, value if state == TrialState.COMPLETE else None)
    return Ended(trial.number, state.name.lower(), value, values)


class _Follower(Listener):
    """Sums up a trial's runs."""

    def __init__(self, folder: StudyFolder, trial: Trial, news: News) -> None:
        self._news, self._number = news, trial.number
        self._total = folder.definition.steps * len(folder.definition.seeds)
        self._steps: dict[int, int] = {}
        self._new, self._told = 0, 0.0

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        # The first news of a session may be of steps that an earlier one took.
        self._new += progress.steps - self._steps.get(run.seed, progress.steps)
        self._steps[run.seed] = progress.steps
        now = time.monotonic()
        if now - self._told >= PERIOD:
            self._news.moved(self._number, sum(self._steps.values()) / self._total, self._new)
            self._new, self._told = 0, now

    def noticed(self, run: Run, text: str) -> None:
        self._news.noticed(f"trial {self._number}, seed {run.seed}: {text}")

    def stopping(self) -> bool:
        return self._news.stopping()
