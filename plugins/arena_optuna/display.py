"""Progress of a study on standard error: a progress bar on a terminal, or one line for each trial."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from arena.cli.output import clean
from arena.results.text import format_count, format_duration, format_number
from arena_optuna.study import COUNTED, StudyFolder
from arena_optuna.work import Ended, News

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["following", "states_text", "values_text"]

#: Refreshes a second.
RATE = 4

#: Seconds over which the speed is averaged.
WINDOW = 5.0


@contextlib.contextmanager
def following(folder: StudyFolder, stopping: Callable[[], bool], *, silent: bool) -> Iterator[News]:
    """Shows the progress of a study.

    Args:
        folder: the study.
        stopping: whether a stop was requested.
        silent: show notices only.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    if silent or not console.is_terminal:
        yield _Lines(folder, stopping, silent)
        return
    from rich.live import Live

    bar = _Bar(folder, stopping, console)
    with Live(bar, console=console, refresh_per_second=RATE, transient=True):
        yield bar


class _Followed(News):
    """Base of both displays: tracks the best trial, and shows each failure once."""

    def __init__(self, folder: StudyFolder, stopping: Callable[[], bool]) -> None:
        self._stopping, self._shown = stopping, set[str]()
        self.wanted, self.name = folder.definition.settings.trials, folder.definition.name
        self.states = Counter(trial.state.name.lower() for trial in folder.trials if trial.state in COUNTED)
        self.best: Ended | None = None
        if folder.best is not None:
            values = folder.definition.values(folder.best.params)
            self.best = Ended(folder.best.number, "complete", folder.best.value, values)

    @property
    def counted(self) -> int:
        """Trials that count towards those wanted."""
        return self.states["complete"] + self.states["pruned"]

    def ended(self, trial: Ended) -> None:
        self.states[trial.state] += 1
        if trial.state == "complete" and (self.best is None or _rank(trial) > _rank(self.best)):
            self.best = trial
        if trial.error:
            self.once(f"trial {trial.number} failed: {trial.error}", trial.error)

    def noticed(self, text: str) -> None:
        self.once(text, text)

    def stopping(self) -> bool:
        if self._stopping():
            self.once("stopping after a checkpoint; press Ctrl-C again to stop at once", "stopping")
            return True
        return False

    def once(self, text: str, key: str) -> None:
        """Shows a line, unless one with the same key was shown."""
        if key not in self._shown:
            self._shown.add(key)
            self.show(clean(" ".join(text.split())))

    def show(self, text: str) -> None:
        """Shows a line."""
        print(text, file=sys.stderr, flush=True)


class _Lines(_Followed):
    """Display without a terminal: one line for each trial."""

    def __init__(self, folder: StudyFolder, stopping: Callable[[], bool], silent: bool) -> None:
        super().__init__(folder, stopping)
        self._silent = silent

    def ended(self, trial: Ended) -> None:
        super().ended(trial)
        if not self._silent and trial.state != "failed":
            best = " (best)" if trial is self.best else ""
            text = f"{self.counted} of {self.wanted}: trial {trial.number} {trial.state}"
            self.show(clean(f"{text}, {format_number(trial.value)}{best}: {values_text(trial.values)}"))


class _Bar(_Followed):
    """Display on a terminal: a progress bar, redrawn by a thread of its own."""

    def __init__(self, folder: StudyFolder, stopping: Callable[[], bool], console: Console) -> None:
        super().__init__(folder, stopping)
        self._console = console
        self._fractions: dict[int, float] = {}
        self._steps, self._past = 0, deque[tuple[float, int]]()
        self._began, self._before = time.monotonic(), self.counted

    def moved(self, number: int, fraction: float, steps: int) -> None:
        self._fractions[number] = fraction
        self._steps += steps

    def ended(self, trial: Ended) -> None:
        super().ended(trial)
        self._fractions.pop(trial.number, None)

    def show(self, text: str) -> None:
        self._console.print(text, style="yellow", soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        done = self.counted + sum([*self._fractions.values()])
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True, overflow="ellipsis", max_width=20)
        table.add_column()
        table.add_column(no_wrap=True)
        table.add_column(style="dim", no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(
            total=self.wanted, completed=min(done, self.wanted), width=max(8, options.max_width // 6)
        )
        table.add_row(clean(self.name), bar, f"{self.counted} of {self.wanted} trials", self._pace(done))
        yield table
        yield Text(f"  {states_text(self.states)}", style="dim", no_wrap=True, overflow="ellipsis")
        if self.best is not None:
            text = f"  best {format_number(self.best.value)}, trial {self.best.number}: {values_text(self.best.values)}"
            yield Text(clean(text), no_wrap=True, overflow="ellipsis")

    def _pace(self, done: float) -> str:
        now = time.monotonic()
        self._past.append((now, self._steps))
        while len(self._past) > 2 and now - self._past[0][0] > WINDOW:
            self._past.popleft()
        (before, first), (_, last) = self._past[0], self._past[-1]
        speed = f"{format_count((last - first) / (now - before))} steps/s" if last > first else ""
        left = (
            (now - self._began) * (self.wanted - done) / (done - self._before) if done > self._before else 0
        )
        return "  ".join(part for part in (speed, f"{format_duration(left)} left" if left else "") if part)


def states_text(states: Mapping[str, int]) -> str:
    """Number of trials by state, such as ``27 complete · 12 pruned · 1 failed``."""
    kinds = [kind for kind in ("complete", "pruned", "failed", "waiting") if states.get(kind)]
    return " · ".join(f"{states[kind]} {kind}" for kind in kinds) or "no trial yet"


def values_text(values: Mapping[str, Any]) -> str:
    """Options with their values, such as ``learning_rate 0.31  epsilon 0.05``."""
    short = short_names(values)
    return "  ".join(f"{short[name]} {value_text(value)}" for name, value in values.items())


def value_text(value: Any) -> str:
    """The text of a value in a table."""
    return format_number(value) if isinstance(value, float) else str(value)


def short_names(names: Mapping[str, Any]) -> dict[str, str]:
    """Names without ``agent.`` and ``env.``, where they stay distinct."""
    short = {name: name.rpartition(".")[2] for name in names}
    often = Counter(short.values())
    return {name: text if often[text] == 1 else name for name, text in short.items()}


def _rank(trial: Ended) -> tuple[float, int]:
    assert trial.value is not None, "a complete trial has a value"
    return trial.value, -trial.number
