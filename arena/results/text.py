"""Numbers and durations as text, for tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

__all__ = ["UNKNOWN", "aligned", "format_count", "format_duration", "format_interval", "format_number"]

UNKNOWN = "–"


def format_number(value: float | None) -> str:
    """Format a number with four significant digits: ``-13``, ``0.744``, ``-0.00012``; a dash for None."""
    if value is None:
        return UNKNOWN
    value = round(value, 10) + 0.0  # a gap of 1e-16 is none, and -0 is 0
    if abs(value) < 1e6 and value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"


def format_count(value: float) -> str:
    """Format a count with a unit prefix: ``950``, ``12.3 k``, ``4.2 M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def format_duration(seconds: float) -> str:
    """Format a duration: ``0.3 s``, ``42 s``, ``3:05 min``, ``2:05 h``."""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds >= 0.1 else f"{seconds:.1g} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def format_interval(bounds: Sequence[float] | None) -> str:
    """Format an interval: ``[-14, -13]``; a dash for None."""
    return UNKNOWN if bounds is None else f"[{format_number(min(bounds))}, {format_number(max(bounds))}]"


def aligned(
    rows: Sequence[Sequence[str]], right: Collection[int], width: Callable[[str], int] = len
) -> list[str]:
    """Pad the cells of a table's rows, of which the first has the names of columns, and join each row to a line.

    Args:
        rows: cells of each row.
        right: indices of the columns that are aligned to the right.
        width: function that measures a text, in columns of the terminal.
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        spaces = [" " * (room - width(cell)) for cell, room in zip(row, widths, strict=True)]
        padded = [s + c if i in right else c + s for i, (c, s) in enumerate(zip(row, spaces, strict=True))]
        lines.append("  ".join(padded).rstrip())
    return lines
