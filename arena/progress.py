"""A progress bar on standard error, one line a run; news costs a training run a dictionary's assignment."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from arena.runner import Listener
from arena.tables_text import count, duration, number

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from arena.agent import Progress
    from arena.run import Run

__all__ = ["progress_bar"]

#: More runs than this share one line.
MOST_LINES = 8

#: Redrawings a second.
RATE = 4

#: Seconds over which a speed is taken; the present of a bar is what just happened.
WINDOW = 5.0


@contextlib.contextmanager
def progress_bar(runs: Sequence[Run]) -> Iterator[Listener]:
    """Draws the progress of runs while they train, and takes the drawing away at the end.

    Where standard error is no terminal there is no bar: notices are plain lines.

    Args:
        runs: what will be trained, in this process or in others.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    lines = [_Line(run) for run in runs]
    if not console.is_terminal or all(line.finished for line in lines):
        yield _Notices()
        return
    from rich.live import Live

    display = _Display(lines)
    with Live(display, console=console, refresh_per_second=RATE, transient=True):
        yield _Bar(display, console)


class _Notices(Listener):
    """No terminal: whatever matters, a line each."""

    def noticed(self, run: Run, text: str) -> None:
        print(_notice(run, text), file=sys.stderr)


class _Bar(Listener):
    """Notes where every run is; the drawing thread looks when it likes."""

    def __init__(self, display: _Display, console: Console) -> None:
        self._latest, self._console = display.latest, console

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._latest[run.folder] = (progress, evaluation)

    def noticed(self, run: Run, text: str) -> None:
        self._console.print(_notice(run, text), style="yellow")


class _Line:
    """What is known of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.total = run.experiment.steps
        self.finished = run.result() is not None
        self.steps: int | None = None
        self.evaluation: float | None = None
        self._past: deque[tuple[float, int]] = deque()

    def update(self, latest: tuple[Progress, float | None] | None, now: float) -> None:
        """Takes the run's last news."""
        if latest is None or self.finished:
            return
        progress, self.evaluation = latest
        if progress.steps == self.steps and self._past:
            # No news: it may have converged before its last step, which nobody says but the result.
            self.finished = now - self._past[-1][0] > 0.5 and self.run.result() is not None
            return
        self.steps = progress.steps
        self.finished = self.steps >= self.total
        self._past.append((now, self.steps))
        while len(self._past) > 2 and now - self._past[0][0] > WINDOW:
            self._past.popleft()

    @property
    def training(self) -> bool:
        """Whether it has begun and not ended."""
        return self.steps is not None and not self.finished

    @property
    def fraction(self) -> float:
        """How much of it is done."""
        return 1.0 if self.finished else min((self.steps or 0) / self.total, 1.0)

    @property
    def speed(self) -> float:
        """Steps a second lately; zero while that is unknown."""
        if self.finished or len(self._past) < 2:
            return 0.0
        (before, first), (now, last) = self._past[0], self._past[-1]
        return (last - first) / (now - before)


class _Display:
    """What is drawn: it looks at the news when rich asks for a picture."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self.lines = lines
        self.latest: dict[object, tuple[Progress, float | None]] = {}
        first = lines[0].run.experiment
        self._unit = first.spec.unit
        same = all(
            (line.run.experiment.agent, line.run.experiment.env) == (first.agent, first.env) for line in lines
        )
        self._title = f"{first.agent} on {first.env}" if same else f"{len(lines)} runs"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.monotonic()
        for line in self.lines:
            line.update(self.latest.get(line.run.folder), now)
        yield self._table()

    def _table(self) -> Table:
        from rich.table import Table

        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for _ in range(2):
            table.add_column(justify="right", no_wrap=True)
        for _ in range(2):
            table.add_column(style="dim", no_wrap=True)
        if 1 < len(self.lines) <= MOST_LINES:
            table.add_row(self._title)
            for line in self.lines:
                self._add(table, f"  seed {line.run.seed}", [line])
        elif len(self.lines) == 1:
            self._add(table, self._title, self.lines)
        if len(self.lines) > 1:
            done = sum(line.finished for line in self.lines)
            label = f"  {done} of {len(self.lines)} runs"
            self._add(
                table,
                label if len(self.lines) <= MOST_LINES else f"{self._title}, {label.strip()}",
                self.lines,
            )
        return table

    def _add(self, table: Table, label: str, lines: Sequence[_Line]) -> None:
        from rich.progress_bar import ProgressBar

        fraction = sum(line.fraction for line in lines) / len(lines)
        bar = ProgressBar(total=1.0, completed=fraction, width=28)
        speed = sum(line.speed for line in lines)
        if all(line.finished for line in lines):
            state = "done"
        elif any(line.training for line in self.lines):
            state = f"{count(speed)} {self._unit}s/s" if speed else ""
        else:
            state = "compiling…"
        scores = [line.evaluation for line in lines if line.evaluation is not None]
        score = f"return {number(sum(scores) / len(scores))}" if scores else ""
        left = _left(lines)
        table.add_row(
            label, bar, f"{fraction:.0%}", state, score, f"{duration(left)} left" if 0 < left < 1e7 else ""
        )


def _left(lines: Sequence[_Line]) -> float:
    """Seconds to go for all: what is left of all their steps, at the speed of those that are training."""
    speed = sum(line.speed for line in lines)
    steps = sum((1 - line.fraction) * line.total for line in lines)
    return steps / speed if speed else math.inf


def _notice(run: Run, text: str) -> str:
    return f"{run.experiment.agent} on {run.experiment.env}, seed {run.seed}: {text}"
