"""Progress bar on standard error, whose updates cost a training run one dictionary assignment.

A few seeds of one experiment have a line each. Many runs share one line, with the numbers of finished and failed
runs, and below it a line for each run that is training now.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from arena.errors import ArenaError, Interrupted
from arena.experiments.labels import Label, labels
from arena.launch.base import BUSY
from arena.results.text import format_count, format_duration, format_number
from arena.runs.listener import Listener

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from arena.launch.base import Outcome
    from arena.runs.run import Run
    from arena.streams.base import Progress

__all__ = ["progress_bar", "progress_counter"]

#: Row of the bars: label, completed fraction, state, return, and seconds left.
_Cells: TypeAlias = tuple[str, float, str, str, float]

#: State before the first update.
COMPILING = "compiling…"

#: Maximum number of runs with their own line.
MOST_LINES = 8

#: Redraws per second.
RATE = 4

#: Seconds over which a speed is averaged.
WINDOW = 5.0

#: Seconds without an update after which a run may have ended: it converged, or failed.
SILENCE = 0.5

#: Seconds after which the estimate of the time left is shown.
SETTLED = 1.0

#: Number of runs, at each redraw, whose folders are checked for results of other processes.
LOOKS = 50

#: Maximum width of the drawing, in columns; a terminal with fewer than `WIDE` gets the short form.
WIDEST, WIDE = 120, 100

#: Free columns on the right: a terminal writes ^C after the drawing, and a line wrapped by it would not be erased.
MARGIN = 4

#: Widths of a bar and of a short bar, in columns.
BAR, SHORT_BAR = 28, 10


@contextlib.contextmanager
def progress_bar(runs: Sequence[Run], *, already: int = 0, drawn: bool = True) -> Iterator[Listener]:
    """Draw the progress of runs while they train, and erase the drawing at the end.

    If standard error is not a terminal, or `drawn` is false, there is no bar, and notices are plain lines.

    Args:
        runs: the runs to train, in this process or in others.
        already: number of further runs that are finished already, which are only counted.
        drawn: whether to draw the bar on a terminal.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    if not (drawn and console.is_terminal and runs):
        yield _Notices()
        return
    display = _Display(runs, already)
    if not display.unfinished:
        yield _Notices()
        return
    from rich.live import Live

    with Live(display, console=console, refresh_per_second=RATE, transient=True):
        yield _Bar(display, console)


@contextlib.contextmanager
def progress_counter(what: str) -> Iterator[Callable[[int], None]]:
    """Show a counter while standard error is a terminal; yields a function to call with the number so far.

    Args:
        what: counted things, in the plural, such as ``frames``.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        yield lambda count: None
        return
    shown = 0.0
    with console.status(f"0 {what}", refresh_per_second=RATE) as status:

        def show(count: int) -> None:
            nonlocal shown
            if time.monotonic() - shown > 1 / RATE:
                shown = time.monotonic()
                status.update(f"{count:,} {what}")

        yield show


class _Notices(Listener):
    """Listener without a terminal: prints one line per notice, and only the first about runs of other processes."""

    def __init__(self) -> None:
        self._reported_busy = False

    def noticed(self, run: Run, text: str) -> None:
        if text != BUSY or not self._reported_busy:
            self._reported_busy = self._reported_busy or text == BUSY
            print(_notice(run, text), file=sys.stderr)

    def announced(self, activity: str) -> None:
        print(activity, file=sys.stderr)


class _Bar(Listener):
    """Listener that stores every run's latest progress, which the drawing thread reads."""

    def __init__(self, display: _Display, console: Console) -> None:
        self._news, self._display, self._console = display.news, display, console

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        self._news[run.folder] = (progress, evaluation)

    def ended(self, run: Run, outcome: Outcome) -> None:
        if not isinstance(outcome, Interrupted):  # which goes on another time
            self._display.ends[run.folder] = isinstance(outcome, ArenaError)

    def noticed(self, run: Run, text: str) -> None:
        if text == BUSY:
            self._display.busy[run.folder] = None
        else:
            self._console.print(_notice(run, text), style="yellow", soft_wrap=True)

    def announced(self, activity: str) -> None:
        self._display.state = activity


