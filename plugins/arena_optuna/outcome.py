"""Result of a study: the best trials, and an experiment that trains the winner on fresh seeds."""

from __future__ import annotations

import dataclasses
import shlex
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from arena.cli.output import clean, console, print_table
from arena.results.text import format_number
from arena.storage.files import write_atomically
from arena_optuna.display import short_names, states_text, value_text
from arena_optuna.study import StudyFolder

if TYPE_CHECKING:
    from arena.experiments.experiment import Experiment

__all__ = ["Outcome"]

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}

#: Column title of the values, by objective.
RETURNS = {"final": "final return", "best": "best return", "area": "mean return"}

#: Number of trials in the table.
SHOWN = 5

#: Number of fresh seeds for the winner, and the smallest first seed.
FRESH, FIRST = 10, 1000

#: Complete trials required to estimate the importance of options.
ENOUGH = 20


class Outcome:
    """Result of a study, to print or as JSON.

    Args:
        folder: the study.
        workers: number of workers in the command for the winner.
    """

    def __init__(self, folder: StudyFolder, workers: int) -> None:
        self.folder, self.definition = folder, folder.definition
        self.trials, self.best = folder.trials, folder.best
        self.command: str | None = None
        if self.best is not None:
            path = folder.out / "best.toml"
            write_atomically(path, self.winner(self.best).to_toml().encode())
            self.command = f"arena train --config {shlex.quote(str(path))} --workers {max(workers, 2)}"

    def winner(self, best: FrozenTrial) -> Experiment:
        """The experiment of the best trial, with seeds that no trial used."""
        first = max(FIRST, *(seed + 1 for seed in self.definition.seeds))
        found = self.definition.experiment(self.definition.values(best.params))
        return dataclasses.replace(found, seeds=tuple(range(first, first + FRESH)))

    def to_dict(self) -> dict[str, Any]:
        """The object that ``arena tune --json`` prints."""
        return {
            "study": self.definition.name,
            "storage": self.folder.place,
            "trials": [self._row(trial) for trial in self.trials],
            "best": None if self.best is None else self._row(self.best),
            "command": self.command,
        }

    def show(self) -> None:
        """Prints the best trials, the importance of options, and the command that trains the winner."""
        screen = console()
        states = states_text(Counter(STATES[trial.state] for trial in self.trials))
        screen.print()
        screen.print(clean(f"{self.definition.name} · {states}"), style="bold")
        if self.best is None:
            screen.print("no trial is complete yet; run the same command again to continue", style="dim")
            return
        complete = [
            trial for trial in self.trials if trial.value is not None and trial.state == TrialState.COMPLETE
        ]
        top = sorted(complete, key=lambda trial: (-(trial.value or 0.0), trial.number))[:SHOWN]
        names = short_names({parameter.name: None for parameter in self.definition.space})
        rows = []
        for trial in top:
            values = self.definition.values(trial.params)
            cells = [value_text(values[name]) for name in names]
            rows.append([str(trial.number), format_number(trial.value), *cells])
        columns = ["trial", RETURNS[self.definition.settings.objective], *names.values()]
        print_table(columns, rows, right=columns)
        equal = sum(trial.value == self.best.value for trial in complete)
        if equal > 1:
            screen.print(f"{equal} trials have the highest value", style="dim")
        if importances := self._importances(len(complete)):
            shares = " · ".join(f"{names[name]} {share:.0%}" for name, share in importances.items())
            screen.print(f"importance: {shares}", style="dim")
        screen.print()
        bias = f"the best of {len(complete)} values is biased upwards; train the winner on fresh seeds:"
        screen.print(bias, style="dim")
        screen.print(clean(f"  {self.command}"), soft_wrap=True)

    def _row(self, trial: FrozenTrial) -> dict[str, Any]:
        return {
            "number": trial.number,
            "state": STATES[trial.state],
            "value": trial.value,
            "params": self.definition.values(trial.params),
            "runs": [str(Path(self.folder.out, name)) for name in trial.user_attrs.get("runs", ())],
        }

    def _importances(self, complete: int) -> dict[str, float]:
        """Importance of each option for being in the best tenth, largest first; empty with too few trials."""
        if complete < ENOUGH or len(self.definition.space) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return get_param_importances(self.folder.study, evaluator=PedAnovaImportanceEvaluator())
