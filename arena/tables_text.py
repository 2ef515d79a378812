"""Text output of results: the cells of the command line's table, and a whole table for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.api import Results

__all__ = ["count", "duration", "heading", "number", "results_text", "summary_cells"]

UNKNOWN = "–"
WIDTH = 100


def results_text(results: Results) -> str:
    """Format results as a heading, one row of numbers under their names, and the run folders; at most 100 columns.

    Example:
        ::

            q-learning on arena/CliffWalk-v0 · 5 seeds
            return  95 % interval      IQM  optimum  policy value  gap    steps  time   steps/s
               -13  [-13, -13]         -13      -13           -13    0  100,000  0.1 s    4.2 M
    """
    cells = summary_cells(results)
    widths = [max(map(len, pair)) for pair in cells]
    lines = [
        "  ".join(cell[i].rjust(width) for cell, width in zip(cells, widths, strict=True)) for i in (0, 1)
    ]
    folders = [str(row["path"]) for row in results.runs]
    shown = folders if len(folders) <= 3 else [*folders[:2], f"and {len(folders) - 2} more"]
    return "\n".join(_cut(text) for text in [heading(results), *lines, *shown])


def heading(results: Results) -> str:
    """Format in one line what was run: agent, environment, wrappers and number of seeds."""
    from arena.labels import labels

    experiment = results.experiment
    seeds = len(results.runs)
    wrapped = f" in {', '.join(experiment.wrappers)}" if experiment.wrappers else ""
    [label] = labels([experiment])
    return f"{label.agent} on {experiment.env}{wrapped} · {seeds} seed{'s' * (seeds != 1)}"


def summary_cells(results: Results) -> list[tuple[str, str]]:
    """Make the cells of the table's single row: each column's name and text."""
    summary = results.summary
    interval = summary["ci95"]
    steps = sum(row["steps"] for row in results.runs)
    seconds = sum(row["seconds"] for row in results.runs)
    unit = f"{results.experiment.spec.unit}s"
    pace = [
        (unit, _span([row["steps"] for row in results.runs])),
        ("time", duration(seconds)),
        (f"{unit}/s", count(steps / seconds) if seconds > 0 else UNKNOWN),
    ]
    if unit == "updates":
        return [("held-out loss", number(-summary["mean"])), ("95 % CI", _between(interval, -1)), *pace]
    return [
        ("return", number(summary["mean"])),
        ("95 % CI", _between(interval)),
        ("IQM", number(summary["iqm"])),
        ("optimum", number(summary["optimum"])),
        ("policy value", number(summary["policy_value"])),
        ("gap", number(summary["gap"])),
        *pace,
    ]


def _between(interval: Sequence[float] | None, sign: int = 1) -> str:
    if interval is None:
        return UNKNOWN
    low, high = sorted(sign * bound for bound in interval)
    return f"[{number(low)}, {number(high)}]"


def number(value: float | None) -> str:
    """Format a number with four significant digits: ``-13``, ``0.744``, ``-0.00012``; a dash for None."""
    if value is None:
        return UNKNOWN
    value = round(value, 10) + 0.0  # a gap of 1e-16 is none, and -0 is 0
    if abs(value) < 1e6 and value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"


def count(value: float) -> str:
    """Format a count with a unit prefix: ``950``, ``12.3 k``, ``4.2 M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Format a duration: ``0.3 s``, ``42 s``, ``3:05 min``, ``2:05 h``."""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds >= 0.1 else f"{seconds:.1g} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def _span(steps: Sequence[int]) -> str:
    low, high = min(steps), max(steps)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