class _Speed:
    """Steps a second over the last few seconds."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int]] = deque()

    def update(self, now: float, steps: int) -> None:
        """Takes the number of steps so far."""
        self._past.append((now, steps))
        while len(self._past) > 2 and now - self._past[0][0] > WINDOW:
            self._past.popleft()

    @property
    def value(self) -> float:
        """Steps per second; zero while unknown."""
        if len(self._past) < 2:
            return 0.0
        (before, first), (now, last) = self._past[0], self._past[-1]
        return (last - first) / (now - before) if now > before else 0.0


class _Line:
    """Progress of one run."""

    def __init__(self, run: Run, label: Label) -> None:
        self.run, self.label = run, label
        self.total, self.unit = run.spec.steps, run.spec.plugin.unit
        self.finished, self.failed = run.result() is not None, False
        #: Whether another process is training the run, as far as is known.
        self.elsewhere = False
        self.steps: int | None = None
        self.evaluation: float | None = None
        self.heard, self.base = 0.0, float(self.finished)
        self._resumes, self._speed = run.metrics.exists(), _Speed()

    def update(self, latest: tuple[Progress, float | None], now: float) -> int:
        """Record the run's latest progress; return the number of steps in this session since the previous update."""
        progress, self.evaluation = latest
        self.elsewhere = False
        taken = progress.steps - (self.steps or 0)
        if self.steps is None and self._resumes:
            # It resumed from a checkpoint: the steps before that do not count as taken now.
            taken, self.base = 0, progress.steps / self.total
        self.steps, self.heard = progress.steps, now
        self.finished = self.finished or self.steps >= self.total
        self._speed.update(now, self.steps)
        return taken

    def look(self) -> None:
        """Check for a result: the run may have converged, or another process may have trained it."""
        with contextlib.suppress(ArenaError):
            self.finished = self.finished or self.run.result() is not None

    @property
    def ended(self) -> bool:
        """Whether the run has finished or failed."""
        return self.finished or self.failed

    @property
    def training(self) -> bool:
        """Whether the run has started and not ended."""
        return self.steps is not None and not self.ended

    @property
    def fraction(self) -> float:
        """Completed fraction, in [0, 1]."""
        return 1.0 if self.ended else min((self.steps or 0) / self.total, 1.0)

    @property
    def speed(self) -> float:
        """Recent steps per second; zero while unknown."""
        return 0.0 if self.ended else self._speed.value

    @property
    def left(self) -> float:
        """Estimated seconds left at the current speed."""
        return (1 - self.fraction) * self.total / self.speed if self.speed else math.inf


