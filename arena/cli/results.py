"""Tables of results on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from arena.cli.output import clean, console
from arena.results.results import heading, summary_cells

if TYPE_CHECKING:
    from rich.table import Table

    from arena.results.results import Results

__all__ = ["show_evaluation", "show_results"]

#: Run folders shown below a table.
FOLDERS = 5


def show_results(results: Results) -> None:
    """Prints the table of an experiment, its run folders, and commands to try next."""
    from rich.text import Text

    screen = console()
    screen.print()
    screen.print(Text(clean(heading(results)), style="bold"))
    screen.print(_row(dict(summary_cells(results))))
    screen.print()
    folders = [clean(row["path"]) for row in results.runs]
    for folder in folders[:FOLDERS]:
        screen.print(folder, style="dim", soft_wrap=True)
    if len(folders) > FOLDERS:
        screen.print(f"and {len(folders) - FOLDERS} more runs", style="dim")
    verbs = ("gallery",) if results.spec.plugin.kind == "encoder" else ("eval", "watch")
    hint = ", ".join(f"arena {verb} {folders[0]}" for verb in verbs)
    screen.print(f"next: {hint}", style="dim", soft_wrap=True)
    if len(folders) == 1:
        screen.print("no confidence interval for a single seed; try --seeds 5", style="dim")


def show_evaluation(title: str, cells: Mapping[str, str]) -> None:
    """Prints one evaluation as a table of one row."""
    screen = console()
    screen.print()
    screen.print(clean(title), style="bold")
    screen.print(_row(cells))


def _row(cells: Mapping[str, str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for i, name in enumerate(cells):
        table.add_column(name, justify="right", style="bold green" if i == 0 else None, no_wrap=True)
    table.add_row(*map(clean, cells.values()))
    return table