class _Display:
    """Drawing of all runs, updated when rich redraws it."""

    def __init__(self, runs: Sequence[Run], already: int = 0) -> None:
        self.news: dict[Path, tuple[Progress, float | None]] = {}
        #: For each run that has ended, whether it failed.
        self.ends: dict[Path, bool] = {}
        #: Runs that another process is training.
        self.busy: dict[Path, None] = {}
        #: State shown before the first update.
        self.state = COMPILING
        named = labels([run.spec for run in runs])
        self._lines = {run.folder: _Line(run, label) for run, label in zip(runs, named, strict=True)}
        #: The name of the one experiment whose seeds all have a line.
        self._title = str(named[0]) if len({*named}) == 1 and len(runs) + already <= MOST_LINES else None
        self._total = already + len(self._lines)
        #: Runs that have not ended, in the order in which their folders are checked.
        self.unfinished = deque(line for line in self._lines.values() if not line.finished)
        self._already = already
        self._steps, self._speed = 0, _Speed()
        self._began: float | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.constrain import Constrain
        from rich.text import Text

        self._update(time.monotonic())
        width = min(options.max_width - MARGIN, WIDEST)
        bar = BAR if width >= WIDE else SHORT_BAR
        elsewhere = sum(line.elsewhere and not line.ended for line in self._lines.values())
        if self._title is not None:
            yield Constrain(Text(self._title, style="bold", no_wrap=True, overflow="ellipsis"), width)
            rows = [self._cells(line) for line in self._lines.values()]
            yield Constrain(_bars(rows if self._total == 1 else [*rows, self._sum()], bar), width)
        else:
            yield Constrain(_bars([self._sum()], bar), width)
            if lines := self._training():
                yield self._table(lines, width)
        if elsewhere:
            yield Text(f"  {elsewhere:,} trained by another process", style="dim", no_wrap=True)

    def _update(self, now: float) -> None:
        while self.news:  # removed one by one, since the training thread may add to it at any time
            folder, latest = self.news.popitem()
            self._began = now if self._began is None else self._began
            self._steps += self._lines[folder].update(latest, now)
        while self.busy:
            folder, _ = self.busy.popitem()
            self._lines[folder].elsewhere = True
        while self.ends:
            folder, failed = self.ends.popitem()
            line = self._lines[folder]
            line.finished, line.failed = not failed, failed
        self._speed.update(now, self._steps)
        for line in self.unfinished:
            if line.training and now - line.heard > SILENCE:
                line.look()
        for _ in range(min(LOOKS, len(self.unfinished))):
            line = self.unfinished.popleft()
            if line.steps is None and not line.ended:
                line.look()
            if not line.ended:
                self.unfinished.append(line)

    def _training(self) -> list[_Line]:
        """Runs that are training now, at most `MOST_LINES` with the latest updates, in the original order."""
        training = [line for line in self.unfinished if line.training]
        latest = {line.run.folder for line in sorted(training, key=lambda line: -line.heard)[:MOST_LINES]}
        return [line for folder, line in self._lines.items() if folder in latest]

    def _cells(self, line: _Line) -> _Cells:
        if line.ended:
            state = "failed" if line.failed else "done"
        else:
            state = _speed(line.speed, line.unit) if self._began else self.state
        return f"  seed {line.run.seed}", line.fraction, state, _score([line]), line.left

    def _sum(self) -> _Cells:
        """Cells of the summary line of all runs; for seeds of one experiment, with their mean return."""
        lines = self._lines.values()
        failed = sum(line.failed for line in lines)
        finished = self._total - failed - sum(not line.ended for line in lines)
        done = self._already + sum(line.fraction for line in lines)
        units = {line.unit for line in lines}
        unit = units.pop() if len(units) == 1 else "step"
        state = _speed(self._speed.value, unit) if self._began else self.state
        score = _score([*lines]) if self._title else ""
        score = f"{failed:,} failed" if failed else score
        return f"  {finished:,} of {self._total:,} runs", done / self._total, state, score, self._left(done)

    def _left(self, done: float) -> float:
        """Estimated seconds left for all runs, at the average speed since the start."""
        gone = done - self._already - sum(line.base for line in self._lines.values())
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        return seconds * (self._total - done) / gone if gone > 0 and seconds > SETTLED else math.inf

    def _table(self, lines: Sequence[_Line], width: int) -> Table:
        """Table with a row for each of some runs; names get the columns that the numbers leave."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        wide = width >= WIDE
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.width = width
        for ratio in (3, 2):
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=ratio)
        table.add_column(no_wrap=True)
        _add_numbers(table, SHORT_BAR * wide, 1 * wide)
        for line in lines:
            bar = [ProgressBar(total=1.0, completed=line.fraction, width=SHORT_BAR)] if wide else []
            score = [_score([line])] if wide else []
            speed = _speed(line.speed, line.unit)
            names = f"  {line.label.agent}", line.label.env, f"seed {line.run.seed}"
            table.add_row(*names, *bar, f"{line.fraction:.0%}", speed, *score)
        return table


def _bars(rows: Sequence[_Cells], width: int) -> Table:
    """Table of rows with a bar of `width` columns each."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    _add_numbers(table, width, 2)
    for label, fraction, state, score, left in rows:
        bar = ProgressBar(total=1.0, completed=fraction, width=width)
        time_left = f"{format_duration(left)} left" if 0 < left < 1e7 else ""
        table.add_row(label, bar, f"{fraction:.0%}", state, score, time_left)
    return table


def _add_numbers(table: Table, bar: int, dim: int) -> None:
    """Add the columns of a bar (if `bar` > 0), of fraction and speed, and `dim` columns of less important cells."""
    if bar:
        table.add_column(width=bar)
    table.add_column(justify="right", no_wrap=True, min_width=4)
    table.add_column(justify="right", no_wrap=True, min_width=13)
    for _ in range(dim):
        table.add_column(style="dim", no_wrap=True, min_width=10)


def _speed(speed: float, unit: str) -> str:
    return f"{format_count(speed)} {unit}s/s" if speed else ""


def _score(lines: Sequence[_Line]) -> str:
    """Mean return of some runs, or mean loss of fits, which is the negative of their evaluation."""
    scores = [line.evaluation for line in lines if line.evaluation is not None]
    if not scores:
        return ""
    mean = sum(scores) / len(scores)
    fits = all(line.run.spec.plugin.kind == "encoder" for line in lines)
    return f"loss {format_number(-mean)}" if fits else f"return {format_number(mean)}"


def _notice(run: Run, text: str) -> str:
    return f"{run.spec.name} on {run.spec.source}, seed {run.seed}: {text}"
